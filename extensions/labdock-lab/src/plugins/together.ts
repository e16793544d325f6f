import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog, Notification } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { DocumentWidget } from '@jupyterlab/docregistry';
import { ILauncher } from '@jupyterlab/launcher';
import { IMainMenu } from '@jupyterlab/mainmenu';
import { ITranslator, type TranslationBundle } from '@jupyterlab/translation';
import { usersIcon } from '@jupyterlab/ui-components';

import { CommandIDs } from '../commands.ts';
import { hubPlace } from '../hubplace.ts';
import { placeOf, serverAddress, sharedOf, type IPlace, type IShared } from '../models/together.ts';
import { Problem } from '../service/problem.ts';
import { answered, type Service } from '../service/service.ts';
import { IService } from '../tokens.ts';

/** Leads to the server that a project's members have together. */
export const togetherPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:together',
  description: 'Opens the server of a project, where its members work in the same notebooks.',
  autoStart: true,
  requires: [IService, ITranslator],
  optional: [ILauncher, IMainMenu, ICommandPalette],
  activate
};

function activate(
  app: JupyterFrontEnd,
  service: Service,
  translator: ITranslator,
  launcher: ILauncher | null,
  menus: IMainMenu | null,
  palette: ICommandPalette | null
): void {
  if (PageConfig.getOption('labdockProject')) {
    return; // they are there
  }
  const trans = translator.load('labdock');
  app.commands.addCommand(CommandIDs.workTogether, {
    label: args =>
      args['cwd'] === undefined ? trans.__('Work Together…') : trans.__('Work together'),
    caption: trans.__('Open the server of a project, where its members work in the same notebooks'),
    icon: usersIcon,
    describedBy: {
      args: {
        type: 'object',
        properties: {
          path: { type: 'string', description: trans.__('A file in the folder of a project.') }
        }
      }
    },
    execute: async ({ path, cwd }) => {
      const looked = cwd === undefined ? lookedAt(app) : '';
      const place = placeOf(typeof path === 'string' ? path : looked);
      try {
        const { projects } = await answered(service.api.GET('/me', {}));
        const shared = sharedOf(projects);
        const here = shared.find(one => one.name === place?.project);
        const project = here ?? (await choose(shared, trans));
        if (project !== null) {
          await saved(app, here ? place : null);
          const address = serverAddress(project, here && place ? place.path : '', hubPlace());
          open(address, project.name, trans);
        }
      } catch (error) {
        Notification.error(error instanceof Problem ? error.message : String(error));
      }
    }
  });
  launcher?.add({ command: CommandIDs.workTogether, category: trans.__('Labdock'), rank: 1 });
  menus?.fileMenu.addGroup([{ command: CommandIDs.workTogether }], 95);
  palette?.addItem({ command: CommandIDs.workTogether, category: trans.__('Labdock') });
}

/** What is looked at goes on in the other server as it is here. */
async function saved({ shell }: JupyterFrontEnd, place: IPlace | null): Promise<void> {
  const { currentWidget } = shell;
  const context = currentWidget instanceof DocumentWidget ? currentWidget.context : null;
  if (context?.model.dirty && place !== null && context.path.endsWith(place.path)) {
    await context.save();
  }
}

/** The path of the document that is looked at. */
function lookedAt({ shell }: JupyterFrontEnd): string {
  const { currentWidget } = shell;
  return currentWidget instanceof DocumentWidget ? currentWidget.context.path : '';
}

/** The one project there is, or the one that the person chooses. */
async function choose(
  shared: readonly IShared[],
  trans: TranslationBundle
): Promise<IShared | null> {
  const [first, ...more] = shared;
  if (first === undefined) {
    Notification.info(
      trans.__('You are in no project with others yet: an admin of Labdock makes one.'),
      { autoClose: 10_000 }
    );
    return null;
  }
  if (more.length === 0) {
    return first;
  }
  const { value } = await InputDialog.getItem({
    title: trans.__('Work Together'),
    label: trans.__('In which project?'),
    items: shared.map(({ name }) => name),
    okLabel: trans.__('Open')
  });
  return shared.find(({ name }) => name === value) ?? null;
}

/** Open it in a window of its own; where the browser keeps that from happening, by a click. */
function open(address: string, project: string, trans: TranslationBundle): void {
  const target = `labdock-${project}`;
  if (window.open(address, target) === null) {
    Notification.info(trans.__('The server of project %1 opens in another tab.', project), {
      autoClose: false,
      actions: [{ label: trans.__('Open'), callback: () => void window.open(address, target) }]
    });
  }
}
