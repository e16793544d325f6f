import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { ILive, LiveState } from '../service/live.ts';
import type {
  Changes,
  Event,
  File,
  Job,
  MetricHistory,
  MetricPoint,
  Snapshot,
  Source
} from '../service/types.ts';
import { joined } from './curves.ts';
import type { IWhole } from './differences.ts';
import { Newest } from './newest.ts';
import { hasEnded } from './progress.ts';
import { WorkerLog, type OpenLog } from './workerlog.ts';

/** Where a job's page reads. */
export interface IJobSource {
  job(id: string): Promise<Job>;
  /** Events of a job after one, oldest first, without its epochs and steps. */
  events(id: string, after: number): Promise<Event[]>;
  metrics(id: string, after: number): Promise<MetricHistory>;
  files(id: string): Promise<File[]>;
  snapshot(id: string): Promise<Snapshot>;
  source(snapshot: string): Promise<Source>;
  log(job: string): OpenLog;
  readonly live: ILive;
}

/** A job whose curves are drawn over those of the page. */
export interface IDrawn {
  readonly job: Job;
  readonly points: readonly MetricPoint[];
}

type Part = 'events' | 'metrics' | 'files';

const TOGETHER = 1_000;
/** A page of events; the service gives no more at once. */
const EVENTS = 1_000;

/** Everything that a job's page shows; it is read again only where the job has changed. */
export class JobPage implements IDisposable {
  readonly id: string;
  readonly #source: IJobSource;
  readonly #pause: (milliseconds: number) => Promise<void>;
  readonly #changed = new Signal<this, void>(this);
  readonly #logs = new Map<number, WorkerLog>();
  readonly #others = new Map<string, IDrawn>();
  readonly #due = new Set<Part>();
  readonly #questions = new Newest();
  #job: Job | null = null;
  #events: Event[] = [];
  #files: readonly File[] | null = null;
  #snapshot: Snapshot | null = null;
  #points: MetricPoint[] = [];
  #at = 0;
  #problem: Error | null = null;
  #shown = false;
  #reading = false;
  #disposed = false;

