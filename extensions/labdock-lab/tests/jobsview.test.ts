import assert from 'node:assert/strict';
import { test } from 'node:test';

import { matching, readFilter } from '../src/models/jobfilter.ts';
import { JobList } from '../src/models/jobs.ts';
import { JobsView } from '../src/models/jobsview.ts';
import type { Job } from '../src/service/types.ts';
import { FakeLive, job, settled } from './fakes.ts';

async function viewOf(all: Job[]) {
  const live = new FakeLive();
  const jobs = new JobList({
    live,
    async list(limit, before) {
      const from = before === undefined ? 0 : all.findIndex(one => one.id === before) + 1;
      return all.slice(from, from + limit);
    }
  });
  const view = new JobsView(jobs);
  view.me = 'ada';
  live.say({ everything: true });
  await settled();
  return { view, live, jobs };
}

const ids = (view: JobsView) => view.rows.map(one => one.id);

test('a filter takes whose, which state and each of the words', () => {
  const all = [
    job('a', 3, { owner: 'ada', name: 'digits', parameters: { lr: 0.1, deep: true } }),
    job('b', 2, { owner: 'bo', project: 'vision', state: 'failed' }),
    job('c', 1, { owner: 'ada', project: 'vision', state: 'succeeded' })
  ];
  const found = (change: Partial<Parameters<typeof matching>[0]>) =>
    all
      .filter(matching({ scope: 'all', state: 'any', text: '', ...change }, 'ada'))
      .map(one => one.id);
  assert.deepEqual(found({}), ['a', 'b', 'c']);
  assert.deepEqual(found({ scope: 'mine' }), ['a', 'c']);
  assert.deepEqual(found({ scope: 'project:vision' }), ['b', 'c']);
  assert.deepEqual(found({ state: 'active' }), ['a']);
  assert.deepEqual(found({ state: 'failed' }), ['b']);
  assert.deepEqual(found({ text: 'LR=0.1 dig' }), ['a']);
  assert.deepEqual(found({ text: 'lr=0.2' }), []);
});

test('what was kept of a filter is taken where it is one', () => {
  assert.deepEqual(readFilter(undefined), { scope: 'mine', state: 'any', text: '' });
  assert.deepEqual(readFilter({ scope: 'project:x', state: 'failed' }), {
    scope: 'project:x',
    state: 'failed',
    text: ''
  });
  assert.equal(readFilter({ scope: 7, state: 'lost' }).state, 'any');
});

test('older pages are read until there are as many rows as are seen', async () => {
  const all = Array.from({ length: 1000 }, (_, at) =>
    job(`j${at}`, 1000 - at, { name: at % 100 === 0 ? 'rare' : 'usual' })
  );
  const { view, jobs } = await viewOf(all);
  view.want(20);
  await settled();
  assert.equal(jobs.jobs.length, 200);
  view.choose({ text: 'rare' });
  for (let page = 0; page < 10; page += 1) {
    await settled();
  }
  assert.deepEqual([view.rows.length, jobs.complete], [10, true]);
});

test('the current job is kept while others come, and keys go through the rows', async () => {
  const { view, live } = await viewOf([job('b', 2), job('a', 1)]);
  view.move(1);
  assert.equal(view.current?.id, 'b');
  view.move(1);
  live.say({ jobs: [job('c', 3)] });
  assert.deepEqual([view.current?.id, view.currentIndex], ['a', 2]);
  view.move(-100);
  assert.equal(view.current?.id, 'c');
});

test('what is deleted goes, and comes back', async () => {
  const { view, live } = await viewOf([job('b', 2), job('a', 1)]);
  live.say({ jobs: [job('b', 2, { deleted: 5 })] });
  assert.deepEqual(ids(view), ['a']);
  live.say({ jobs: [job('b', 2)] });
  assert.deepEqual(ids(view), ['b', 'a']);
});

test('one’s own jobs that have not ended are counted', async () => {
  const { view } = await viewOf([
    job('c', 3),
    job('b', 2, { owner: 'bo' }),
    job('a', 1, { state: 'failed' })
  ]);
  assert.equal(view.active, 1);
});

test('a list that gets the focus has a current row, and what is clicked is selected alone', async () => {
  const { view } = await viewOf([1, 2, 3, 4].map(at => job(`j${at}`, 9 - at)));
  const selected = () => view.selected.map(one => one.id);
  view.point();
  assert.deepEqual([view.current?.id, selected()], ['j1', []]);
  view.select('j3', 'toggled');
  view.point();
  assert.deepEqual([view.current?.id, selected()], ['j3', ['j3']]);

  const { view: other } = await viewOf([1, 2, 3, 4].map(at => job(`j${at}`, 9 - at)));
  other.point();
  other.select('j3', 'upTo');
  assert.deepEqual(
    other.selected.map(one => one.id),
    ['j3']
  );
});

test('keys begin a range at the current row, though it is not selected', async () => {
  const { view } = await viewOf([1, 2, 3].map(at => job(`j${at}`, 9 - at)));
  view.point();
  view.move(1, 'upTo');
  assert.deepEqual(
    view.selected.map(one => one.id),
    ['j1', 'j2']
  );
});

test('several jobs are selected one by one or in a range, of those that are shown', async () => {
  const { view, live } = await viewOf([1, 2, 3, 4, 5].map(at => job(`j${at}`, 9 - at)));
  const selected = () => view.selected.map(one => one.id);
  view.select('j2');
  view.select('j4', 'toggled');
  assert.deepEqual([selected(), view.current?.id], [['j2', 'j4'], 'j4']);
  view.select('j2', 'upTo');
  assert.deepEqual(selected(), ['j2', 'j3', 'j4']);
  view.move(-1, 'upTo');
  assert.deepEqual(selected(), ['j1', 'j2', 'j3', 'j4']);
  view.select('j1', 'toggled');
  live.say({ jobs: [job('j3', 6, { deleted: 5 })] });
  assert.deepEqual(selected(), ['j2', 'j4']);
  view.selectAll();
  assert.deepEqual(selected(), ['j1', 'j2', 'j4', 'j5']);
  view.move(1);
  assert.deepEqual(selected(), ['j2']);
});
