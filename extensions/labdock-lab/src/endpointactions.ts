import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { deleteIcon, undoIcon, type LabIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from './commands.ts';
import { versionName } from './components/states.ts';
import { servingIcon } from './icons.ts';
import { newest, undoTarget } from './models/endpoints.ts';
import type { Serving } from './models/serving.ts';
import { sentenceOf } from './service/problem.ts';
import type { Endpoint } from './service/types.ts';

const ROW = '.lbd-ServingRow';

interface IEndpointCommand {
  readonly id: string;
  readonly label: string;
  readonly caption: string;
  readonly icon: LabIcon;
  /** Whether it can be done with an endpoint now. */
  readonly fits: (endpoint: Endpoint) => boolean;
  readonly act: (endpoint: Endpoint) => Promise<unknown>;
}

/** What is done with an endpoint, in its row's menu and on its page. */
export class EndpointActions {
  readonly #app: JupyterFrontEnd;
  readonly #serving: Serving;
  readonly #trans: TranslationBundle;

  constructor(app: JupyterFrontEnd, serving: Serving, trans: TranslationBundle) {
    this.#app = app;
    this.#serving = serving;
    this.#trans = trans;
  }

  /** Add the commands, and a menu to the rows of endpoints. */
  add(): void {
    const { commands, contextMenu } = this.#app;
    const all = this.#commands();
    all.forEach(command => this.#addCommand(command));
    [CommandIDs.openEndpoint, ...all.map(({ id }) => id), CommandIDs.copyLink].forEach(
      (command, rank) => contextMenu.addItem({ command, selector: ROW, rank })
    );
    this.#serving.endpoints.changed.connect(() =>
      all.forEach(({ id }) => commands.notifyCommandChanged(id))
    );
  }

  /** The endpoint that arguments name, or whose row's menu is open. */
  named({ project, name }: ReadonlyPartialJSONObject): Endpoint | undefined {
    const { endpoints } = this.#serving;
    if (typeof project === 'string' && typeof name === 'string') {
      return endpoints.find(project, name);
    }
    const row = this.#app.contextMenuHitTest(node => node.matches(ROW));
    return endpoints.endpoints.find(one => one.id === row?.dataset['endpoint']);
  }

  /** Notify once a revision serves, or has failed. */
  async tellWhenServing(endpoint: Endpoint, awaited: string | undefined): Promise<void> {
    const trans = this.#trans;
    const revision = await this.#serving.settled(endpoint, awaited);
    if (revision === undefined) {
      return; // deleted meanwhile
    }
    const { project, name } = endpoint;
    const open = {
      label: trans.__('Open'),
      callback: () => void this.#app.commands.execute(CommandIDs.openEndpoint, { project, name })
    };
    const version = this.#version(revision.model);
    if (revision.state === 'serving') {
      const told = trans.__('Endpoint %1 serves %2.', name, version);
      Notification.success(told, { actions: [open], autoClose: 8000 });
    } else if (revision.state === 'failed') {
      const told = trans.__('Endpoint %1 does not serve %2. %3', name, version, revision.message);
      Notification.error(told, { actions: [open] });
    }
  }

  #commands(): IEndpointCommand[] {
    const trans = this.#trans;
    return [
      {
        id: CommandIDs.deployVersion,
        label: trans.__('Deploy a Version…'),
        caption: trans.__('Put another version of its model behind this endpoint'),
        icon: servingIcon,
        fits: () => true,
        act: endpoint => this.#deploy(endpoint)
      },
      {
        id: CommandIDs.undoDeploy,
        label: trans.__('Undo Deploy…'),
        caption: trans.__('Go back to the revision that served before'),
        icon: undoIcon,
        fits: endpoint => undoTarget(endpoint) !== undefined,
        act: endpoint => this.#undo(endpoint)
      },
      {
        id: CommandIDs.deleteEndpoint,
        label: trans.__('Delete…'),
        caption: trans.__('Delete this endpoint with its revisions and keys'),
        icon: deleteIcon,
        fits: () => true,
        act: endpoint => this.#delete(endpoint)
      }
    ];
  }

  #addCommand({ id, label, caption, icon, fits, act }: IEndpointCommand): void {
    const properties = { project: { type: 'string' }, name: { type: 'string' } };
    this.#app.commands.addCommand(id, {
      label,
      caption,
      icon,
      describedBy: { args: { type: 'object', properties } },
      isEnabled: args => {
        const endpoint = this.named(args);
        return endpoint !== undefined && fits(endpoint);
      },
      execute: async args => {
        const endpoint = this.named(args);
        try {
          await (endpoint && act(endpoint));
        } catch (error) {
          Notification.error(sentenceOf(error));
        }
      }
    });
  }

  async #deploy(endpoint: Endpoint): Promise<void> {
    const { project, name } = endpoint;
    const model = newest(endpoint)?.model;
    const args = { project, name, ...(model === undefined ? {} : { model }) };
    await this.#app.commands.execute(CommandIDs.deploy, args);
  }

  async #undo(endpoint: Endpoint): Promise<void> {
    const trans = this.#trans;
    const before = undoTarget(endpoint);
    if (before === undefined) {
      return;
    }
    const version = this.#version(before.model);
    const body = trans.__(
      'Endpoint %1 goes back to revision %2, %3. What it serves now goes on until that one answers.',
      endpoint.name,
      before.number,
      version
    );
    const go = Dialog.okButton({ label: trans.__('Go Back') });
    const buttons = [Dialog.cancelButton(), go];
    if ((await showDialog({ title: trans.__('Go back?'), body, buttons })).button.accept) {
      await this.#serving.undo(endpoint);
      void this.tellWhenServing(endpoint, before.id);
    }
  }

  async #delete(endpoint: Endpoint): Promise<void> {
    const trans = this.#trans;
    const title = trans.__('Delete endpoint %1?', endpoint.name);
    const body = trans.__(
      'Programs that use it get no answer any more, and its keys are gone. Its models stay.'
    );
    const buttons = [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })];
    if ((await showDialog({ title, body, buttons })).button.accept) {
      await this.#serving.delete(endpoint);
    }
  }

  #version(model: string): string {
    return versionName(model, this.#serving.models.models, this.#trans);
  }
}
