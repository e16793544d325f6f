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

test('events are read however they are cut', async () => {
  const text = ': ping\n\nevent: changes\nid: 7\ndata: {"at":7,"name":"é"}\n\n';
  const bytes = new TextEncoder().encode(text);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      bytes.forEach(byte => controller.enqueue(Uint8Array.of(byte)));
      controller.close();
    }
  });
  const found = await Array.fromAsync(readEvents(body));
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
  await assert.rejects(Array.fromAsync(readEvents(body, 1)), /silent/);
  assert.ok(cancelled);
});
