import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LINK, linkedBy, linkTo, type Linked } from '../src/models/links.ts';

const HUB = 'https://lab.example/hub/';

test('a link leads back to what it was made of', () => {
  const all: Linked[] = [
    { kind: 'job', id: 'jabc' },
    { kind: 'endpoint', project: 'vision & co', name: 'digits' }
  ];
  for (const linked of all) {
    const link = linkTo(linked, HUB);
    assert.match(link, /^https:\/\/lab\.example\/hub\/user-redirect\/lab\?/);
    assert.match(link, LINK);
    assert.deepEqual(linkedBy(new URL(link).search), linked);
  }
});

test('other addresses lead nowhere', () => {
  for (const search of [
    '',
    '?reset',
    '?labdock-job=',
    '?labdock-endpoint=a',
    '?labdock-endpoint=a/b/c'
  ]) {
    assert.equal(linkedBy(search), null);
  }
});
