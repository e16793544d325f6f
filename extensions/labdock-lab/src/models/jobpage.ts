import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { ILive, LiveState } from '../service/live.ts';
import { asError, Problem } from '../service/problem.ts';
import { sleep } from '../service/sleep.ts';
import type {
  Changes,
  Event,
  File,
  Job,
  MetricHistory,
  Snapshot,
  Source
} from '../service/types.ts';
import { Course } from './course.ts';
import type { IWhole } from './differences.ts';
import { Newest } from './newest.ts';
import type { Part } from './pagestate.ts';
import { hasEnded } from './progress.ts';
import { TextLog, type OpenLog } from './textlog.ts';

/** Where a job's page reads. */
export interface IJobPageSource {
  job(id: string): Promise<Job>;
  /** Events of a job after one, oldest first, without its epochs and steps. */
  events(id: string, after: number): Promise<Event[]>;
  metrics(id: string, after: number): Promise<MetricHistory>;
  files(id: string): Promise<File[]>;
  snapshot(id: string): Promise<Snapshot>;
  source(snapshot: string): Promise<Source>;
  log(job: string, rank: number): OpenLog;
  readonly live: ILive;
}

/** A job whose curves are drawn: the page's own, or one over it. */
export interface IDrawn {
  readonly job: Job;
  readonly course: Course;
}

/** What is read of a job one by one. */
type Due = 'events' | 'metrics' | 'files' | 'others' | 'snapshot';

/** What may go wrong by itself: one of those, the job, or another that is drawn over it. */
type Asked = Due | 'job' | `over ${string}`;

/** The course of a job, and the event until which it was read. */
interface IRead {
  readonly course: Course;
  at: number;
}

const TOGETHER = 1_000;
/** A page of events; the service gives no more at once. */
const EVENTS = 1_000;

/** Everything that a job's page shows; it is read again only where the job has changed. */
export class JobPage implements IDisposable {
  readonly id: string;
  readonly #source: IJobPageSource;
  readonly #pause: (milliseconds: number) => Promise<void>;
  readonly #changed = new Signal<this, void>(this);
  readonly #arranged = new Signal<this, void>(this);
  readonly #logs = new Map<number, TextLog>();
  readonly #own: IRead = { course: new Course(), at: 0 };
  readonly #others = new Map<string, IRead & { job: Job }>();
  readonly #due = new Set<Due>();
  /** Those of them that wait for the next change, look or try. */
  readonly #failed = new Set<Due>();
  readonly #questions = new Newest();
  #job: Job | null = null;
  #events: Event[] = [];
  #files: readonly File[] | null = null;
  #snapshot: Snapshot | null = null;
  #part: Part = 'overview';
  #over: readonly string[] = [];
  readonly #problems = new Map<Asked, Error>();
  #shown = false;
  #reading = false;
  #disposed = false;

