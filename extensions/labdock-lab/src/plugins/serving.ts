import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  Notification,
  WidgetTracker,
  showErrorMessage,
  type MainAreaWidget
} from '@jupyterlab/apputils';
import { ITranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from '../commands.ts';
import { versionName } from '../components/states.ts';
import { servingIcon } from '../icons.ts';
import { Serving } from '../models/serving.ts';
import type { Service } from '../service/service.ts';
import type { Endpoint } from '../service/types.ts';
import { ServingPanel } from '../sidebar/serving.tsx';
import { IService } from '../tokens.ts';

/** Puts models behind endpoints, and shows both. */
export const servingPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:serving',
  description: 'Models and endpoints: deploy, ask, undo.',
  autoStart: true,
  requires: [IService, ITranslator],
  optional: [ICommandPalette, ILayoutRestorer],
  activate
};

function activate(
  app: JupyterFrontEnd,
  service: Service,
  translator: ITranslator,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null
): void {
  const trans = translator.load('labdock');
  const serving = new Serving(service);
  const panel = new ServingPanel(serving, app.commands, trans);
  app.shell.add(panel, 'left', { rank: 151, type: 'Labdock' });
  restorer?.add(panel, panel.id);
  addPanelCommand(app, panel, trans);
  addEndpointCommand(app, serving, trans, restorer);
  addDeployCommand(app, serving, trans);
  for (const command of [CommandIDs.openServing, CommandIDs.deploy]) {
    palette?.addItem({ command, category: trans.__('Labdock') });
  }
}

function addPanelCommand(
  app: JupyterFrontEnd,
  panel: ServingPanel,
  trans: TranslationBundle
): void {
  app.commands.addCommand(CommandIDs.openServing, {
    label: trans.__('Show Models and Endpoints'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => app.shell.activateById(panel.id)
  });
}

function addEndpointCommand(
  app: JupyterFrontEnd,
  serving: Serving,
  trans: TranslationBundle,
  restorer: ILayoutRestorer | null
): void {
  const places = new WeakMap<MainAreaWidget, { project: string; name: string }>();
  const tracker = new WidgetTracker<MainAreaWidget>({ namespace: 'labdock-endpoints' });
  app.commands.addCommand(CommandIDs.openEndpoint, {
    label: trans.__('Open Endpoint'),
    icon: servingIcon,
    describedBy: { args: describedArgs('project', 'name') },
    execute: async args => {
      const project = textOf(args, 'project');
      const name = textOf(args, 'name');
      if (project === undefined || name === undefined) {
        throw new Error(trans.__('Say which endpoint, by its project and name.'));
      }
      const { EndpointWidget } = await import('../mainviews/endpoint/widget.tsx');
      const open = tracker.find(
        one => places.get(one)?.project === project && places.get(one)?.name === name
      );
      if (open) {
        app.shell.activateById(open.id);
        return open;
      }
      const widget = new EndpointWidget(serving, app.commands, trans, { project, name });
      places.set(widget, { project, name });
      await tracker.add(widget);
      app.shell.add(widget, 'main', { type: 'Labdock' });
      app.shell.activateById(widget.id);
      return widget;
    }
  });
  void restorer?.restore(tracker, {
    command: CommandIDs.openEndpoint,
    args: widget => ({ ...places.get(widget) }),
    name: widget => widget.id
  });
}

function addDeployCommand(app: JupyterFrontEnd, serving: Serving, trans: TranslationBundle): void {
  app.commands.addCommand(CommandIDs.deploy, {
    label: trans.__('Deploy a Model…'),
    icon: servingIcon,
    describedBy: { args: describedArgs('job', 'model') },
    execute: async args => {
      const { askAndDeploy } = await import('../mainviews/deploy/dialog.tsx');
      const asked = { job: textOf(args, 'job'), model: textOf(args, 'model') };
      try {
        const endpoint = await askAndDeploy(serving, asked, trans);
        if (endpoint) {
          const { project, name } = endpoint;
          await app.commands.execute(CommandIDs.openEndpoint, { project, name });
          void tellWhenServing(app, serving, endpoint, trans);
        }
      } catch (error) {
        const words = error instanceof Error ? error : String(error);
        await showErrorMessage(trans.__('Nothing was deployed'), words);
      }
    }
  });
}

/** Notify once the newest revision serves, or has failed. */
async function tellWhenServing(
  app: JupyterFrontEnd,
  serving: Serving,
  endpoint: Endpoint,
  trans: TranslationBundle
): Promise<void> {
  const revision = await serving.settled(endpoint);
  if (revision === undefined) {
    return; // deleted meanwhile
  }
  const { project, name } = endpoint;
  const open = {
    label: trans.__('Open'),
    callback: () => void app.commands.execute(CommandIDs.openEndpoint, { project, name })
  };
  const version = versionName(revision.model, serving.models.models, trans);
  if (revision.state === 'serving') {
    const told = trans.__('Endpoint %1 serves %2.', name, version);
    Notification.success(told, { actions: [open], autoClose: 8000 });
  } else if (revision.state === 'failed') {
    const told = trans.__('Endpoint %1 does not serve %2. %3', name, version, revision.message);
    Notification.error(told, { actions: [open] });
  }
}

function describedArgs(...names: string[]) {
  const properties = Object.fromEntries(names.map(name => [name, { type: 'string' }]));
  return { type: 'object', properties };
}

function textOf(args: ReadonlyPartialJSONObject, name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' && value ? value : undefined;
}
