import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  OFFERED_AFTER,
  NotebookServerModel,
  type INotebookServer
} from '../src/models/notebookserver.ts';
import type { ServerFigures, ServerLease } from '../src/service/types.ts';
import { settled } from './fakes.ts';

function lease(more: Partial<ServerLease> = {}): ServerLease {
  const empty = { gpus: 0, devices: [], message: '', unavailable: '', visible: '', notice: '' };
  return { state: 'none', ...empty, ...more };
}

function figures(more: Partial<ServerFigures> = {}): ServerFigures {
  return {
    cpus_used: 0.5,
    cpus: 2,
    memory_used: 1e9,
    memory: 4e9,
    environment: 'TensorFlow',
    gpus: 0,
    idle: 0,
    release_after: 3600,
    notice: '',
    ...more
  };
}

class FakeServer implements INotebookServer {
  now = figures();
  asked: string[] = [];
  readonly answers: (ServerLease | Error)[] = [];

  figures = () => Promise.resolve(this.now);
  lease = () => this.#answer('lease');
  release = (body: object) => this.#answer(`release ${JSON.stringify(body)}`);
  acquire = (body: object) => this.#answer(`acquire ${JSON.stringify(body)}`);

  async #answer(what: string): Promise<ServerLease> {
    this.asked.push(what);
    const answer = this.answers.shift() ?? lease();
    if (answer instanceof Error) {
      throw answer;
    }
    return answer;
  }
}

test('a GPU lies idle after a while, also where one look fails, until it is used or gone', async () => {
  const server = new FakeServer();
  const model = new NotebookServerModel(server);
  const look = async (more: Partial<ServerFigures>) => {
    server.now = figures(more);
    await model.look();
    return model.gpuLiesIdle;
  };
  assert.equal(await look({ gpus: 0, idle: OFFERED_AFTER }), false);
  assert.equal(await look({ gpus: 1, idle: OFFERED_AFTER - 1 }), false);
  assert.equal(await look({ gpus: 1, idle: OFFERED_AFTER }), true);
  server.figures = () => Promise.reject(new Error('away'));
  await assert.rejects(model.look());
  assert.deepEqual([model.away, model.gpuLiesIdle], [true, true]);
  server.figures = () => Promise.resolve(server.now);
  assert.equal(await look({ gpus: 1, idle: 0 }), false);
  assert.equal(await look({ gpus: 1, idle: OFFERED_AFTER }), true);
  assert.equal(await look({ gpus: 0, idle: OFFERED_AFTER }), false);
});

test('who looks at the lease sees it change with the figures', async () => {
  const server = new FakeServer();
  const model = new NotebookServerModel(server);
  server.answers.push(lease({ state: 'held', gpus: 1, devices: ['GPU-0'] }), lease());
  await model.look();
  assert.deepEqual(server.asked, []);
  server.now = figures({ gpus: 1 });
  await model.look();
  await model.readLease();
  await model.look();
  assert.deepEqual(server.asked, ['lease']);
  server.now = figures({ gpus: 0 });
  await model.look();
  await settled();
  assert.equal(model.lease?.state, 'none');
});

test('who asks for a GPU keeps the place in the queue until it comes', async () => {
  const server = new FakeServer();
  const model = new NotebookServerModel(server);
  server.answers.push(lease({ state: 'waiting' }), lease({ state: 'waiting' }));
  server.answers.push(lease({ state: 'held', gpus: 1, devices: ['GPU-0'] }));
  assert.equal(await model.acquire(), true);
  assert.equal(server.asked.length, 3);
  assert.match(server.asked[0] ?? '', /"wait":0/);
  assert.match(server.asked[1] ?? '', /"wait":30/);
  assert.equal(model.waiting, false);
});

test('where no GPU can be had it says why, and not to who has one', async () => {
  const server = new FakeServer();
  const model = new NotebookServerModel(server);
  assert.equal(model.unavailable, '');
  const unavailable = 'No machine here has a GPU.';
  server.answers.push(lease({ unavailable }), lease({ state: 'held', gpus: 1, unavailable }));
  await model.readLease();
  assert.equal(model.unavailable, unavailable);
  await model.readLease();
  assert.equal(model.unavailable, '');
});

test('giving back ends the wait', async () => {
  const server = new FakeServer();
  const model = new NotebookServerModel(server);
  server.answers.push(lease({ state: 'waiting' }));
  const asking = model.acquire();
  server.answers.push(lease(), lease());
  assert.equal(await model.release(false), true);
  assert.equal(await asking, false);
  assert.equal(model.lease?.state, 'none');
});

test('a kernel that has the GPU open is a problem to show, and nothing is lost', async () => {
  const server = new FakeServer();
  const model = new NotebookServerModel(server);
  server.answers.push(new Error('digits.ipynb has the GPU open.'));
  assert.equal(await model.release(false), false);
  assert.equal(model.problem?.message, 'digits.ipynb has the GPU open.');
  assert.equal(await model.release(true), true);
  assert.equal(model.problem, null);
  assert.deepEqual(server.asked, ['release {"shut_down":false}', 'release {"shut_down":true}']);
});
