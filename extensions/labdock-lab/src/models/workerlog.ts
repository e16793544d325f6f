import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import type { EventSourceMessage } from 'eventsource-parser';

import type { LogLine } from '../service/types.ts';
import { plainText } from './ansi.ts';

/** Lines that are kept of one log; older ones are in the download. */
export const MOST_LINES = 100_000;

const TOGETHER = 100;
const PAUSE = 2_000;

/** Opens the log of a worker after a cursor; with `follow` it ends with the job. */
export type OpenLog = (
  rank: number,
  after: string | null,
  follow: boolean,
  signal: AbortSignal
) => Promise<AsyncIterable<EventSourceMessage>>;

/** The output of one worker, as it is written; it is read only while somebody looks. */
export class WorkerLog implements IDisposable {
  readonly rank: number;
  readonly #open: OpenLog;
  readonly #pause: (milliseconds: number) => Promise<void>;
  readonly #changed = new Signal<this, void>(this);
  #lines: LogLine[] = [];
  #left = 0;
  #ended = false;
  #problem: Error | null = null;
  #abort: AbortController | null = null;
  #told: ReturnType<typeof setTimeout> | null = null;
  #disposed = false;

  constructor(rank: number, open: OpenLog, pause = sleep) {
    this.rank = rank;
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
    if (this.#abort === null && !this.#ended) {
      this.#abort = new AbortController();
      void this.#run(this.#abort.signal);
    }
  }

  /** Read no further for now. */
  rest(): void {
    this.#abort?.abort();
    this.#abort = null;
  }

  /** The job runs again: more will come. */
  again(): void {
    this.#ended = false;
  }

  dispose(): void {
    this.rest();
    this.#disposed = true;
    Signal.clearData(this);
  }

  /** All of its text, also of lines that are no longer kept here. */
  async all(): Promise<string> {
    if (this.#left === 0 && this.#ended) {
      return textOf(this.#lines);
    }
    const lines: LogLine[] = [];
    for await (const message of await this.#open(
      this.rank,
      null,
      false,
      new AbortController().signal
    )) {
      if (message.event === 'line') {
        lines.push(readLine(message));
      }
      if (message.event === 'end') {
        break;
      }
    }
    return textOf(lines);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#ended) {
      try {
        await this.#read(signal);
      } catch (error) {
        if (!signal.aborted) {
          this.#problem = error instanceof Error ? error : new Error(String(error));
          this.#tell();
        }
      }
      if (!signal.aborted && !this.#ended) {
        await this.#pause(PAUSE);
      }
    }
    if (this.#abort?.signal === signal) {
      this.#abort = null;
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const after = this.#lines.at(-1)?.cursor ?? null;
    for await (const message of await this.#open(this.rank, after, true, signal)) {
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

function sleep(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
