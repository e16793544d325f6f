import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import { asError } from '../service/problem.ts';
import type {
  AcquireRequest,
  ReleaseRequest,
  ServerFigures,
  ServerLease
} from '../service/types.ts';

/** Seconds of idleness after which one is asked whether the GPU is still needed. */
export const OFFERED_AFTER = 600;

/** Seconds that one question whether a GPU is free waits for its answer. */
const LONG_POLL = 30;

/** Where the figures and the lease come from. */
export interface INotebookServer {
  figures(): Promise<ServerFigures>;
  lease(): Promise<ServerLease>;
  release(body: ReleaseRequest): Promise<ServerLease>;
  acquire(body: AcquireRequest): Promise<ServerLease>;
}

/** What a person's server uses and which GPUs it has. Nothing is asked unless it is told to. */
export class NotebookServerModel implements IDisposable {
  readonly #server: INotebookServer;
  readonly #changed = new Signal<this, void>(this);
  #figures: ServerFigures | null = null;
  #lease: ServerLease | null = null;
  #problem: Error | null = null;
  #away = false;
  #busy = false;
  #waiting = false;
  #liesIdle = false;
  #disposed = false;

  constructor(server: INotebookServer) {
    this.#server = server;
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  get figures(): ServerFigures | null {
    return this.#figures;
  }

  /** Whether the server did not answer when it was asked last. */
  get away(): boolean {
    return this.#away;
  }

  get lease(): ServerLease | null {
    return this.#lease;
  }

  /** Why no GPU can be had here, in the server's words; empty where one can be asked for. */
  get unavailable(): string {
    return this.#lease?.state === 'none' ? this.#lease.unavailable : '';
  }

  /** Why the last thing that a person wanted of the GPUs was not done. */
  get problem(): Error | null {
    return this.#problem;
  }

  /** Whether something that a person wanted is being done. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Whether it keeps a place in the queue for a GPU. */
  get waiting(): boolean {
    return this.#waiting;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    this.#waiting = false;
    Signal.clearData(this);
  }

  /**
   * Read the figures; and the lease anew where it is known and they differ from it, since a GPU is
   * also given back by itself or from a terminal. Throws where the server says none, so that one asks
   * more seldom.
   */
  async look(): Promise<ServerFigures> {
    try {
      this.#figures = await this.#server.figures();
      this.#away = false;
      this.#liesIdle = this.#figures.gpus > 0 && this.#figures.idle >= OFFERED_AFTER;
      void this.#keepLease(this.#figures);
      return this.#figures;
    } catch (error) {
      this.#figures = null;
      this.#away = true;
      throw error;
    } finally {
      this.#emit();
    }
  }

  /** Read how it stands with the GPUs. */
  async readLease(): Promise<void> {
    await this.#try(() => this.#server.lease());
  }

  /** Give the GPUs back; false where kernels have one open, which `problem` names. */
  async release(shutDown: boolean): Promise<boolean> {
    this.#waiting = false;
    return this.#do(() => this.#server.release({ shut_down: shutDown }));
  }

  /** Ask for a GPU, and keep the place in the queue until it comes or one gives it back. */
  async acquire(gpus = 1): Promise<boolean> {
    this.#waiting = true;
    const body = { gpus, wait: LONG_POLL, stay: true };
    let done = await this.#do(() => this.#server.acquire({ ...body, wait: 0 }));
    while (done && this.#waiting && this.#lease?.state === 'waiting') {
      done = await this.#try(() => this.#server.acquire(body));
    }
    this.#waiting = false;
    this.#emit();
    return done && this.#lease?.state === 'held';
  }

  /** Whether a GPU here had nothing to do for long, by the last look that brought figures. */
  get gpuLiesIdle(): boolean {
    return this.#liesIdle;
  }

  /** Whatever a person was told stays: nobody asked for this look. */
  async #keepLease({ gpus }: ServerFigures): Promise<void> {
    const held = this.#lease?.state === 'held' ? (this.#lease.devices ?? []).length : 0;
    if (this.#lease !== null && !this.#busy && held !== gpus) {
      this.#lease = await this.#server.lease().catch(() => this.#lease);
      this.#emit();
    }
  }

  async #do(what: () => Promise<ServerLease>): Promise<boolean> {
    this.#busy = true;
    this.#emit();
    const done = await this.#try(what);
    this.#busy = false;
    await this.look().catch(() => undefined);
    return done;
  }

  async #try(what: () => Promise<ServerLease>): Promise<boolean> {
    try {
      this.#lease = await what();
      this.#problem = null;
    } catch (error) {
      this.#problem = asError(error);
    }
    this.#emit();
    return this.#problem === null;
  }

  #emit(): void {
    if (!this.#disposed) {
      this.#changed.emit();
    }
  }
}
