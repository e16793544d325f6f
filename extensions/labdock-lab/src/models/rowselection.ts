/** Which rows of a list are selected, and which of them is the current one. */
export class RowSelection {
  #ids = new Set<string>();
  #current: string | null = null;
  /** Where a range begins. */
  #from: string | null = null;

  get current(): string | null {
    return this.#current;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Make a row the current one and select nothing. */
  point(id: string): void {
    this.#current = id;
  }

  /** A range begins at the current row, unless it has begun elsewhere. */
  begin(): void {
    this.#from ??= this.#current;
  }

  /** Select a row alone. */
  select(id: string): void {
    this.#ids = new Set([id]);
    this.#current = id;
    this.#from = id;
  }

  /** Select a row beside the others, or no longer. */
  toggle(id: string): void {
    if (!this.#ids.delete(id)) {
      this.#ids.add(id);
    }
    this.#current = id;
    this.#from = id;
  }

  /** Select all rows from where the selection began to this one. */
  extend(id: string, rows: readonly { readonly id: string }[]): void {
    const from = rows.findIndex(row => row.id === this.#from);
    const to = rows.findIndex(row => row.id === id);
    if (from < 0 || to < 0) {
      this.select(id);
      return;
    }
    const range = rows.slice(Math.min(from, to), Math.max(from, to) + 1);
    this.#ids = new Set(range.map(row => row.id));
    this.#current = id;
  }

  selectAll(rows: readonly { readonly id: string }[]): void {
    this.#ids = new Set(rows.map(row => row.id));
  }
}
