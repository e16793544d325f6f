import assert from 'node:assert/strict';
import { test } from 'node:test';

import { placed } from '../src/models/placement.ts';
import { STEPS, Tour, tourState } from '../src/models/tour.ts';
import { job } from './fakes.ts';

function begun(offered: (typeof STEPS)[number][] = [...STEPS]): Tour {
  const tour = new Tour('ada', step => offered.includes(step));
  tour.begin();
  return tour;
}

test('each step waits for the real thing, in whatever order it happens', () => {
  const tour = begun();
  assert.equal(tour.step, 'opened');
  tour.happened('ran');
  assert.equal(tour.step, 'opened');
  tour.happened('opened');
  assert.equal(tour.step, 'submitted');
});

test('a step whose command is not there is left out', () => {
  const tour = begun(['opened', 'ran']);
  tour.happened('opened');
  tour.happened('ran');
  assert.equal(tour.step, null);
  assert.equal(tour.state.active, false);
});

test('the person’s own job is followed to its end, and one after it where it fails', () => {
  const tour = begun(['submitted', 'ended']);
  tour.sawJobs([job('old', 1, { state: 'succeeded' }), job('his', 1, { owner: 'bo' })]);
  assert.equal(tour.step, 'submitted');
  tour.sawJobs([job('a', 1, { state: 'packaging' })]);
  assert.equal(tour.step, 'ended');
  tour.sawJobs([job('other', 1, { state: 'succeeded' }), job('a', 1, { state: 'failed' })]);
  assert.equal(tour.step, 'ended');
  tour.sawJobs([job('b', 2, { state: 'packaging' })]);
  tour.sawJobs([job('b', 2, { state: 'succeeded' })]);
  assert.equal(tour.state.active, false);
  assert.equal(tour.state.job, 'b');
});

test('a job that was quick is first seen when it has succeeded', () => {
  const tour = begun(['submitted', 'ended']);
  tour.sawJobs([job('quick', Date.now() / 1000 + 1, { state: 'succeeded' })]);
  assert.equal(tour.state.active, false);
});

test('it ends when it is told to, and goes on where it was', () => {
  const tour = begun();
  tour.happened('opened');
  const kept: unknown = JSON.parse(JSON.stringify(tour.state));
  tour.end();
  assert.equal(tour.step, null);
  tour.happened('ran');
  assert.deepEqual(tour.state.done, ['opened']);
  const again = new Tour('ada', () => true);
  again.resume(tourState(kept) ?? assert.fail());
  assert.equal(again.step, 'ran');
});

test('what was kept and is no tour is none', () => {
  assert.equal(tourState(undefined), null);
  assert.equal(tourState({ done: 3 }), null);
  const odd = { active: 1, done: ['opened', 'nonsense'], job: 7 };
  assert.deepEqual(tourState(odd), { active: false, done: ['opened'], job: null, since: 0 });
});

test('a bubble stands beside what it is about, inside of the window', () => {
  const size = { width: 300, height: 150 };
  const room = { width: 1000, height: 700 };
  const at = (left: number, top: number) =>
    placed({ left, top, width: 40, height: 20 }, size, room);
  assert.deepEqual(at(100, 50), { left: 100, top: 82 });
  assert.deepEqual(at(900, 50), { left: 688, top: 82 });
  assert.deepEqual(at(10, 600), { left: 62, top: 538 });
  assert.deepEqual(at(0, 50), { left: 52, top: 50 });
  assert.deepEqual(at(900, 650), { left: 688, top: 488 });
  assert.deepEqual(placed(null, size, room), { left: 688, top: 514 });
});
