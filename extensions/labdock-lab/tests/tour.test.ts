import assert from 'node:assert/strict';
import { test } from 'node:test';

import { placed } from '../src/models/placement.ts';
import { STEPS, Tour, tourState } from '../src/models/tour.ts';
import type { Endpoint, Revision } from '../src/service/types.ts';
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

function endpoint(project: string, model: string, created: number): Endpoint {
  const about = { number: 1, message: '', server: '', state: 'serving' } as const;
  const revision: Revision = { id: 'r1', endpoint: 'e1', model, created, ...about };
  const url = `/services/endpoints/${project}/digits`;
  return { id: 'e1', project, name: 'digits', url, traffic: [], revisions: [revision], created: 1 };
}

test('an endpoint counts that serves the job’s model, or is new and the person’s own', () => {
  const later = Date.now() / 1000 + 1;
  const others = [endpoint('vision', 'm7', later), endpoint('ada', 'm7', 1)];
  const own = begun(['deployed']);
  own.sawEndpoints(others);
  assert.equal(own.step, 'deployed');
  own.sawEndpoints([endpoint('ada', 'm7', later)]);
  assert.equal(own.step, null);
  const shared = begun(['submitted', 'deployed']);
  shared.sawJobs([job('a', 1, { project: 'vision', models: ['m1'] })]);
  shared.sawEndpoints(others);
  assert.equal(shared.step, 'deployed');
  shared.sawEndpoints([endpoint('vision', 'm1', 1)]);
  assert.equal(shared.step, null);
});

test('a model has answered where it was asked, and not where that was passed over', () => {
  const passed = begun(['opened', 'asked']);
  passed.skip('asked');
  passed.skip('opened');
  assert.deepEqual([passed.step, passed.answered], [null, false]);
  const asked = begun(['opened', 'asked']);
  asked.skip('asked');
  asked.happened('asked');
  assert.equal(asked.answered, false);
  asked.skip('opened');
  assert.deepEqual([asked.state.active, asked.answered], [false, true]);
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
  const read = { active: false, done: ['opened'], skipped: [], job: null, since: 0 };
  assert.deepEqual(tourState(odd), read);
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
