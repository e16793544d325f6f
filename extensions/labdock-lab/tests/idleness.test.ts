import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  idleSince,
  readKept,
  stopsIn,
  type IKept,
  type IServerUse
} from '../src/models/idleness.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const MINUTE = 60_000;

function ago(minutes: number): string {
  return new Date(NOW - minutes * MINUTE).toISOString();
}

function use(started: number, kernels: [string, number][] = []): IServerUse {
  return {
    now: NOW,
    started: ago(started),
    kernels: kernels.map(([execution_state, used]) => ({
      execution_state,
      last_activity: ago(used)
    })),
    terminals: []
  };
}

function nothingKept(): IKept {
  let kept: ReturnType<IKept['get']> = null;
  return { get: () => kept, set: now => (kept = now) };
}

test('a server without kernels is idle since it was started', () => {
  assert.equal(idleSince(use(30), nothingKept()), 30 * MINUTE);
});

test('a kernel that runs is no idleness, and one that ran counts from then', () => {
  assert.equal(idleSince(use(30, [['busy', 20]]), nothingKept()), 0);
  assert.equal(idleSince(use(30, [['idle', 20]]), nothingKept()), 20 * MINUTE);
});

test('a kernel that was closed counts still, until the server is started anew', () => {
  const kept = nothingKept();
  idleSince(use(30, [['idle', 5]]), kept);
  assert.equal(idleSince(use(30), kept), 5 * MINUTE);
  assert.equal(idleSince(use(2), kept), 2 * MINUTE);
});

test('it is said when a tenth of the time is left', () => {
  assert.equal(stopsIn(89, 100), null);
  assert.equal(stopsIn(90, 100), 10);
  assert.equal(stopsIn(110, 100), 0);
});

test('what was kept is read where it is whole, and passed over where it is broken', () => {
  const kept = { started: ago(30), used: NOW };
  assert.deepEqual(readKept(JSON.stringify(kept)), kept);
  for (const broken of [null, '', '{', 'null', '3', '{"started": 1, "used": 2}', '{"used": 2}']) {
    assert.equal(readKept(broken), null);
  }
});
