import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  WidgetTracker,
  showErrorMessage,
  type MainAreaWidget
} from '@jupyterlab/apputils';
import { ITranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from '../commands.ts';
import { EndpointActions } from '../endpointactions.ts';
import { servingIcon } from '../icons.ts';
import { Serving } from '../models/serving.ts';
import { asError } from '../service/problem.ts';
import type { Service } from '../service/service.ts';
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
  const actions = new EndpointActions(app, serving, trans);
  actions.add();
  addEndpointCommand(app, serving, actions, trans, restorer);
  addDeployCommand(app, serving, actions, trans);
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
  actions: EndpointActions,
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
      const { project, name } = placeOf(args) ?? placeOf({ ...actions.named({}) }) ?? {};
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

function addDeployCommand(
  app: JupyterFrontEnd,
  serving: Serving,
  actions: EndpointActions,
  trans: TranslationBundle
): void {
  app.commands.addCommand(CommandIDs.deploy, {
    label: trans.__('Deploy a Model…'),
    icon: servingIcon,
    describedBy: { args: describedArgs('job', 'model', 'name') },
    execute: async args => {
      const { askAndDeploy } = await import('../mainviews/deploy/dialog.tsx');
      const [job, model] = [textOf(args, 'job'), textOf(args, 'model')];
      const asked = { job, model, endpoint: textOf(args, 'name') };
      try {
        const endpoint = await askAndDeploy(serving, asked, trans);
        if (endpoint) {
          const { project, name } = endpoint;
          await app.commands.execute(CommandIDs.openEndpoint, { project, name });
          void actions.tellWhenServing(endpoint, undefined);
        }
      } catch (error) {
        const words = asError(error);
        await showErrorMessage(trans.__('Nothing was deployed'), words);
      }
    }
  });
}

function describedArgs(...names: string[]) {
  const properties = Object.fromEntries(names.map(name => [name, { type: 'string' }]));
  return { type: 'object', properties };
}

/** The endpoint that arguments name. */
function placeOf({ project, name }: { project?: unknown; name?: unknown }) {
  return typeof project === 'string' && typeof name === 'string' ? { project, name } : null;
}

function textOf(args: ReadonlyPartialJSONObject, name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' && value ? value : undefined;
}
