import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { ILive, LiveState } from '../service/live.ts';
import type { Changes, Job } from '../service/types.ts';

/** Jobs a page; the service gives no more at once. */
export const PAGE = 200;

/** Where jobs are listed, and from where changes come. */
export interface IJobSource {
  /** A page of jobs, newest first, after the one of the id `before`. */
  list(limit: number, before?: string): Promise<Job[]>;
  readonly live: ILive;
}

/** The person's jobs, newest first, each once, kept up to date by the stream of changes. */
export class JobList implements IDisposable {
  readonly #source: IJobSource;
  readonly #changed = new Signal<this, void>(this);
  readonly #byId = new Map<string, Job>();
  readonly #aside = new Map<string, Job>();
  #jobs: readonly Job[] = [];
  #complete = false;
  #loading = false;
  #loaded = false;
  #problem: Error | null = null;
  #meanwhile: Job[] = [];
  #again = false;
  #disposed = false;

  constructor(source: IJobSource) {
    this.#source = source;
    source.live.changed.connect(this.#take, this);
    source.live.stateChanged.connect(this.#retry, this);
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  get jobs(): readonly Job[] {
    return this.#jobs;
  }

  /** Whether there are no older ones to load. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Whether the first page was read. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get loading(): boolean {
    return this.#loading;
  }

  /** Why the last page could not be read. */
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

  /** Begin to follow; the first page is read as soon as the stream is open. */
  begin(): void {
    this.#source.live.begin();
  }

  /** A job of the list, or one that a page shows. */
  job(id: string): Job | undefined {
    return this.#byId.get(id) ?? this.#aside.get(id);
  }

  /** Know a job that a page shows, though it may be in no list: of somebody else's, or deleted. */
  know(job: Job): void {
    this.#aside.set(job.id, job);
  }

  /** No page shows it any more. */
  forget(id: string): void {
    this.#aside.delete(id);
  }

  /** Take jobs that an answer brought, before the stream tells of them. */
  put(...jobs: Job[]): void {
    if (this.#loading) {
      this.#meanwhile.push(...jobs);
    }
    if (this.#merge(jobs)) {
      this.#settle();
    }
  }

  /** Read the page of older ones, if there are any. */
  async more(): Promise<void> {
    if (!this.#complete && !this.#loading) {
      await this.#load(this.#jobs.at(-1)?.id);
    }
  }

  /** Read again what could not be read. */
  #retry(_: unknown, state: LiveState): void {
    if (state === 'open' && this.#problem !== null) {
      this.#reload();
    }
  }

  #take(_: unknown, changes: Changes): void {
    if (!changes.everything) {
      this.put(...(changes.jobs ?? []));
    } else {
      this.#reload();
    }
  }

  #reload(): void {
    if (this.#loading) {
      this.#again = true;
    } else {
      void this.#load();
    }
  }

  async #load(before?: string): Promise<void> {
    this.#loading = true;
    this.#meanwhile = [];
    this.#changed.emit();
    try {
      const page = await this.#source.list(PAGE, before);
      if (before === undefined) {
        this.#byId.clear();
      }
      page.forEach(job => this.#byId.set(job.id, job));
      this.#complete = page.length < PAGE;
      this.#loaded = true;
      this.#problem = null;
    } catch (error) {
      this.#problem = error instanceof Error ? error : new Error(String(error));
    }
    this.#loading = false;
    this.#merge(this.#meanwhile.splice(0));
    this.#settle();
    if (this.#again) {
      this.#again = false;
      void this.#load();
    }
  }

  /** Keep those that belong to what was loaded; older ones come with their page. */
  #merge(jobs: readonly Job[]): boolean {
    const oldest = this.#complete ? undefined : this.#jobs.at(-1);
    const kept = jobs.filter(
      job => this.#byId.has(job.id) || oldest === undefined || newestFirst(job, oldest) < 0
    );
    for (const job of kept) {
      if (job.deleted == null) {
        this.#byId.set(job.id, job);
      } else {
        this.#byId.delete(job.id);
      }
    }
    return kept.length > 0;
  }

  #settle(): void {
    if (!this.#disposed) {
      this.#jobs = [...this.#byId.values()].sort(newestFirst);
      this.#changed.emit();
    }
  }
}

function newestFirst(one: Job, other: Job): number {
  return other.created - one.created || (one.id < other.id ? 1 : -1);
}
