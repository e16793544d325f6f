import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { ILive, LiveState } from '../service/live.ts';
import type { Changes, ModelVersion } from '../service/types.ts';
import { hasEnded } from './progress.ts';

/** Where model versions are listed, and from where changes come. */
export interface IModelSource {
  list(): Promise<ModelVersion[]>;
  readonly live: ILive;
}

/** The model versions that a person sees, read again when a job has ended. */
export class ModelVersionList implements IDisposable {
  readonly #source: IModelSource;
  readonly #changed = new Signal<this, void>(this);
  #models: readonly ModelVersion[] = [];
  #loaded = false;
  #problem: Error | null = null;
  #reading: Promise<void> | null = null;
  #again = false;
  #begun = false;
  #disposed = false;

  constructor(source: IModelSource) {
    this.#source = source;
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  /** By name, the newest version first. */
  get models(): readonly ModelVersion[] {
    return this.#models;
  }

  get loaded(): boolean {
    return this.#loaded;
  }

  /** Why they could not be read. */
  get problem(): Error | null {
    return this.#problem;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    this.#source.live.changed.disconnect(this.#take, this);
    this.#source.live.stateChanged.disconnect(this.#retry, this);
    Signal.clearData(this);
  }

  /** Read them and follow what changes; a second call does nothing. */
  begin(): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#source.live.changed.connect(this.#take, this);
      this.#source.live.stateChanged.connect(this.#retry, this);
      this.#source.live.begin();
      void this.read();
    }
  }

  find(id: string): ModelVersion | undefined {
    return this.#models.find(model => model.id === id);
  }

  /** Read them now; who asks meanwhile gets one more reading. */
  read(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
    } else {
      this.#reading = this.#readAll().finally(() => (this.#reading = null));
    }
    return this.#reading;
  }

  /** Read again what could not be read. */
  #retry(_: unknown, state: LiveState): void {
    if (state === 'open' && this.#problem !== null) {
      void this.read();
    }
  }

  #take(_: unknown, changes: Changes): void {
    if (changes.everything || changes.jobs?.some(hasEnded)) {
      void this.read();
    }
  }

  async #readAll(): Promise<void> {
    do {
      this.#again = false;
      try {
        this.#models = await this.#source.list();
        this.#loaded = true;
        this.#problem = null;
      } catch (error) {
        this.#problem = error instanceof Error ? error : new Error(String(error));
      }
    } while (this.#again);
    if (!this.#disposed) {
      this.#changed.emit();
    }
  }
}
