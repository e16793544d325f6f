const MINUTE = 60_000;

/** Tells each minute who listens; while nobody does it stands still. */
export class MinuteClock {
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setInterval> | null = null;

  /** Be told each minute, until what is given back is called. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => this.#listeners.forEach(tell => tell()), MINUTE);
    return () => this.#leave(listener);
  }

  #leave(listener: () => void): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }
}
