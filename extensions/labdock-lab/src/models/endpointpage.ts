import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { LiveState } from '../service/live.ts';
import { asError } from '../service/problem.ts';
import { answered } from '../service/service.ts';
import type { Endpoint, Key, ModelVersion, Trace } from '../service/types.ts';
import { newest, serving } from './endpoints.ts';
import type { Serving } from './serving.ts';

/** What is read for the page alone. */
type Part = 'keys' | 'model';

/** One endpoint with what its page shows of it, kept up to date. */
export class EndpointPage implements IDisposable {
  readonly serving: Serving;
  readonly project: string;
  readonly name: string;
  readonly #changed = new Signal<this, void>(this);
  readonly #traces = new Map<string, Promise<Trace>>();
  #model: ModelVersion | null = null;
  #wanted: string | null = null;
  #keys: readonly Key[] | null = null;
  readonly #problems = new Map<Part, Error>();
  #shown = true;
  #disposed = false;

  constructor(serving: Serving, project: string, name: string) {
    this.serving = serving;
    this.project = project;
    this.name = name;
    serving.begin();
    serving.endpoints.changed.connect(this.#look, this);
    serving.models.changed.connect(this.#tell, this);
    serving.service.live.stateChanged.connect(this.#hearState, this);
    this.#look();
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  /** None where it is not read yet, or was deleted. */
  get endpoint(): Endpoint | undefined {
    return this.serving.endpoints.find(this.project, this.name);
  }

  /** The version that answers, or else the one that comes up; with its sample. */
  get model(): ModelVersion | null {
    return this.#model;
  }

  /** None where they are not read yet. */
  get keys(): readonly Key[] | null {
    return this.#keys;
  }

  get problem(): Error | null {
    return [...this.#problems.values()][0] ?? this.serving.endpoints.problem;
  }

  /** Whether somebody looks: the log is followed only then. */
  get shown(): boolean {
    return this.#shown;
  }

  set shown(shown: boolean) {
    this.#shown = shown;
    this.#tell();
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    this.serving.endpoints.changed.disconnect(this.#look, this);
    this.serving.models.changed.disconnect(this.#tell, this);
    this.serving.service.live.stateChanged.disconnect(this.#hearState, this);
    Signal.clearData(this);
  }

  /** The way back from a revision to its notebook. */
  trace(revision: string): Promise<Trace> {
    const path = { id: revision };
    const found =
      this.#traces.get(revision) ??
      answered(this.serving.service.api.GET('/revisions/{id}/trace', { params: { path } }));
    this.#traces.set(revision, found);
    found.catch(() => this.#traces.delete(revision));
    return found;
  }

  /** Read the keys. */
  async readKeys(): Promise<void> {
    await this.#try('keys', async () => {
      this.#keys = await answered(
        this.serving.service.api.GET('/endpoints/{project}/{name}/keys', {
          params: { path: this.#path }
        })
      );
    });
  }

  /** Read again what could not be read. */
  retry(): void {
    this.serving.endpoints.retry();
    if (this.#problems.has('keys')) {
      void this.readKeys();
    }
    if (this.#problems.has('model') && this.#wanted !== null) {
      void this.#readModel(this.#wanted);
    }
  }

  /** Make a key; its secret is in this answer alone. Throws a Problem. */
  async createKey(title: string, lasts: number | null): Promise<Key> {
    const made = await answered(
      this.serving.service.api.POST('/endpoints/{project}/{name}/keys', {
        params: { path: this.#path },
        body: { title, expires_in: lasts }
      })
    );
    await this.readKeys();
    return made;
  }

  /** End a key at once. Throws a Problem. */
  async revokeKey(id: string): Promise<void> {
    await answered(
      this.serving.service.api.DELETE('/endpoints/{project}/{name}/keys/{id}', {
        params: { path: { ...this.#path, id } }
      })
    );
    await this.readKeys();
  }

  get #path(): { project: string; name: string } {
    return { project: this.project, name: this.name };
  }

  #hearState(_: unknown, state: LiveState): void {
    if (state === 'open') {
      this.retry();
    }
  }

  #look(): void {
    const endpoint = this.endpoint;
    const revision = endpoint && (serving(endpoint) ?? newest(endpoint));
    if (revision && revision.model !== this.#wanted) {
      this.#wanted = revision.model;
      void this.#readModel(revision.model);
    }
    this.#tell();
  }

  async #readModel(id: string): Promise<void> {
    await this.#try('model', async () => {
      const model = await this.serving.model(id);
      if (this.#wanted === id) {
        this.#model = model;
      }
    });
  }

  /** Do it, keep why it could not be done, and tell of both. */
  async #try(part: Part, what: () => Promise<void>): Promise<void> {
    try {
      await what();
      this.#problems.delete(part);
    } catch (error) {
      this.#problems.set(part, asError(error));
    }
    this.#tell();
  }

  #tell(): void {
    if (!this.#disposed) {
      this.#changed.emit();
    }
  }
}