  constructor(id: string, source: IJobPageSource, pause = sleep) {
    this.id = id;
    this.#source = source;
    this.#pause = pause;
    source.live.changed.connect(this.#take, this);
    source.live.stateChanged.connect(this.#hearState, this);
    source.live.begin();
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  /** Emitted when a person has chosen another part, or other jobs to draw. */
  get arranged(): ISignal<this, void> {
    return this.#arranged;
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

  /** The part that is looked at. */
  get part(): Part {
    return this.#part;
  }

  set part(part: Part) {
    this.#part = part;
    this.#arrange();
  }

  /** The jobs whose curves a person wants over those of this one, in order. */
  get over(): readonly string[] {
    return this.#over;
  }

  /** The course of this job, then those of jobs drawn over it, as far as they are read. */
  get drawn(): readonly IDrawn[] {
    const others = this.#over.flatMap(id => this.#others.get(id) ?? []);
    return this.#job === null ? [] : [{ job: this.#job, course: this.#own.course }, ...others];
  }

  /** Why something could not be read, until it was. */
  get problem(): Error | null {
    return [...this.#problems.values()][0] ?? null;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    this.#source.live.changed.disconnect(this.#take, this);
    this.#source.live.stateChanged.disconnect(this.#hearState, this);
    this.#logs.forEach(log => log.dispose());
    Signal.clearData(this);
  }

  /** Read the job, then the rest of its page. */
  async load(): Promise<void> {
    const isNewest = this.#questions.ask(this.id);
    try {
      const job = await this.#source.job(this.id);
      this.#put(isNewest() ? job : (this.#job ?? job), true);
    } catch (error) {
      if (isNewest()) {
        this.#fail('job', error);
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

  /** The output of a worker. */
  log(rank: number): TextLog {
    const log = this.#logs.get(rank) ?? new TextLog(this.#source.log(this.id, rank));
    this.#logs.set(rank, log);
    return log;
  }

  /** Draw another job's curves over those of this one. */
  async draw(id: string): Promise<void> {
    const isNewest = this.#questions.ask(id);
    this.#arrange([...this.#over.filter(one => one !== id), id]);
    try {
      const job = await this.#source.job(id);
      const read = { job, course: new Course(), at: 0 };
      await this.#readMetrics(id, read);
      if (isNewest()) {
        this.#others.set(id, read);
        this.#problems.delete(`over ${id}`);
        this.#tell();
      }
    } catch (error) {
      if (isNewest() && error instanceof Problem && error.code === 'not_found') {
        this.wipe(id); // it was deleted meanwhile
      } else if (isNewest()) {
        this.#fail(`over ${id}`, error);
      }
    }
  }

  /** Draw a job's curves no longer; what is still asked of it counts no more. */
  wipe(id: string): void {
    this.#questions.ask(id);
    this.#others.delete(id);
    this.#problems.delete(`over ${id}`);
    this.#arrange(this.#over.filter(one => one !== id));
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
  retry(): void {
    this.#logs.forEach(log => log.retry());
    this.#over.filter(id => !this.#others.has(id)).forEach(id => void this.draw(id));
    if (this.#problems.has('job')) {
      void this.load();
    } else {
      void this.#read();
    }
  }

  #hearState(_: unknown, state: LiveState): void {
    if (state === 'open') {
      this.retry();
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
      const read = this.#others.get(other.id);
      if (read !== undefined) {
        read.job = other;
        this.#due.add('others');
      }
    }
    if (changes.everything) {
      this.#due.add('others');
    }
    void this.#read();
  }

  #put(job: Job, everything: boolean): void {
    const before = this.#job;
    this.#job = job;
    this.#problems.delete('job');
    if (everything || before?.state !== job.state || before.deleted !== job.deleted) {
      (['events', 'metrics', 'files'] as const).forEach(part => this.#due.add(part));
    }
    if (before?.message !== job.message || before?.target !== job.target) {
      this.#due.add('events');
    }
    if (JSON.stringify(before?.progress) !== JSON.stringify(job.progress)) {
      this.#due.add('metrics');
    }
    if (this.#snapshot === null || this.#snapshot.state === 'packaging') {
      this.#due.add('snapshot');
    }
    if (!hasEnded(job)) {
      this.#logs.forEach(log => log.again());
    }
    if (job.deleted != null) {
      this.#due.clear(); // there is nothing to be read until it is restored
      this.#problems.clear();
    }
    this.#tell();
    void this.#read();
  }

  async #read(): Promise<void> {
    this.#failed.clear();
    if (this.#reading || !this.#shown) {
      return;
    }
    this.#reading = true;
    let due = [...this.#due];
    while (due.length > 0 && this.#shown && !this.#disposed) {
      await Promise.all(due.map(part => this.#readPart(part)));
      this.#tell();
      await this.#pause(TOGETHER);
      due = [...this.#due].filter(part => !this.#failed.has(part));
    }
    this.#reading = false;
  }

  /** Read a part that is due; it stays due where it could not be read. */
  async #readPart(part: Due): Promise<void> {
    this.#due.delete(part);
    try {
      await this.#parts[part]();
      this.#problems.delete(part);
    } catch (error) {
      if (this.#job?.deleted == null) {
        this.#due.add(part);
        this.#failed.add(part);
        this.#problems.set(part, asError(error));
      }
    }
  }

  readonly #parts: Record<Due, () => Promise<void>> = {
    events: async () => {
      let page: Event[];
      do {
        page = await this.#source.events(this.id, this.#events.at(-1)?.id ?? 0);
        this.#events = [...this.#events, ...page];
      } while (page.length === EVENTS);
    },
    metrics: () => this.#readMetrics(this.id, this.#own),
    others: async () => {
      const there = [...this.#others].filter(([, read]) => read.job.deleted == null);
      await Promise.all(there.map(([id, read]) => this.#readMetrics(id, read)));
    },
    files: async () => {
      this.#files = await this.#source.files(this.id);
    },
    snapshot: async () => {
      if (this.#job !== null) {
        this.#snapshot = await this.#source.snapshot(this.#job.snapshot);
      }
    }
  };

  async #readMetrics(id: string, read: IRead): Promise<void> {
    const { points, at } = await this.#source.metrics(id, read.at);
    read.course.take(points);
    read.at = at;
  }

  #arrange(over = this.#over): void {
    this.#over = over;
    this.#arranged.emit();
    this.#tell();
  }

  #fail(asked: Asked, error: unknown): void {
    this.#problems.set(asked, asError(error));
    this.#tell();
  }

  #tell(): void {
    if (!this.#disposed) {
      this.#changed.emit();
    }
  }
}
