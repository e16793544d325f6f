import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

/** Lines that are kept: the last ones. */
export const MOST_LINES = 2000;

/** Opens a log, going on after a line's cursor. */
export type OpenLog = (
  after: string | undefined,
  signal: AbortSignal
) => Promise<AsyncIterable<{ event?: string | undefined; data: string }>>;

/** A log as it is written, until it ends or nobody reads it any more. */
export class TextLog implements IDisposable {
  readonly #open: OpenLog;
  readonly #abort = new AbortController();
  readonly #changed = new Signal<this, void>(this);
  readonly #pause: () => Promise<void>;
  #lines: readonly string[] = [];
  #ended = false;
  #after: string | undefined;

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
    return this.#abort.signal.aborted;
  }

  dispose(): void {
    this.#abort.abort();
    Signal.clearData(this);
  }

  /** Read until the end; what is cut off goes on where it was. */
  async follow(): Promise<void> {
    while (!this.#ended && !this.isDisposed) {
      try {
        for await (const { event, data } of await this.#open(this.#after, this.#abort.signal)) {
          this.#take(event, data);
        }
      } catch {
        // it is opened again
      }
      if (!this.#ended && !this.isDisposed) {
        await this.#pause();
      }
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
    if (!this.isDisposed) {
      this.#changed.emit();
    }
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
