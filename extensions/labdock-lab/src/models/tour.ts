import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { Endpoint, Job } from '../service/types.ts';
import { hasEnded } from './progress.ts';

/** What happens on the way from a notebook to an answer, in the order of the first morning. */
export const STEPS = [
  'opened',
  'ran',
  'submitted',
  'watched',
  'ended',
  'drawn',
  'deployed',
  'asked'
] as const;

export type Step = (typeof STEPS)[number];

/** What is kept of a tour between two pages, and from one day to the next. */
export interface ITourState {
  /** Whether it goes on; else it was ended or has come to its end. */
  active: boolean;
  /** What has happened, or was passed over. */
  done: Step[];
  /** What of that was passed over. */
  skipped: Step[];
  /** The job that was submitted meanwhile. */
  job: string | null;
  /** When it was begun, in seconds, by the clock of the browser. */
  since: number;
}

/** A first morning: each step waits until the real thing has happened, in whatever order. */
export class Tour implements IDisposable {
  readonly #person: string;
  readonly #offered: (step: Step) => boolean;
  readonly #changed = new Signal<this, void>(this);
  #state: ITourState = { active: false, done: [], skipped: [], job: null, since: 0 };
  /** What the job that is followed has saved. */
  #models: readonly string[] = [];
  /** When the job was submitted that it waits for. */
  #newest = 0;
  #disposed = false;

  /** `person` is whose jobs count; steps that are not `offered` here are left out. */
  constructor(person: string, offered: (step: Step) => boolean) {
    this.#person = person;
    this.#offered = offered;
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  get state(): ITourState {
    return this.#state;
  }

  get steps(): Step[] {
    return STEPS.filter(step => this.#offered(step));
  }

  /** The step that it waits for; null where there is none. */
  get step(): Step | null {
    const open = this.steps.find(step => !this.#state.done.includes(step));
    return this.#state.active ? (open ?? null) : null;
  }

  /** Whether a model has answered, and all else has happened or was passed over. */
  get answered(): boolean {
    const { done, skipped } = this.#state;
    const whole = this.steps.every(step => done.includes(step));
    return whole && done.includes('asked') && !skipped.includes('asked');
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    Signal.clearData(this);
  }

  /** Begin at the first step. */
  begin(): void {
    this.#models = [];
    this.#newest = 0;
    const since = Date.now() / 1000;
    this.#become({ active: true, done: [], skipped: [], job: null, since });
  }

  /** Go on where it was. */
  resume(state: ITourState): void {
    this.#become(state);
  }

  /** End it; it can be begun again. */
  end(): void {
    this.#become({ ...this.#state, active: false });
  }

  /** Note that something has happened. */
  happened(step: Step): void {
    const { done, skipped } = this.#state;
    if (!done.includes(step) || skipped.includes(step)) {
      this.#pass(
        step,
        skipped.filter(one => one !== step)
      );
    }
  }

  /** Pass a step over. */
  skip(step: Step): void {
    const { done, skipped } = this.#state;
    if (!done.includes(step)) {
      this.#pass(step, [...skipped, step]);
    }
  }

  /** Take jobs as they are now, those that have changed among them. */
  sawJobs(jobs: readonly Job[]): void {
    for (const job of jobs.filter(one => this.#state.active && one.owner === this.#person)) {
      if (this.#follows(job)) {
        this.#newest = job.created;
        this.#state = { ...this.#state, job: job.id };
        this.happened('submitted');
      }
      if (job.id === this.#state.job) {
        this.#newest = job.created;
        this.#models = job.models ?? [];
      }
      if (job.id === this.#state.job && job.state === 'succeeded') {
        this.happened('ended');
      }
    }
  }

  /** Take endpoints that have changed: of the job's model, or the person's own since the beginning. */
  sawEndpoints(endpoints: readonly Endpoint[]): void {
    const counts = ({ project, revisions }: Endpoint) =>
      revisions.some(({ state, model, created }) => {
        const fresh = project === this.#person && created > this.#state.since;
        return state === 'serving' && (fresh || this.#models.includes(model));
      });
    if (endpoints.some(counts)) {
      this.happened('deployed');
    }
  }

  /** Whether this is a newer job than the one that it waits for, which may have failed. */
  #follows(job: Job): boolean {
    const { done, job: followed, since } = this.#state;
    const fresh = !hasEnded(job) || job.created > since; // a quick one is first seen at its end
    const newer = job.id !== followed && job.created > this.#newest;
    return fresh && newer && !done.includes('ended');
  }

  #pass(step: Step, skipped: Step[]): void {
    if (this.#state.active) {
      const done = [...this.#state.done.filter(one => one !== step), step];
      const active = this.steps.some(one => !done.includes(one));
      this.#become({ ...this.#state, done, skipped, active });
    }
  }

  #become(state: ITourState): void {
    this.#state = state;
    this.#changed.emit();
  }
}

/** What was kept of a tour, where it is one. */
export function tourState(kept: unknown): ITourState | null {
  if (typeof kept !== 'object' || kept === null || !('active' in kept) || !('done' in kept)) {
    return null;
  }
  const among = (named: unknown) =>
    STEPS.filter(step => Array.isArray(named) && named.includes(step));
  const job = 'job' in kept && typeof kept.job === 'string' ? kept.job : null;
  const since = 'since' in kept && typeof kept.since === 'number' ? kept.since : 0;
  const skipped = among('skipped' in kept ? kept.skipped : []);
  return { active: kept.active === true, done: among(kept.done), skipped, job, since };
}
