import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

/** Lines that are kept: the last ones. */
export const MOST_LINES = 2000;

/** Opens a log, going on after a line's cursor. */
export type OpenLog = (
  after: string | undefined,
  signal: AbortSignal
) => Promise<AsyncIterable<{ event?: string | undefined; data: string }>>;

/** A log as it is written, until it ends; it is read only while somebody looks. */
export class TextLog implements IDisposable {
  readonly #open: OpenLog;
  readonly #changed = new Signal<this, void>(this);
  readonly #pause: () => Promise<void>;
  #lines: readonly string[] = [];
  #ended = false;
  #after: string | undefined;
  #reading: AbortController | null = null;
  #disposed = false;

  constructor(open: OpenLog, pause = () => new Promise<void>(done => setTimeout(done, 2000))) {
    this.#open = open;
    this.#pause = pause;
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Whether nothing will follow. */
  get ended(): boolean {
    return this.#ended;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.rest();
    this.#disposed = true;
    Signal.clearData(this);
  }

  /** Read on from where it was, until the end or `rest`; what is cut off goes on there too. */
  async follow(): Promise<void> {
    if (this.#reading !== null || this.#ended || this.#disposed) {
      return;
    }
    const reading = new AbortController();
    this.#reading = reading;
    while (!this.#ended && !reading.signal.aborted) {
      await this.#read(reading.signal).catch(() => undefined); // it is opened again
      if (!this.#ended && !reading.signal.aborted) {
        await this.#pause();
      }
    }
  }

  /** Read no further for now. */
  rest(): void {
    this.#reading?.abort();
    this.#reading = null;
  }

  async #read(signal: AbortSignal): Promise<void> {
    for await (const { event, data } of await this.#open(this.#after, signal)) {
      if (signal.aborted) {
        return; // a line that comes now comes again to who reads on
      }
      this.#take(event, data);
    }
  }

  #take(event: string | undefined, data: string): void {
    if (event === 'end') {
      this.#ended = true;
    } else if (event === 'line') {
      const line: unknown = JSON.parse(data);
      if (isLine(line)) {
        this.#after = line.cursor;
        this.#lines = [...this.#lines.slice(1 - MOST_LINES), line.text];
      }
    }
    this.#changed.emit();
  }
}

function isLine(value: unknown): value is { text: string; cursor: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'text' in value &&
    typeof value.text === 'string' &&
    'cursor' in value &&
    typeof value.cursor === 'string'
  );
}
