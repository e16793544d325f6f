import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import type { EventSourceMessage } from 'eventsource-parser';

import { asError, Problem } from '../service/problem.ts';
import { sleep } from '../service/sleep.ts';
import type { LogLine } from '../service/types.ts';
import { plainText } from './ansi.ts';

/** Lines that are kept of one log; older ones are in the download. */
export const MOST_LINES = 100_000;

/** Milliseconds within which lines are told of at once. */
const TOGETHER = 100;
const SHORTEST = 1_000;
const LONGEST = 30_000;

/** What the service, or the way to it, says while it is away: it may come back. */
const AWAY = new Set(['unknown', 'unavailable', 'not_connected', 'too_many', 'internal']);

/** Opens a log after a cursor; with `follow` it ends when nothing more will be written. */
export type OpenLog = (
  after: string | null,
  follow: boolean,
  signal: AbortSignal
) => Promise<AsyncIterable<EventSourceMessage>>;

/** A log as it is written; it is read only while somebody looks. */
export class TextLog implements IDisposable {
  readonly #open: OpenLog;
  readonly #pause: (milliseconds: number) => Promise<void>;
  readonly #changed = new Signal<this, void>(this);
  #lines: LogLine[] = [];
  #left = 0;
  #ended = false;
  #problem: Error | null = null;
  #abort: AbortController | null = null;
  readonly #copying = new AbortController();
  #wake: (() => void) | null = null;
  #told: ReturnType<typeof setTimeout> | null = null;
  #wanted = false;
  #disposed = false;

  constructor(open: OpenLog, pause = sleep) {
    this.#open = open;
    this.#pause = pause;
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  /** How many of the first lines are no longer kept here. */
  get left(): number {
    return this.#left;
  }

  /** Whether nothing more will come. */
  get ended(): boolean {
    return this.#ended;
  }

  get problem(): Error | null {
    return this.#problem;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  /** Read on from where it was, until `rest`. */
  follow(): void {
    this.#wanted = true;
    if (this.#abort === null && !this.#ended) {
      this.#abort = new AbortController();
      void this.#run(this.#abort.signal);
    }
  }

  /** Read no further for now. */
  rest(): void {
    this.#wanted = false;
    this.#abort?.abort();
    this.#abort = null;
  }

  /** Try now instead of later: the service is back. */
  retry(): void {
    this.#wake?.();
    if (this.#wanted) {
      this.follow();
    }
  }

  /** It is written again: more will come. */
  again(): void {
    if (this.#ended) {
      this.#ended = false;
      this.retry();
    }
  }

  dispose(): void {
    this.rest();
    this.#copying.abort();
    this.#disposed = true;
    Signal.clearData(this);
  }

  /** All of its text, also of lines that are no longer kept here; it fails where this is disposed. */
  async all(): Promise<string> {
    if (this.#left === 0 && this.#ended) {
      return textOf(this.#lines);
    }
    const lines: LogLine[] = [];
    const { signal } = this.#copying;
    for await (const message of await this.#open(null, false, signal)) {
      if (message.event === 'line') {
        lines.push(readLine(message));
      }
      if (message.event === 'end') {
        break;
      }
    }
    return textOf(lines);
  }

  /** Read to the end; what is cut off goes on where it was, what is refused does not. */
  async #run(signal: AbortSignal): Promise<void> {
    let delay = SHORTEST;
    let refused = false;
    while (!signal.aborted && !this.#ended && !refused) {
      const before = this.#lines.at(-1);
      try {
        await this.#read(signal);
      } catch (error) {
        refused = error instanceof Problem && !AWAY.has(error.code);
        this.#fail(error, signal);
      }
      if (!signal.aborted && !this.#ended && !refused) {
        delay = this.#lines.at(-1) === before ? Math.min(2 * delay, LONGEST) : SHORTEST;
        const woken = new Promise<void>(resolve => (this.#wake = resolve));
        await Promise.race([this.#pause(delay), woken]);
      }
    }
    if (this.#abort?.signal === signal) {
      this.#abort = null;
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const after = this.#lines.at(-1)?.cursor ?? null;
    for await (const message of await this.#open(after, true, signal)) {
      if (signal.aborted) {
        return;
      }
      this.#problem = null;
      if (message.event === 'line') {
        this.#lines.push(readLine(message));
      } else if (message.event === 'end') {
        this.#ended = true;
      }
      this.#tell();
      if (this.#ended) {
        return;
      }
    }
  }

  #fail(error: unknown, signal: AbortSignal): void {
    if (!signal.aborted) {
      this.#problem = asError(error);
      this.#tell();
    }
  }

  /** Say it once for all lines that come within a moment. */
  #tell(): void {
    this.#told ??= setTimeout(() => {
      this.#told = null;
      const spare = this.#lines.length - MOST_LINES;
      if (spare > 0) {
        this.#lines.splice(0, spare + MOST_LINES / 10);
        this.#left += spare + MOST_LINES / 10;
      }
      this.#changed.emit();
    }, TOGETHER);
  }
}

/** The places of lines that have a text, without regard to capitals. */
export function found(lines: readonly LogLine[], text: string): number[] {
  const wanted = text.toLowerCase();
  return wanted === ''
    ? []
    : lines.flatMap((line, at) =>
        plainText(line.text).toLowerCase().includes(wanted) ? [at] : []
      );
}

export function textOf(lines: readonly LogLine[]): string {
  return lines.map(line => `${plainText(line.text)}\n`).join('');
}

function readLine(message: EventSourceMessage): LogLine {
  return JSON.parse(message.data) as LogLine;
}
