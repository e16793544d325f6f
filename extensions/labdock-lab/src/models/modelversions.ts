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

/** The model versions that a person sees, read again when a job has ended. */
export class ModelVersionList extends LiveList<ModelVersion> {
  readonly #source: IModelSource;

  constructor(source: IModelSource) {
    super(source.live);
    this.#source = source;
  }

  /** By name, the newest version first. */
  get models(): readonly ModelVersion[] {
    return this.items;
  }

  protected override page(): Promise<readonly ModelVersion[]> {
    return this.#source.list();
  }

  protected override take(changes: Changes): void {
    if (changes.jobs?.some(hasEnded)) {
      void this.read();
    }
  }

  /** As the service lists them. */
  protected override order(): number {
    return 0;
  }
}
