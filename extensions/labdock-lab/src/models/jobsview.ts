import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { Job } from '../service/types.ts';
import { EVERYTHING, matching, type IJobFilter } from './jobfilter.ts';
import type { JobList } from './jobs.ts';
import { hasEnded } from './progress.ts';
import { RowSelection } from './rowselection.ts';

/** Jobs that are looked through before a person is asked whether to go on. */
export const LOOKED_THROUGH = 5_000;

/** What of the jobs is shown, and which of them are selected. */
export class JobsView implements IDisposable {
  readonly #list: JobList;
  readonly #changed = new Signal<this, void>(this);
  readonly #filtered = new Signal<this, IJobFilter>(this);
  readonly #selection = new RowSelection();
  #filter = EVERYTHING;
  #me = '';
  #rows: readonly Job[] = [];
  #wanted = 0;
  #limit = LOOKED_THROUGH;
  #disposed = false;

  constructor(list: JobList) {
    this.#list = list;
    list.changed.connect(this.#settle, this);
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  /** Emitted when a person has chosen another filter. */
  get filtered(): ISignal<this, IJobFilter> {
    return this.#filtered;
  }

  get filter(): IJobFilter {
    return this.#filter;
  }

  get rows(): readonly Job[] {
    return this.#rows;
  }

  get current(): Job | null {
    return this.#rows[this.currentIndex] ?? null;
  }

  /** Where the current job is among the rows; -1 where there is none. */
  get currentIndex(): number {
    return this.#rows.findIndex(job => job.id === this.#selection.current);
  }

  /** The rows that are selected, in order. */
  get selected(): readonly Job[] {
    return this.#rows.filter(job => this.#selection.has(job.id));
  }

  /** How many of the person's own jobs have not ended. */
  get active(): number {
    return this.#list.jobs.filter(job => job.owner === this.#me && !hasEnded(job)).length;
  }

  /** Whether older jobs are left that were not looked through. */
  get more(): boolean {
    return this.#list.loaded && !this.#list.complete && this.#list.jobs.length >= this.#limit;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    this.#list.changed.disconnect(this.#settle, this);
    Signal.clearData(this);
  }

  /** Whose jobs are 'mine'. */
  set me(name: string) {
    this.#me = name;
    this.#settle();
  }

  choose(change: Partial<IJobFilter>): void {
    this.#filter = { ...this.#filter, ...change };
    this.#filtered.emit(this.#filter);
    this.#settle();
  }

  isSelected(id: string): boolean {
    return this.#selection.has(id);
  }

  /** Select a row alone, beside the others or no longer, or all from the last one to it. */
  select(id: string, how: 'alone' | 'toggled' | 'upTo' = 'alone'): void {
    if (how === 'alone') {
      this.#selection.select(id);
    } else if (how === 'toggled') {
      this.#selection.toggle(id);
    } else {
      this.#selection.extend(id, this.#rows);
    }
    this.#changed.emit();
  }

  selectAll(): void {
    this.#selection.selectAll(this.#rows);
    this.#changed.emit();
  }

  /** Have a current row for the keys to begin at: the first, where there is none. */
  point(): void {
    const [first] = this.#rows;
    if (this.current === null && first !== undefined) {
      this.#selection.point(first.id);
      this.#changed.emit();
    }
  }

  /** Make another row the current one, so many further; from none it is the first. */
  move(by: number, how: 'alone' | 'upTo' = 'alone'): void {
    const at = this.currentIndex;
    const to = at < 0 ? 0 : Math.min(this.#rows.length - 1, Math.max(0, at + by));
    const job = this.#rows[to];
    if (job !== undefined) {
      this.#selection.begin();
      this.select(job.id, how);
    }
  }

  /** Have so many rows, if there are as many; older jobs are read for it. */
  want(rows: number): void {
    this.#wanted = Math.max(this.#wanted, rows);
    this.#fill();
  }

  /** Look through older jobs as well. */
  goOn(): void {
    this.#limit = this.#list.jobs.length + LOOKED_THROUGH;
    this.#fill();
  }

  #settle(): void {
    this.#rows = this.#list.jobs.filter(matching(this.#filter, this.#me));
    this.#changed.emit();
    this.#fill();
  }

  #fill(): void {
    const few = this.#rows.length < this.#wanted && this.#list.jobs.length < this.#limit;
    if (few && this.#list.loaded && !this.#list.loading && this.#list.problem === null) {
      void this.#list.more();
    }
  }
}
