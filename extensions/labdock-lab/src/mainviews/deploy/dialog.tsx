import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { likelyEndpoint, offeredModels } from '../../models/deployment.ts';
import type { Serving } from '../../models/serving.ts';
import type { Endpoint } from '../../service/types.ts';
import { DeployChoice } from './choice.ts';
import { DeployForm } from './form.tsx';

const DEPLOY = 1;

/** What the dialog begins with. */
export interface IDeployArgs {
  readonly job?: string | undefined;
  readonly model?: string | undefined;
  /** The name of the endpoint, of the model's project, that another version is for. */
  readonly endpoint?: string | undefined;
}

/** Ask what goes behind which endpoint, and deploy it; null where the person thinks better of it. */
export async function askAndDeploy(
  serving: Serving,
  asked: IDeployArgs,
  trans: TranslationBundle
): Promise<Endpoint | null> {
  serving.begin();
  await Promise.all([serving.models.read(), loaded(serving)]);
  const trouble = serving.models.problem ?? serving.endpoints.problem;
  if (trouble) {
    throw trouble;
  }
  const models = offeredModels(serving.models.models, asked);
  const [first] = models;
  if (first === undefined) {
    throw new Error(
      asked.job === undefined
        ? trans.__('There are no models yet. A job that trains a Keras model saves it.')
        : trans.__('This job has saved no model.')
    );
  }
  const { endpoints } = serving.endpoints;
  const known = endpoints.find(one => one.name === asked.endpoint && one.project === first.project);
  const model = (known ? undefined : models.find(one => one.id === asked.model)) ?? first;
  const likely = known ?? likelyEndpoint(model, endpoints, serving.models.models);
  const choice = new DeployChoice(model, likely);
  const dialog = new DeployDialog(serving, choice, trans, {
    title: trans.__('Deploy a model'),
    body: ReactWidget.create(
      <DeployForm serving={serving} models={models} choice={choice} trans={trans} />
    ),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Deploy') })
    ],
    focusNodeSelector: 'select'
  });
  dialog.addClass('lbd-DeployDialog');
  await dialog.launch();
  return dialog.deployed;
}

/** Wait until the endpoints were read once, or could not be. */
function loaded({ endpoints }: Serving): Promise<void> {
  return new Promise(resolve => {
    const look = (): void => {
      if (endpoints.loaded || endpoints.problem) {
        endpoints.changed.disconnect(look);
        resolve();
      }
    };
    endpoints.changed.connect(look);
    look();
  });
}

/**
 * Stays open until the service has taken the order, so that a mistake is shown at its field.
 *
 * Meanwhile it can't be closed: an order that is under way is not taken back by that.
 */
class DeployDialog extends Dialog<void> {
  readonly #serving: Serving;
  readonly #choice: DeployChoice;
  readonly #trans: TranslationBundle;
  deployed: Endpoint | null = null;

  constructor(
    serving: Serving,
    choice: DeployChoice,
    trans: TranslationBundle,
    options: Partial<Dialog.IOptions<void>>
  ) {
    super(options);
    this.#serving = serving;
    this.#choice = choice;
    this.#trans = trans;
  }

  override reject(): void {
    if (!this.#choice.busy) {
      super.reject();
    }
  }

  override resolve(index?: number): void {
    if (this.#choice.busy) {
      return;
    }
    if ((index ?? DEPLOY) !== DEPLOY) {
      super.resolve(index);
    } else if (this.#choice.check(this.#trans)) {
      void this.#submit();
    }
  }

  async #submit(): Promise<void> {
    const choice = this.#choice;
    choice.set({ busy: true, problem: null, field: null });
    try {
      const { project } = choice.model;
      this.deployed = await this.#serving.deploy(project, choice.name, choice.request());
      super.resolve(DEPLOY);
    } catch (error) {
      choice.fail(error);
    }
  }
}
