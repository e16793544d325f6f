import assert from 'node:assert/strict';
import { test } from 'node:test';

import { JobPage, type IJobPageSource } from '../src/models/jobpage.ts';
import type { Event, Job, MetricPoint, Snapshot } from '../src/service/types.ts';
import { stagesOf } from '../src/models/stages.ts';
import { FakeLive, job, settled } from './fakes.ts';

const event = (id: number, kind: string, more: Partial<Event> = {}): Event => ({
  id,
  kind,
  time: id * 10,
  project: 'ada',
  actor: 'reconciler',
  ...more
});

const SNAPSHOT: Snapshot = {
  id: 's1',
  project: 'ada',
  state: 'ready',
  source: 'sha256:s',
  entry: 'train.py',
  environment: 'tf',
  runtime: 'sha256:r',
  created: 1
};

function pageOf(first: Job) {
  const live = new FakeLive();
  const asked: string[] = [];
  const events = [event(1, 'job.submitted', { actor: 'ada' })];
  const points: MetricPoint[] = [];
  const away = { files: false, snapshot: true };
  const held: (() => void)[] = [];
  const holding = { job: false };
  const source: IJobPageSource = {
    live,
    async job(id) {
      asked.push('job');
      if (holding.job) {
        await new Promise<void>(resolve => held.push(resolve));
      }
      return { ...first, id };
    },
    async events(_, after) {
      asked.push(`events ${after}`);
      return events.filter(one => one.id > after);
    },
    async metrics(_, after) {
      asked.push(`metrics ${after}`);
      return { at: points.length, points: points.slice(after) };
    },
    async files() {
      asked.push('files');
      if (away.files) {
        throw new Error('Labdock does not answer.');
      }
      return [];
    },
    async snapshot() {
      if (away.snapshot) {
        throw new Error('no longer kept');
      }
      return SNAPSHOT;
    },
    async source() {
      throw new Error('no longer kept');
    },
    log: () => async () => [][Symbol.iterator]() as never
  };
  const page = new JobPage(first.id, source, settled);
  return { page, live, asked, events, points, away, holding, held };
}

async function quiet() {
  for (let turn = 0; turn < 6; turn += 1) {
    await settled();
  }
}

test('nothing but the job is read before somebody looks', async () => {
  const { page, asked } = pageOf(job('a', 1));
  await page.load();
  await quiet();
  assert.deepEqual(asked, ['job']);
  page.shown = true;
  await quiet();
  assert.deepEqual(asked.slice(1).sort(), ['events 0', 'files', 'metrics 0']);
});

test('only what may have changed is read again, and from where it was', async () => {
  const { page, live, asked, events, points } = pageOf(job('a', 1));
  page.shown = true;
  await page.load();
  await quiet();
  asked.length = 0;
  points.push({ time: 1, fit: 1, epoch: 1, metrics: { loss: 0.5 } });
  live.say({ jobs: [job('a', 1, { progress: { epoch: 1 } })] });
  await quiet();
  assert.deepEqual(asked, ['metrics 0']);
  asked.length = 0;
  events.push(event(2, 'job.noted', { data: { message: 'waits' } }));
  live.say({ jobs: [job('a', 1, { progress: { epoch: 1 }, message: 'waits' }), job('b', 2)] });
  await quiet();
  assert.deepEqual(asked, ['events 1']);
  assert.deepEqual([page.events.length, page.drawn[0]?.course.size], [2, 1]);
});

test('what could not be read is read once the stream is open again', async () => {
  const { page, live, away } = pageOf(job('a', 1, { state: 'failed' }));
  away.files = true;
  page.shown = true;
  await page.load();
  await quiet();
  assert.equal(page.files, null);
  away.files = false;
  live.stateChanged.emit('open');
  await quiet();
  assert.deepEqual(page.files, []);
});

test('what could not be read is read with the next look', async () => {
  const { page, asked, away } = pageOf(job('a', 1, { state: 'failed' }));
  away.files = true;
  page.shown = true;
  await page.load();
  await quiet();
  assert.deepEqual([page.files, asked.filter(one => one === 'files').length], [null, 1]);
  away.files = false;
  page.shown = false;
  page.shown = true;
  await quiet();
  assert.deepEqual(page.files, []);
});

