import assert from 'node:assert/strict';
import { test } from 'node:test';

import { JobList, PAGE } from '../src/models/jobs.ts';
import type { Job } from '../src/service/types.ts';
import { FakeLive, job, settled } from './fakes.ts';

/** A list over jobs that lie newest first; `answer` lets the next page come. */
function listOver(all: Job[]) {
  const live = new FakeLive();
  const asked: (string | undefined)[] = [];
  let held: (() => void)[] | null = null;
  const jobs = new JobList({
    live,
    async list(limit, before) {
      asked.push(before);
      const from = before === undefined ? 0 : all.findIndex(one => one.id === before) + 1;
      const page = all.slice(from, from + limit);
      if (held) {
        await new Promise<void>(resolve => held?.push(resolve));
      }
      return page;
    }
  });
  const hold = () => (held = []);
  const release = async () => {
    held?.splice(0).forEach(go => go());
    held = null;
    await settled();
  };
  return { jobs, live, asked, hold, release };
}

const ids = (jobs: JobList) => jobs.jobs.map(one => one.id);

test('nothing is asked before the stream is open', async () => {
  const { jobs, live, asked } = listOver([job('a', 1)]);
  jobs.begin();
  assert.deepEqual([live.begun, asked.length], [1, 0]);
  live.say({ everything: true });
  await settled();
  assert.deepEqual([ids(jobs), jobs.complete], [['a'], true]);
});

test('jobs are newest first, and each is there once', async () => {
  const { jobs, live } = listOver([job('b', 2), job('a', 1)]);
  live.say({ everything: true });
  await settled();
  live.say({ jobs: [job('c', 3), job('a', 1, { state: 'succeeded' })] });
  assert.deepEqual(ids(jobs), ['c', 'b', 'a']);
  assert.equal(jobs.job('a')?.state, 'succeeded');
});

test('jobs of the same moment are in the order of the service', async () => {
  const { jobs, live } = listOver([job('b', 1), job('a', 1)]);
  live.say({ everything: true });
  await settled();
  assert.deepEqual(ids(jobs), ['b', 'a']);
});

test('what changes while the list is read is not lost', async () => {
  const { jobs, live, hold, release } = listOver([job('a', 1)]);
  hold();
  live.say({ everything: true });
  live.say({ jobs: [job('b', 2), job('a', 1, { state: 'failed' })] });
  await release();
  assert.deepEqual(ids(jobs), ['b', 'a']);
  assert.equal(jobs.job('a')?.state, 'failed');
});

test('a break that missed too much reads the list again, once', async () => {
  const { jobs, live, asked, hold, release } = listOver([job('a', 1)]);
  hold();
  live.say({ everything: true });
  live.say({ everything: true });
  live.say({ everything: true });
  await release();
  await settled();
  assert.equal(asked.length, 2);
  assert.deepEqual(ids(jobs), ['a']);
});

test('older pages come when they are asked for, and leave no gap', async () => {
  const all = Array.from({ length: PAGE + 5 }, (_, n) => job(`j${1000 - n}`, 1000 - n));
  const { jobs, live } = listOver(all);
  live.say({ everything: true });
  await settled();
  live.say({ jobs: [job('old', 1)] });
  assert.deepEqual([jobs.jobs.length, jobs.complete], [PAGE, false]);
  await jobs.more();
  assert.deepEqual([jobs.jobs.length, jobs.complete], [PAGE + 5, true]);
  await jobs.more();
  assert.equal(new Set(ids(jobs)).size, PAGE + 5);
});

test('a deleted job leaves, and comes back when it is restored', async () => {
  const { jobs, live } = listOver([job('b', 2), job('a', 1)]);
  live.say({ everything: true });
  await settled();
  live.say({ jobs: [job('a', 1, { deleted: 5 })] });
  assert.deepEqual(ids(jobs), ['b']);
  live.say({ jobs: [job('a', 1)] });
  assert.deepEqual(ids(jobs), ['b', 'a']);
});

