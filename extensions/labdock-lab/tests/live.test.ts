import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventSourceMessage } from 'eventsource-parser';

import { LiveChanges } from '../src/service/live.ts';
import { readEvents } from '../src/service/sse.ts';
import { settled } from './fakes.ts';

const event = (at: number): EventSourceMessage => ({
  event: 'changes',
  id: String(at),
  data: JSON.stringify({ at })
});

async function* of(...events: EventSourceMessage[]) {
  yield* events;
}

/** Streams of so many openings, which then stay as the last one is. */
function liveOver(...openings: (() => AsyncIterable<EventSourceMessage>)[]) {
  const asked: (string | undefined)[] = [];
  const pauses: number[] = [];
  const live = new LiveChanges(
    async (after, signal) => {
      asked.push(after);
      const open = openings.shift();
      if (open === undefined) {
        await new Promise(resolve => signal.addEventListener('abort', resolve));
        throw new Error('closed');
      }
      return open();
    },
    async milliseconds => {
      pauses.push(milliseconds);
    }
  );
  const came: number[] = [];
  live.changed.connect((_, changes) => came.push(changes.at));
  return { live, asked, pauses, came };
}

test('after a break it goes on where it was', async () => {
  const { live, asked, came } = liveOver(
    () => of(event(1), event(2)),
    () => of(event(3))
  );
  live.begin();
  live.begin();
  await settled();
  assert.deepEqual(came, [1, 2, 3]);
  assert.deepEqual(asked, [undefined, '2', '3']);
  live.dispose();
});

test('a service that is away is asked less and less often, and its sentence is kept', async () => {
  const away = () => {
    throw new Error('Labdock does not answer.');
  };
  const { live, pauses } = liveOver(...Array.from({ length: 8 }, () => away));
  const states: string[] = [];
  live.stateChanged.connect((_, state) => states.push(state));
  live.begin();
  await settled();
  assert.deepEqual([live.state, live.problem?.message], ['broken', 'Labdock does not answer.']);
  assert.deepEqual(states, ['broken']);
  assert.equal(pauses.length, 8);
  assert.ok(pauses.every(pause => pause >= 750 && pause <= 37_500));
  assert.ok((pauses.at(-1) ?? 0) > 20_000);
  live.dispose();
});

test('only an opening that has held makes the next pause short again', async context => {
  context.mock.timers.enable({ apis: ['Date'] });
  const away = () => {
    throw new Error('Labdock does not answer.');
  };
  const brief = () => of(event(1));
  const long = async function* () {
    yield event(2);
    context.mock.timers.tick(10_000);
  };
  const { live, pauses } = liveOver(away, away, brief, long, away);
  live.begin();
  await settled();
  assert.deepEqual(
    pauses.map(pause => 2 ** Math.round(Math.log2(pause / 1000))),
    [1, 2, 4, 1, 2]
  );
  live.dispose();
});

test('where the network is back it is tried at once', async () => {
  let asked = 0;
  const live = new LiveChanges(
    async () => {
      asked += 1;
      throw new Error('Labdock does not answer.');
    },
    () => new Promise(() => undefined)
  );
  live.begin();
  await settled();
  assert.equal(asked, 1);
  live.retry();
  await settled();
  assert.equal(asked, 2);
  live.dispose();
});

test('who waits is told when it is tried again, and that it is tried now', async () => {
  const told: [again: boolean, problem: string | undefined][] = [];
  let open = false;
  const live = new LiveChanges(
    async () => {
      if (!open) {
        throw new Error('Labdock does not answer.');
      }
      return of(event(1));
    },
    () => new Promise(() => undefined)
  );
  live.tried.connect(() => told.push([live.again !== null, live.problem?.message]));
  const before = Date.now();
  live.begin();
  await settled();
  const wait = (live.again ?? 0) - before;
  assert.ok(wait >= 750 && wait <= 2_000, `${wait} ms`);
  open = true;
  live.retry();
  await settled();
  const away = 'Labdock does not answer.';
  assert.deepEqual(told, [
    [false, undefined],
    [true, away],
    [false, away],
    [false, undefined]
  ]);
  live.dispose();
});

test('events are read however they are cut', async () => {
  const text = ': ping\n\nevent: changes\nid: 7\ndata: {"at":7,"name":"é"}\n\n';
  const bytes = new TextEncoder().encode(text);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      bytes.forEach(byte => controller.enqueue(Uint8Array.of(byte)));
      controller.close();
    }
  });
  const found = await Array.fromAsync(readEvents(body, new Error('silent')));
  assert.deepEqual(
    found.map(one => [one.event, one.id, one.data]),
    [['changes', '7', '{"at":7,"name":"é"}']]
  );
});

test('a stream that falls silent ends with an error', async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    cancel() {
      cancelled = true;
    }
  });
  await assert.rejects(Array.fromAsync(readEvents(body, new Error('silent'), 1)), /silent/);
  assert.ok(cancelled);
});