test('what could not be read stays a problem while other parts are read, until it is tried again', async () => {
  const { page, live, asked, away } = pageOf(job('a', 1));
  away.files = true;
  away.snapshot = false;
  page.shown = true;
  await page.load();
  await quiet();
  assert.equal(page.problem?.message, 'Labdock does not answer.');
  asked.length = 0;
  away.files = false;
  page.retry();
  assert.equal(page.problem?.message, 'Labdock does not answer.');
  await quiet();
  assert.deepEqual([asked, page.files, page.problem], [['files'], [], null]);
  away.files = true;
  live.say({ jobs: [job('a', 1, { state: 'failed' })] });
  await quiet();
  live.say({ jobs: [job('a', 1, { state: 'failed', message: 'It failed.' })] });
  await quiet();
  assert.equal(page.problem?.message, 'Labdock does not answer.');
});

test('of a deleted job nothing is read until it is restored', async () => {
  const { page, live, asked } = pageOf(job('a', 1, { state: 'failed' }));
  await page.load();
  live.say({ jobs: [job('a', 1, { state: 'failed', deleted: 5 })] });
  page.shown = true;
  await quiet();
  assert.deepEqual([asked, page.job?.deleted], [['job'], 5]);
  live.say({ jobs: [job('a', 1, { state: 'failed' })] });
  await quiet();
  assert.deepEqual(asked, ['job', 'events 0', 'metrics 0', 'files']);
});

test('another job is drawn over it, and taken away', async () => {
  const { page } = pageOf(job('a', 1));
  await page.load();
  await page.draw('b');
  assert.deepEqual(
    page.drawn.map(one => one.job.id),
    ['a', 'b']
  );
  page.wipe('b');
  assert.equal(page.drawn.length, 1);
});

test('the curves of a job drawn over it go on from where they were', async () => {
  const { page, live, asked, points } = pageOf(job('a', 1));
  page.shown = true;
  await page.load();
  await page.draw('b');
  await quiet();
  asked.length = 0;
  points.push({ time: 1, fit: 1, epoch: 1, metrics: { loss: 0.5 } });
  live.say({ jobs: [job('b', 2, { name: 'other' })] });
  await quiet();
  assert.deepEqual(asked, ['metrics 0']);
  assert.deepEqual([page.drawn[1]?.job.name, page.drawn[1]?.course.size], ['other', 1]);
  live.say({ jobs: [job('b', 2)] });
  await quiet();
  assert.deepEqual(asked, ['metrics 0', 'metrics 1']);
  live.say({ jobs: [job('b', 2, { deleted: 5 })] });
  await quiet();
  assert.deepEqual([asked.length, page.drawn.length], [2, 2]);
});

test('a late answer replaces nothing that is newer, and brings back nothing', async () => {
  const { page, live, holding, held } = pageOf(job('a', 1));
  holding.job = true;
  const loaded = page.load();
  const drawn = page.draw('b');
  live.say({ jobs: [job('a', 1, { state: 'failed' })] });
  page.wipe('b');
  held.splice(0).forEach(go => go());
  await Promise.all([loaded, drawn]);
  assert.deepEqual([page.job?.state, page.drawn.length], ['failed', 1]);
});

test('stages have times, the reasons that were told in them, and who asked', () => {
  const stages = stagesOf([
    event(1, 'job.submitted', { actor: 'ada', data: { name: 'digits' } }),
    event(2, 'job.queued', { data: { message: 'Waits for 2 GPUs.', attempt: 0 } }),
    event(3, 'job.noted', { data: { message: 'Grace has them.' } }),
    event(4, 'job.noted', { data: { message: 'Grace has them.' } }),
    event(5, 'job.running', { data: { message: '', attempt: 2 } }),
    event(6, 'job.warning', { data: { message: 'slow' } })
  ]);
  assert.deepEqual(
    stages.map(({ kind, lasted, person, attempt }) => [kind, lasted, person, attempt]),
    [
      ['job.submitted', 10, 'ada', null],
      ['job.queued', 30, null, null],
      ['job.running', null, null, 2]
    ]
  );
  assert.deepEqual(stages[1]?.notes, ['Waits for 2 GPUs.', 'Grace has them.']);
});
