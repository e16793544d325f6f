import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import type { EventSourceMessage } from 'eventsource-parser';

import { asError } from './problem.ts';
import { sleep } from './sleep.ts';
import type { Changes } from './types.ts';

export type LiveState = 'connecting' | 'open' | 'broken';

/** What lists follow; what they could not read they read again once it is open again. */
export interface ILive {
  readonly changed: ISignal<unknown, Changes>;
  readonly stateChanged: ISignal<unknown, LiveState>;
  begin(): void;
}

/** Opens the stream of changes, going on after an event. */
export type OpenChanges = (
  after: string | undefined,
  signal: AbortSignal
) => Promise<AsyncIterable<EventSourceMessage>>;

const SHORTEST = 1_000;
const LONGEST = 30_000;
/** Milliseconds that an opening holds where the service is well. */
const HELD = 10_000;

/**
 * The one stream that a page has open: what changes in the person's projects.
 *
 * After a break it goes on where it was; nothing is missed and nothing is polled.
 */
export class LiveChanges implements ILive, IDisposable {
  readonly #open: OpenChanges;
  readonly #pause: (milliseconds: number) => Promise<void>;
  readonly #abort = new AbortController();
  readonly #changed = new Signal<this, Changes>(this);
  readonly #stateChanged = new Signal<this, LiveState>(this);
  readonly #tried = new Signal<this, void>(this);
  #state: LiveState = 'connecting';
  #problem: Error | null = null;
  #again: number | null = null;
  #after: string | undefined;
  #begun = false;
  #wake: (() => void) | null = null;

  constructor(open: OpenChanges, pause = sleep) {
    this.#open = open;
    this.#pause = pause;
  }

  /** Emitted at each change; the first has `everything`: time to read one's list. */
  get changed(): ISignal<this, Changes> {
    return this.#changed;
  }

  get stateChanged(): ISignal<this, LiveState> {
    return this.#stateChanged;
  }

  /** Emitted when a try begins, and when it is known how it went. */
  get tried(): ISignal<this, void> {
    return this.#tried;
  }

  get state(): LiveState {
    return this.#state;
  }

  /** Why the stream is broken, for the person. */
  get problem(): Error | null {
    return this.#problem;
  }

  /** When it is tried again, in milliseconds since the epoch; null while it is tried or open. */
  get again(): number | null {
    return this.#again;
  }

  get isDisposed(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Open the stream and keep it open; a second call does nothing. */
  begin(): void {
    if (!this.#begun) {
      this.#begun = true;
      void this.#run();
    }
  }

  /** Try now instead of later: the network is back. */
  retry(): void {
    this.#wake?.();
  }

  dispose(): void {
    this.#abort.abort();
    Signal.clearData(this);
  }

  async #run(): Promise<void> {
    let delay = SHORTEST;
    while (!this.isDisposed) {
      const begun = Date.now();
      const problem = await this.#follow();
      if (Date.now() - begun >= HELD) {
        delay = SHORTEST;
      }
      const pause = delay * (0.75 + Math.random() / 2);
      if (problem !== null) {
        this.#become('broken', problem, Date.now() + pause);
      }
      const woken = await this.#rest(pause);
      delay = woken ? SHORTEST : Math.min(delay * 2, LONGEST);
    }
  }

  /** Follow the stream to its end, or until it breaks: then it is why. */
  async #follow(): Promise<Error | null> {
    this.#become(this.#state, this.#problem);
    try {
      const events = await this.#open(this.#after, this.#abort.signal);
      this.#become('open', null);
      for await (const event of events) {
        this.#take(event);
      }
      return null;
    } catch (error) {
      return asError(error);
    }
  }

  /** Wait, or be woken: then it is true. */
  async #rest(milliseconds: number): Promise<boolean> {
    const woken = new Promise<boolean>(resolve => (this.#wake = () => resolve(true)));
    const waited = this.#pause(milliseconds).then(() => false);
    return Promise.race([woken, waited]).finally(() => (this.#wake = null));
  }

  #take(event: EventSourceMessage): void {
    if (event.event === 'changes' && !this.isDisposed) {
      this.#changed.emit(JSON.parse(event.data) as Changes);
      this.#after = event.id;
    }
  }

  #become(state: LiveState, problem: Error | null, again: number | null = null): void {
    const before = this.#state;
    this.#state = state;
    this.#problem = problem;
    this.#again = again;
    if (this.isDisposed) {
      return;
    }
    if (state !== before) {
      this.#stateChanged.emit(state);
    }
    this.#tried.emit();
  }
}