test('a list that cannot be read says why, and is read again after the next break', async () => {
  const live = new FakeLive();
  let fails = true;
  const jobs = new JobList({
    live,
    list: () =>
      fails ? Promise.reject(new Error('The disk is full.')) : Promise.resolve([job('a', 1)])
  });
  live.say({ everything: true });
  await settled();
  assert.deepEqual([jobs.problem?.message, jobs.loaded], ['The disk is full.', false]);
  fails = false;
  live.say({ everything: true });
  await settled();
  assert.deepEqual([jobs.problem, ids(jobs)], [null, ['a']]);
});

test('a job that a page shows is known, and in no list', async () => {
  const { jobs, live } = listOver([job('a', 1)]);
  live.say({ everything: true });
  await settled();
  jobs.know(job('gone', 1, { deleted: 5 }));
  assert.deepEqual([jobs.job('gone')?.deleted, ids(jobs)], [5, ['a']]);
  jobs.forget('gone');
  assert.equal(jobs.job('gone'), undefined);
});

test('a list that could not be read is read once the stream is open again', async () => {
  const live = new FakeLive();
  let away = true;
  const jobs = new JobList({
    live,
    async list() {
      if (away) {
        throw new Error('Labdock does not answer.');
      }
      return [job('a', 1)];
    }
  });
  live.say({ everything: true });
  await settled();
  assert.deepEqual([jobs.loaded, jobs.problem?.message], [false, 'Labdock does not answer.']);
  away = false;
  live.stateChanged.emit('broken');
  await settled();
  assert.equal(jobs.loaded, false);
  live.stateChanged.emit('open');
  await settled();
  assert.deepEqual([ids(jobs), jobs.problem], [['a'], null]);
});

test('a page that could not be read is read when a person tries again', async () => {
  const live = new FakeLive();
  let away = true;
  let asked = 0;
  const jobs = new JobList({
    live,
    async list() {
      asked += 1;
      if (away) {
        throw new Error('Labdock does not answer.');
      }
      return [job('a', 1)];
    }
  });
  live.say({ everything: true });
  await settled();
  away = false;
  jobs.retry();
  jobs.retry();
  await settled();
  assert.deepEqual([ids(jobs), jobs.problem, asked], [['a'], null, 2]);
  jobs.retry();
  assert.equal(asked, 2);
});

test('a late answer does not replace what the stream has told meanwhile', async () => {
  const { jobs, live } = listOver([job('a', 1)]);
  live.say({ everything: true });
  await settled();
  let answer: (found: Job) => void = () => undefined;
  const asked = jobs.answer(new Promise<Job>(resolve => (answer = resolve)));
  live.say({ jobs: [job('a', 1, { state: 'stopped' })] });
  answer(job('a', 1, { state: 'stopping' }));
  assert.equal((await asked).state, 'stopping');
  assert.equal(jobs.job('a')?.state, 'stopped');
  await jobs.answer(Promise.resolve(job('a', 1, { state: 'queued' })));
  assert.equal(jobs.job('a')?.state, 'queued');
  jobs.add(job('a', 1, { state: 'packaging' }));
  jobs.add(job('b', 2, { state: 'packaging' }));
  assert.deepEqual([jobs.job('a')?.state, ids(jobs)], ['queued', ['b', 'a']]);
});

test('an old job that changes while the first page is read leaves no gap', async () => {
  const all = Array.from({ length: PAGE + 5 }, (_, n) => job(`j${1000 - n}`, 1000 - n));
  const { jobs, live, hold, release } = listOver(all);
  hold();
  live.say({ everything: true });
  live.say({ jobs: [job('j796', 796)] });
  await release();
  assert.equal(jobs.jobs.length, PAGE);
  await jobs.more();
  assert.deepEqual([jobs.jobs.length, jobs.complete], [PAGE + 5, true]);
});
