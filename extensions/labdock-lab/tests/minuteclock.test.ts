import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MinuteClock } from '../src/models/minuteclock.ts';

test('who listens is told each minute, and the clock stands still without them', context => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const clock = new MinuteClock();
  const told: string[] = [];
  const leave = clock.listen(() => told.push('a'));
  const leaveToo = clock.listen(() => told.push('b'));
  context.mock.timers.tick(60_000);
  leave();
  context.mock.timers.tick(60_000);
  leaveToo();
  context.mock.timers.tick(120_000);
  assert.deepEqual(told, ['a', 'b', 'b']);
  clock.listen(() => told.push('c'));
  context.mock.timers.tick(60_000);
  assert.deepEqual(told, ['a', 'b', 'b', 'c']);
});
