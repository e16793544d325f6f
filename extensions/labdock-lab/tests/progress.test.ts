import assert from 'node:assert/strict';
import { test } from 'node:test';

import { shareDone } from '../src/models/progress.ts';
import { job } from './fakes.ts';

test('the share that is done counts epochs, then steps, then cells', () => {
  assert.equal(shareDone(job('a', 1)), null);
  assert.equal(shareDone(job('a', 1, { progress: { cell: 1, cells: 4 } })), 0.25);
  assert.equal(shareDone(job('a', 1, { progress: { epoch: 1, epochs: 2 } })), 0.5);
  const within = { epoch: 1, epochs: 2, step: 5, steps: 10 };
  assert.equal(shareDone(job('a', 1, { progress: within })), 0.75);
  assert.equal(shareDone(job('a', 1, { state: 'succeeded' })), 1);
});
