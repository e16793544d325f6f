import { createParser, type EventSourceMessage } from 'eventsource-parser';

/** Milliseconds without a byte, not even a ping, after which a stream counts as cut off. */
export const SILENCE = 45_000;

/** Read the events of a body; it ends with the body, and throws `away` where that falls silent. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  away: Error,
  silence = SILENCE
): AsyncGenerator<EventSourceMessage, void, undefined> {
  const came: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: event => came.push(event) });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await within(silence, reader.read(), away);
      if (done) {
        return;
      }
      parser.feed(decoder.decode(value, { stream: true }));
      yield* came.splice(0);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function within<T>(milliseconds: number, promise: Promise<T>, away: Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(away), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
