/** Tells the answer to the newest question from those to older ones, which may come later. */
export class Newest {
  readonly #asked = new Map<string, number>();

  /** A question is asked, `about` something: the test whether its answer counts still. */
  ask(about = ''): () => boolean {
    const mine = (this.#asked.get(about) ?? 0) + 1;
    this.#asked.set(about, mine);
    return () => this.#asked.get(about) === mine;
  }
}
