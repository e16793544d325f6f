import type { ILive } from '../service/live.ts';
import type { Changes, ModelVersion } from '../service/types.ts';
import { LiveList } from './livelist.ts';
import { hasEnded } from './progress.ts';

/** Where model versions are listed, and from where changes come. */
export interface IModelSource {
  /** By name, the newest version first. */
  list(): Promise<ModelVersion[]>;
  readonly live: ILive;
}

/** Milliseconds within which jobs that end are one reason to read. */
const TOGETHER = 3_000;

/** The model versions that a person sees, read again when a job has ended with others. */
export class ModelVersionList extends LiveList<ModelVersion> {
  readonly #source: IModelSource;
  readonly #together: number;
  readonly #told = new Set<string>();
  #soon: ReturnType<typeof setTimeout> | null = null;

  /** `together` is in milliseconds. */
  constructor(source: IModelSource, together = TOGETHER) {
    super(source.live);
    this.#source = source;
    this.#together = together;
  }

  override dispose(): void {
    super.dispose();
    clearTimeout(this.#soon ?? undefined);
  }

  /** By name, the newest version first. */
  get models(): readonly ModelVersion[] {
    return this.items;
  }

  protected override page(): Promise<readonly ModelVersion[]> {
    return this.#source.list();
  }

  protected override take(changes: Changes): void {
    const models = (changes.jobs ?? []).filter(hasEnded).flatMap(job => job.models ?? []);
    const fresh = models.filter(id => this.byId(id) === undefined && !this.#told.has(id));
    fresh.forEach(id => this.#told.add(id));
    if (fresh.length > 0) {
      this.#soon ??= setTimeout(() => {
        this.#soon = null;
        void this.read();
      }, this.#together);
    }
  }

  /** As the service lists them. */
  protected override order(): number {
    return 0;
  }
}
