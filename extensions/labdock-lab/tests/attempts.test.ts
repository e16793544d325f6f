import assert from 'node:assert/strict';
import { test } from 'node:test';

import { attemptRows } from '../src/models/attempts.ts';
import { moment, ownerName } from '../src/models/wording.ts';
import { trans } from './fakes.ts';

test('each attempt says how long it took, why it ended, and where its workers were', () => {
  const rows = attemptRows(
    [
      {
        number: 1,
        started: 1000,
        ended: 1200,
        reason: 'Worker 1 ended with exit code 137.',
        workers: [
          { rank: 0, state: 'ended', node: 'here', exit_code: 0 },
          { rank: 1, state: 'ended', node: 'there', exit_code: 137 }
        ]
      },
      { number: 2, started: 1300, workers: [{ rank: 0, state: 'running', node: 'here' }] },
      { number: 3, workers: [] }
    ],
    trans
  );
  assert.deepEqual(rows, [
    {
      number: 1,
      started: moment(1000),
      took: '3 min 20 s',
      reason: 'Worker 1 ended with exit code 137.',
      workers: '0 · here · exit code 0, 1 · there · exit code 137'
    },
    { number: 2, started: moment(1300), took: '', reason: '', workers: '0 · here' },
    { number: 3, started: '', took: '', reason: '', workers: '' }
  ]);
});

test('what a project submitted itself is said to be its own', () => {
  assert.equal(ownerName('ada', trans), 'ada');
  assert.equal(ownerName('project--vision', trans), 'the project vision');
});
