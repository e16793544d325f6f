import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { ILive, LiveState } from '../service/live.ts';
import { asError } from '../service/problem.ts';
import type { Changes } from '../service/types.ts';

interface IMerged<T> {
  readonly items: readonly T[];
  readonly gone: readonly string[];
}

/** Things that are listed once, and kept up to date by the stream of changes. */
export abstract class LiveList<T extends { readonly id: string }> implements IDisposable {
  readonly #live: ILive;
  readonly #changed = new Signal<this, void>(this);
  readonly #byId = new Map<string, T>();
  readonly #told = new Map<string, number>();
  #items: readonly T[] = [];
  #meanwhile: IMerged<T>[] = [];
  #reading: Promise<void> | null = null;
  #again = false;
  #loaded = false;
  #problem: Error | null = null;
  #times = 0;
  #follows = false;
  #disposed = false;

  constructor(live: ILive) {
    this.#live = live;
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  /** Whether it was read. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get loading(): boolean {
    return this.#reading !== null;
  }

  /** Why it could not be read last. */
  get problem(): Error | null {
    return this.#problem;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    this.#live.changed.disconnect(this.#hear, this);
    this.#live.stateChanged.disconnect(this.#hearState, this);
    Signal.clearData(this);
  }

  /** Read it and follow what changes; a second call does nothing. */
  begin(): void {
    if (!this.#follows) {
      this.follow();
      this.#live.begin();
      void this.read();
    }
  }

  /** Read it anew, one reading at a time; who asks meanwhile gets one more. */
  read(): Promise<void> {
    if (this.#reading !== null) {
      this.#again = true;
      return this.#reading;
    }
    return this.readFrom(undefined);
  }

  /** Read it again where it could not be read; a reading that is under way is enough. */
  retry(): void {
    if (this.#problem !== null && !this.loading) {
      void this.read();
    }
  }

  /** Take the item that an answer brings, unless the stream has told of it since it was asked. */
  async answer(call: Promise<T>): Promise<T> {
    const asked = this.#times;
    const item = await call;
    if ((this.#told.get(item.id) ?? 0) <= asked) {
      this.#merge({ items: [item], gone: [] });
    }
    return item;
  }

  /** Take an item that was made just now; the stream may have told of it before. */
  add(item: T): void {
    if (!this.#byId.has(item.id)) {
      this.#merge({ items: [item], gone: [] });
    }
  }

  /** Take away what an answer said is deleted. */
  remove(id: string): void {
    this.#merge({ items: [], gone: [id] });
  }

  /** The items after one, or the first ones. Throws a Problem. */
  protected abstract page(after: string | undefined): Promise<readonly T[]>;

  /** Take what the stream tells of. */
  protected abstract take(changes: Changes): void;

  /** What is negative where one item stands before another. */
  protected abstract order(one: T, other: T): number;

  /** Whether an item is deleted; then it is kept no longer. */
  protected isGone(_item: T): boolean {
    return false;
  }

  /** Whether an item that was not known belongs to what was read. */
  protected belongs(_item: T): boolean {
    return true;
  }

  protected byId(id: string): T | undefined {
    return this.#byId.get(id);
  }

  /** Listen to the stream. */
  protected follow(): void {
    this.#follows = true;
    this.#live.changed.connect(this.#hear, this);
    this.#live.stateChanged.connect(this.#hearState, this);
  }

  /** Read the items after one, or all anew. */
  protected readFrom(after: string | undefined): Promise<void> {
    this.#reading = this.#read(after);
    this.#emit();
    return this.#reading;
  }

  /** Take items as the stream has them, and away those that it says are gone. */
  protected tell(items: readonly T[], gone: readonly string[] = []): void {
    this.#times += 1;
    for (const id of [...items.map(item => item.id), ...gone]) {
      this.#told.set(id, this.#times);
    }
    this.#merge({ items, gone });
  }

  #hear(_: unknown, changes: Changes): void {
    if (changes.everything) {
      void this.read();
    } else {
      this.take(changes);
    }
  }

  #hearState(_: unknown, state: LiveState): void {
    if (state === 'open') {
      this.retry();
    }
  }

  async #read(after: string | undefined): Promise<void> {
    let from = after;
    do {
      this.#again = false;
      await this.#readOnce(from);
      from = undefined;
    } while (this.#again && !this.#disposed);
    this.#reading = null;
    this.#emit();
  }

  async #readOnce(after: string | undefined): Promise<void> {
    this.#meanwhile = [];
    try {
      const page = await this.page(after);
      if (after === undefined) {
        this.#byId.clear();
      }
      page.forEach(item => this.#byId.set(item.id, item));
      this.#sort();
      this.#loaded = true;
      this.#problem = null;
    } catch (error) {
      this.#problem = asError(error);
    }
    this.#meanwhile.splice(0).forEach(merged => this.#keep(merged));
  }

  #merge(merged: IMerged<T>): void {
    if (this.#reading !== null) {
      this.#meanwhile.push(merged);
    }
    if (this.#keep(merged)) {
      this.#emit();
    }
  }

  /** Keep those that belong to what was read. Whether there were any. */
  #keep({ items, gone }: IMerged<T>): boolean {
    const kept = items.filter(item => this.#byId.has(item.id) || this.belongs(item));
    for (const item of kept) {
      if (this.isGone(item)) {
        this.#byId.delete(item.id);
      } else {
        this.#byId.set(item.id, item);
      }
    }
    const left = gone.filter(id => this.#byId.delete(id));
    if (kept.length + left.length > 0) {
      this.#sort();
    }
    return kept.length + left.length > 0;
  }

  #sort(): void {
    this.#items = [...this.#byId.values()].sort((one, other) => this.order(one, other));
  }

  #emit(): void {
    if (!this.#disposed) {
      this.#changed.emit();
    }
  }
}
