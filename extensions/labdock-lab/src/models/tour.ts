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
  #state: ITourState = { active: false, done: [], job: null, since: 0 };
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

  get isDisposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    Signal.clearData(this);
  }

  /** Begin at the first step. */
  begin(): void {
    this.#become({ active: true, done: [], job: null, since: Date.now() / 1000 });
  }

  /** Go on where it was. */
  resume(state: ITourState): void {
    this.#become(state);
  }

  /** End it; it can be begun again. */
  end(): void {
    this.#become({ ...this.#state, active: false });
  }

  /** Note that something has happened, or is passed over. */
  happened(step: Step): void {
    const { active, done } = this.#state;
    if (active && !done.includes(step)) {
      const now = [...done, step];
      this.#become({
        ...this.#state,
        done: now,
        active: this.steps.some(one => !now.includes(one))
      });
    }
  }

  /** Take jobs that have changed. */
  sawJobs(jobs: readonly Job[]): void {
    for (const job of jobs.filter(one => this.#state.active && one.owner === this.#person)) {
      if (this.#follows(job)) {
        this.#state = { ...this.#state, job: job.id };
        this.happened('submitted');
      }
      if (job.id === this.#state.job && job.state === 'succeeded') {
        this.happened('ended');
      }
    }
  }

  /** Take endpoints that have changed. */
  sawEndpoints(endpoints: readonly Endpoint[]): void {
    if (endpoints.some(one => one.revisions.at(-1)?.state === 'serving')) {
      this.happened('deployed');
    }
  }

  /** Whether this is a newer job than the one that it waits for, which may have failed. */
  #follows(job: Job): boolean {
    const { done, job: followed, since } = this.#state;
    const fresh = !hasEnded(job) || job.created > since; // a quick one is first seen at its end
    return fresh && job.id !== followed && !done.includes('ended');
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
  const named: readonly unknown[] = Array.isArray(kept.done) ? kept.done : [];
  const job = 'job' in kept && typeof kept.job === 'string' ? kept.job : null;
  const since = 'since' in kept && typeof kept.since === 'number' ? kept.since : 0;
  const done = STEPS.filter(step => named.includes(step));
  return { active: kept.active === true, done, job, since };
}
