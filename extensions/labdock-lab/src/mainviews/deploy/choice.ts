import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal, type ISignal } from '@lumino/signaling';

import { isEndpointName, proposedName } from '../../models/deployment.ts';
import { GIGABYTE } from '../../models/wording.ts';
import { Problem, sentenceOf } from '../../service/problem.ts';
import type { DeployRequest, Endpoint, ModelVersion } from '../../service/types.ts';

interface IChosen {
  model: ModelVersion;
  /** The existing endpoint; null for a new one of the name `fresh`. */
  endpoint: string | null;
  fresh: string;
  anyway: boolean;
  cpus: number;
  gigabytes: number;
  gpus: number;
  busy: boolean;
  problem: string | null;
  /** The field that the problem is of. */
  field: string | null;
}

/** What a person has chosen in the dialog so far. */
export class DeployChoice {
  readonly #changed = new Signal<this, void>(this);
  #chosen: IChosen;

  constructor(model: ModelVersion, likely: Endpoint | undefined) {
    this.#chosen = {
      model,
      endpoint: likely?.name ?? null,
      fresh: proposedName(model.name),
      anyway: false,
      cpus: 1,
      gigabytes: 0,
      gpus: 0,
      busy: false,
      problem: null,
      field: null
    };
  }

  get changed(): ISignal<this, void> {
    return this.#changed;
  }

  get now(): Readonly<IChosen> {
    return this.#chosen;
  }

  get model(): ModelVersion {
    return this.#chosen.model;
  }

  get busy(): boolean {
    return this.#chosen.busy;
  }

  /** The name of the endpoint, existing or new. */
  get name(): string {
    return this.#chosen.endpoint ?? this.#chosen.fresh;
  }

  set(values: Partial<IChosen>): void {
    this.#chosen = { ...this.#chosen, ...values };
    this.#changed.emit();
  }

  /** Say what is wrong at its field; whether nothing is. */
  check(trans: Pick<TranslationBundle, '__'>): boolean {
    if (!isEndpointName(this.name)) {
      const problem = trans.__(
        'A name has lower-case letters, digits and dashes, and a dash neither first nor last.'
      );
      this.set({ problem, field: 'name' });
      return false;
    }
    if (this.model.check.state === 'different' && !this.#chosen.anyway) {
      const problem = trans.__('Tick this to deploy a model that is not what was trained.');
      this.set({ problem, field: 'anyway' });
      return false;
    }
    return true;
  }

  /** Show why the service did not take it. */
  fail(error: unknown): void {
    const problem = sentenceOf(error);
    const field = error instanceof Problem ? error.field : null;
    this.set({ busy: false, problem, field });
  }

  request(): DeployRequest {
    const { model, anyway, cpus, gigabytes, gpus } = this.#chosen;
    const memory = Math.round(gigabytes * GIGABYTE);
    return { model: model.id, anyway, resources: { cpus, memory, gpus } };
  }
}
