import type { ILive } from '../service/live.ts';
import type { Changes, Job } from '../service/types.ts';
import { LiveList } from './livelist.ts';

/** Jobs a page; the service gives no more at once. */
export const PAGE = 200;

/** Where jobs are listed, and from where changes come. */
export interface IJobSource {
  /** A page of jobs, newest first, after the one of the id `before`. */
  list(limit: number, before?: string): Promise<Job[]>;
  readonly live: ILive;
}

/** The person's jobs, newest first, each once. */
export class JobList extends LiveList<Job> {
  readonly #source: IJobSource;
  readonly #aside = new Map<string, Job>();
  #complete = false;

  constructor(source: IJobSource) {
    super(source.live);
    this.#source = source;
    this.follow();
  }

  get jobs(): readonly Job[] {
    return this.items;
  }

  /** Whether there are no older ones to load. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Begin to follow; the first page is read as soon as the stream is open. */
  override begin(): void {
    this.#source.live.begin();
  }

  /** A job of the list, or one that a page shows. */
  job(id: string): Job | undefined {
    return this.byId(id) ?? this.#aside.get(id);
  }

  /** Know a job that a page shows, though it may be in no list: of somebody else's, or deleted. */
  know(job: Job): void {
    this.#aside.set(job.id, job);
  }

  /** No page shows it any more. */
  forget(id: string): void {
    this.#aside.delete(id);
  }

  /** Read the page of older ones, if there are any. */
  async more(): Promise<void> {
    if (!this.#complete && !this.loading) {
      await this.readFrom(this.jobs.at(-1)?.id);
    }
  }

  protected override async page(after: string | undefined): Promise<readonly Job[]> {
    const page = await this.#source.list(PAGE, after);
    this.#complete = page.length < PAGE;
    return page;
  }

  protected override take({ jobs }: Changes): void {
    this.tell(jobs ?? []);
  }

  protected override order(one: Job, other: Job): number {
    return other.created - one.created || (one.id < other.id ? 1 : -1);
  }

  protected override isGone(job: Job): boolean {
    return job.deleted != null;
  }

  /** Older ones come with their page. */
  protected override belongs(job: Job): boolean {
    const oldest = this.#complete ? undefined : this.jobs.at(-1);
    return oldest === undefined || this.order(job, oldest) < 0;
  }
}