  constructor(id: string, source: IJobSource, pause = sleep) {
    this.id = id;
    this.#source = source;
    this.#pause = pause;
    source.live.changed.connect(this.#take, this);
    source.live.stateChanged.connect(this.#retry, this);
    source.live.begin();
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  get job(): Job | null {
    return this.#job;
  }

  get events(): readonly Event[] {
    return this.#events;
  }

  /** Its files; null before they were read. */
  get files(): readonly File[] | null {
    return this.#files;
  }

  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  /** The curves of this job, then those of jobs drawn over them. */
  get drawn(): readonly IDrawn[] {
    return this.#job === null
      ? []
      : [{ job: this.#job, points: this.#points }, ...this.#others.values()];
  }

  /** Why something could not be read. */
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
    this.#logs.forEach(log => log.dispose());
    Signal.clearData(this);
  }

  /** Read the job, then the rest of its page. */
  async load(): Promise<void> {
    const isNewest = this.#questions.ask(this.id);
    try {
      const job = await this.#source.job(this.id);
      this.#problem = null;
      this.#put(isNewest() ? job : (this.#job ?? job), true);
    } catch (error) {
      if (isNewest()) {
        this.#fail(error);
      }
    }
  }

  get shown(): boolean {
    return this.#shown;
  }

  /** Whether somebody looks: what has changed is read, and logs are followed, only then. */
  set shown(shown: boolean) {
    this.#shown = shown;
    this.#tell();
    if (shown) {
      void this.#read();
    } else {
      this.#logs.forEach(log => log.rest());
    }
  }

  log(rank: number): WorkerLog {
    const log = this.#logs.get(rank) ?? new WorkerLog(rank, this.#source.log(this.id));
    this.#logs.set(rank, log);
    return log;
  }

  /** Draw another job's curves over those of this one. */
  async draw(id: string): Promise<void> {
    const isNewest = this.#questions.ask(id);
    try {
      const [job, history] = await Promise.all([this.#source.job(id), this.#source.metrics(id, 0)]);
      if (isNewest()) {
        this.#others.set(id, { job, points: history.points });
        this.#tell();
      }
    } catch (error) {
      if (isNewest()) {
        this.#fail(error);
      }
    }
  }

  /** Draw a job's curves no longer; what is still asked of it counts no more. */
  wipe(id: string): void {
    this.#questions.ask(id);
    this.#others.delete(id);
    this.#tell();
  }

  /** This job, or another, with what it was made of. */
  async whole(id: string): Promise<IWhole> {
    const job = await this.#source.job(id);
    const [snapshot, source] = await Promise.all([
      this.#source.snapshot(job.snapshot).catch(() => null),
      this.#source.source(job.snapshot).catch(() => null)
    ]);
    return { job, snapshot, source };
  }

  /** Read again what could not be read. */
  #retry(_: unknown, state: LiveState): void {
    if (state === 'open' && this.#problem !== null) {
      void this.load();
    }
  }

  #take(_: unknown, changes: Changes): void {
    const job = changes.jobs?.find(one => one.id === this.id);
    if (changes.everything) {
      void this.load();
    } else if (job !== undefined) {
      this.#questions.ask(this.id); // what is asked already knows no more than this
      this.#put(job, false);
    }
    for (const other of changes.jobs ?? []) {
      if (this.#others.has(other.id)) {
        void this.draw(other.id);
      }
    }
  }

  #put(job: Job, everything: boolean): void {
    const before = this.#job;
    this.#job = job;
    if (everything || before?.state !== job.state || before.deleted !== job.deleted) {
      (['events', 'metrics', 'files'] as const).forEach(part => this.#due.add(part));
    }
    if (before?.message !== job.message || before?.target !== job.target) {
      this.#due.add('events');
    }
    if (JSON.stringify(before?.progress) !== JSON.stringify(job.progress)) {
      this.#due.add('metrics');
    }
    if (!hasEnded(job)) {
      this.#logs.forEach(log => log.again());
    }
    if (job.deleted != null) {
      this.#due.clear(); // there is nothing to be read until it is restored
      this.#problem = null;
    }
    this.#tell();
    void this.#read();
  }

  async #read(): Promise<void> {
    if (this.#reading || !this.#shown) {
      return;
    }
    this.#reading = true;
    while (this.#due.size > 0 && this.#shown && !this.#disposed) {
      const due = [...this.#due];
      this.#due.clear();
      try {
        await Promise.all([...due.map(part => this.#parts[part]()), this.#readSnapshot()]);
        this.#problem = null;
      } catch (error) {
        this.#fail(error);
      }
      this.#tell();
      await this.#pause(TOGETHER);
    }
    this.#reading = false;
  }

  readonly #parts: Record<Part, () => Promise<void>> = {
    events: async () => {
      let page: Event[];
      do {
        page = await this.#source.events(this.id, this.#events.at(-1)?.id ?? 0);
        this.#events = [...this.#events, ...page];
      } while (page.length === EVENTS);
    },
    metrics: async () => {
      const history = await this.#source.metrics(this.id, this.#at);
      this.#points = joined(this.#points, history.points);
      this.#at = history.at;
    },
    files: async () => {
      this.#files = await this.#source.files(this.id);
    }
  };

  async #readSnapshot(): Promise<void> {
    const job = this.#job;
    if (job !== null && (this.#snapshot === null || this.#snapshot.state === 'packaging')) {
      this.#snapshot = await this.#source.snapshot(job.snapshot);
    }
  }

  #fail(error: unknown): void {
    this.#problem = error instanceof Error ? error : new Error(String(error));
    this.#tell();
  }

  #tell(): void {
    if (!this.#disposed) {
      this.#changed.emit();
    }
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
