import assert from 'node:assert/strict';
import { test } from 'node:test';

import { hubAddress } from '../src/models/hubaddress.ts';
import { LINK, linkedBy, linkTo, type Linked } from '../src/models/links.ts';

const PLACE = { host: '', prefix: '/hub/', origin: 'https://lab.example' };
const HUB = hubAddress(PLACE, '/hub/');

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

test('a link keeps the hub’s prefix and its own host', () => {
  const place = { host: 'https://hub.example', prefix: '/ml/hub/', origin: 'https://ada.example' };
  assert.equal(
    linkTo({ kind: 'job', id: 'jabc' }, hubAddress(place, '/hub/')),
    'https://hub.example/ml/hub/user-redirect/lab?labdock-job=jabc'
  );
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
