import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { ILive, LiveState } from '../service/live.ts';
import type { Changes, Endpoint, Revision } from '../service/types.ts';

/** Where endpoints are listed, and from where changes come. */
export interface IEndpointSource {
  list(): Promise<Endpoint[]>;
  readonly live: ILive;
}

/** The endpoints that a person sees, by project and name, kept up to date. */
export class EndpointList implements IDisposable {
  readonly #source: IEndpointSource;
  readonly #changed = new Signal<this, void>(this);
  readonly #byId = new Map<string, Endpoint>();
  #endpoints: readonly Endpoint[] = [];
  #loaded = false;
  #problem: Error | null = null;
  #meanwhile: Changes[] | null = null;
  #begun = false;
  #disposed = false;

  constructor(source: IEndpointSource) {
    this.#source = source;
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
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
      void this.#load();
    }
  }

  find(project: string, name: string): Endpoint | undefined {
    return this.#endpoints.find(one => one.project === project && one.name === name);
  }

  /** Take an endpoint that an answer brought, before the stream tells of it. */
  put(endpoint: Endpoint): void {
    this.#byId.set(endpoint.id, endpoint);
    this.#settle();
  }

  /** Take away what an answer said is deleted. */
  remove(id: string): void {
    this.#byId.delete(id);
    this.#settle();
  }

  /** Read again what could not be read. */
  #retry(_: unknown, state: LiveState): void {
    if (state === 'open' && this.#problem !== null) {
      void this.#load();
    }
  }

  #take(_: unknown, changes: Changes): void {
    if (changes.everything) {
      void this.#load();
    } else if (this.#meanwhile) {
      this.#meanwhile.push(changes);
    } else if (this.#merge(changes)) {
      this.#settle();
    }
  }

  async #load(): Promise<void> {
    const meanwhile: Changes[] = [];
    this.#meanwhile = meanwhile;
    try {
      const found = await this.#source.list();
      if (this.#meanwhile !== meanwhile) {
        return; // a later reading has begun
      }
      this.#byId.clear();
      found.forEach(endpoint => this.#byId.set(endpoint.id, endpoint));
      meanwhile.forEach(changes => this.#merge(changes));
      this.#loaded = true;
      this.#problem = null;
    } catch (error) {
      this.#problem = error instanceof Error ? error : new Error(String(error));
    }
    this.#meanwhile = null;
    this.#settle();
  }

  #merge(changes: Changes): boolean {
    const { endpoints = [], deleted_endpoints: deleted = [] } = changes;
    endpoints.forEach(endpoint => this.#byId.set(endpoint.id, endpoint));
    deleted.forEach(id => this.#byId.delete(id));
    return endpoints.length + deleted.length > 0;
  }

  #settle(): void {
    if (!this.#disposed) {
      this.#endpoints = [...this.#byId.values()].sort(
        (one, other) =>
          one.project.localeCompare(other.project) || one.name.localeCompare(other.name)
      );
      this.#changed.emit();
    }
  }
}

/** The revision that was asked for last. */
export function newest(endpoint: Endpoint): Revision | undefined {
  return endpoint.revisions.reduce<Revision | undefined>(
    (last, one) => (last === undefined || one.number > last.number ? one : last),
    undefined
  );
}

/** The revision that has the traffic. */
export function serving(endpoint: Endpoint): Revision | undefined {
  const share = endpoint.traffic.find(one => one.weight > 0);
  return endpoint.revisions.find(one => one.id === share?.revision);
}

/** The revision that comes up and does not serve yet. */
export function comingUp(endpoint: Endpoint): Revision | undefined {
  return endpoint.revisions.find(
    one => (one.state === 'starting' || one.state === 'warming') && one.id !== serving(endpoint)?.id
  );
}

/** The revision that undoing goes back to. */
export function undoTarget(endpoint: Endpoint): Revision | undefined {
  return endpoint.revisions.find(one => one.id === endpoint.before);
}
