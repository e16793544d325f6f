import { asError } from '../service/problem.ts';
import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

/** Asks what follows from a choice: a little after its last change, and only the newest counts. */
export class Latest<T> implements IDisposable {
  readonly #changed = new Signal<this, void>(this);
  readonly #delay: number;
  #asked: AbortController | null = null;
  #value: T | null = null;
  #problem: Error | null = null;
  #disposed = false;

  /** `delay` is in milliseconds. */
  constructor(delay: number) {
    this.#delay = delay;
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  /** The newest answer; it stays while another is awaited. */
  get value(): T | null {
    return this.#value;
  }

  get problem(): Error | null {
    return this.#problem;
  }

  /** Whether an answer is awaited. */
  get asking(): boolean {
    return this.#asked !== null;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    this.#asked?.abort();
    Signal.clearData(this);
  }

  /** Ask this instead of what was asked before. */
  ask(question: (signal: AbortSignal) => Promise<T>): void {
    if (this.#disposed) {
      return;
    }
    this.#asked?.abort();
    const asked = new AbortController();
    this.#asked = asked;
    this.#changed.emit();
    setTimeout(() => void this.#answer(asked, question), this.#delay);
  }

  /** Forget the answer: there is nothing to ask. */
  clear(): void {
    this.#asked?.abort();
    this.#settle(null, null);
  }

  async #answer(
    asked: AbortController,
    question: (signal: AbortSignal) => Promise<T>
  ): Promise<void> {
    if (asked.signal.aborted) {
      return;
    }
    try {
      const value = await question(asked.signal);
      if (!asked.signal.aborted) {
        this.#settle(value, null);
      }
    } catch (error) {
      if (!asked.signal.aborted) {
        this.#settle(null, asError(error));
      }
    }
  }

  #settle(value: T | null, problem: Error | null): void {
    this.#asked = null;
    this.#value = value;
    this.#problem = problem;
    if (!this.#disposed) {
      this.#changed.emit();
    }
  }
}
