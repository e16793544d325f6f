import assert from 'node:assert/strict';
import { test } from 'node:test';

import { losesWork, shareDone } from '../src/models/progress.ts';
import { job } from './fakes.ts';

test('the share that is done counts epochs that are over, then steps, then cells', () => {
  assert.equal(shareDone(job('a', 1)), null);
  assert.equal(shareDone(job('a', 1, { progress: { cell: 2, cells: 4 } })), 0.25);
  assert.equal(shareDone(job('a', 1, { progress: { epoch: 1, epochs: 2 } })), 0);
  const within = { epoch: 1, epochs: 2, step: 5, steps: 10 };
  assert.equal(shareDone(job('a', 1, { progress: within })), 0.25);
  const last = { epoch: 2, epochs: 2, step: 10, steps: 10 };
  assert.equal(shareDone(job('a', 1, { progress: last })), 1);
  assert.equal(shareDone(job('a', 1, { state: 'succeeded' })), 1);
});

test('stopping asks only where work would be lost', () => {
  assert.equal(losesWork(job('a', 1, { state: 'queued' })), false);
  assert.equal(losesWork(job('a', 1)), true);
  assert.equal(losesWork(job('a', 1, { progress: { epoch: 1 } })), true);
  assert.equal(losesWork(job('a', 1, { progress: { epoch: 2 } })), false);
  assert.equal(losesWork(job('a', 1, { progress: { epoch: 2 }, disable: ['backup'] })), true);
  assert.equal(losesWork(job('a', 1, { progress: { epoch: 1, step: 9 }, backup_every: 5 })), false);
});
