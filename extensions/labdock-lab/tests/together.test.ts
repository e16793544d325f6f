import assert from 'node:assert/strict';
import { test } from 'node:test';

import { placeOf, serverAddress, sharedOf } from '../src/models/together.ts';

const VISION = { name: 'vision', together: '/hub/spawn/project--vision' };

test('people work together in projects that have a server', () => {
  const projects = [{ name: 'ann' }, { name: 'alone', together: null }, VISION];
  assert.deepEqual(sharedOf(projects), [VISION]);
});

test('a file lies in a project below its folder alone', () => {
  assert.deepEqual(placeOf('projects/vision/a/b.ipynb'), { project: 'vision', path: 'a/b.ipynb' });
  for (const path of ['', 'a.ipynb', 'projects/a.ipynb', 'my/projects/vision/a.ipynb']) {
    assert.equal(placeOf(path), null);
  }
});

test('a project’s server is reached by the hub, which starts it', () => {
  const place = { host: '', prefix: '/hub/', origin: 'https://lab.example' };
  assert.equal(serverAddress(VISION, '', place), 'https://lab.example/hub/spawn/project--vision');
  const address = new URL(serverAddress(VISION, 'a & b/c?.ipynb', place));
  assert.equal(
    address.searchParams.get('next'),
    '/user/project--vision/lab/tree/a%20%26%20b/c%3F.ipynb'
  );
});

test('the hub’s prefix and host are kept', () => {
  const place = { host: 'https://hub.example', prefix: '/ml/hub/', origin: 'https://ann.example' };
  const address = new URL(serverAddress(VISION, 'a.ipynb', place));
  assert.equal(
    address.origin + address.pathname,
    'https://hub.example/ml/hub/spawn/project--vision'
  );
  assert.equal(address.searchParams.get('next'), '/ml/user/project--vision/lab/tree/a.ipynb');
});
