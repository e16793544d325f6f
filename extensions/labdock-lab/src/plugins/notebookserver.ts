import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IStatusBar, showPopup, type Popup } from '@jupyterlab/statusbar';
import { ITranslator, type TranslationBundle } from '@jupyterlab/translation';
import { Poll } from '@lumino/polling';

import { CommandIDs } from '../commands.ts';
import { NotebookServerModel } from '../models/notebookserver.ts';
import { Connection } from '../service/connection.ts';
import { NotebookServer } from '../service/notebookserver.ts';
import type { Service } from '../service/service.ts';
import { FiguresItem } from '../statusbar/figures.tsx';
import { giveBack, ServerPopup } from '../statusbar/serverpopup.tsx';
import { IService } from '../tokens.ts';

const OFTEN = 10_000;
const SELDOM = 300_000;

/** What the person's server uses in the status bar, and its GPUs. */
export const notebookServerPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:notebook-server',
  description: 'CPU, memory and GPUs of a person’s server in the status bar.',
  autoStart: true,
  requires: [IService, ITranslator],
  optional: [IStatusBar, ICommandPalette],
  activate
};

function activate(
  app: JupyterFrontEnd,
  service: Service,
  translator: ITranslator,
  statusBar: IStatusBar | null,
  palette: ICommandPalette | null
): void {
  const trans = translator.load('labdock');
  const connection = new Connection(app.serviceManager.serverSettings, trans);
  const model = new NotebookServerModel(new NotebookServer(connection));
  const execute = () => void app.commands.execute(CommandIDs.showServer);
  const item = new FiguresItem(model, trans, execute);
  let popup: Popup | null = null;
  app.commands.addCommand(CommandIDs.showServer, {
    label: trans.__('Show Server: CPU, Memory and GPU'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => {
      if (popup !== null && !popup.isDisposed) {
        popup.dispose();
        return;
      }
      void model.readLease();
      popup = showPopup({
        body: new ServerPopup(model, service.live, trans),
        anchor: item,
        align: 'left',
        hasDynamicSize: true
      });
      // When it is told, it is still there and has the focus.
      popup.disposed.connect(() => requestAnimationFrame(() => item.takeFocusBack()));
    }
  });
  palette?.addItem({ command: CommandIDs.showServer, category: trans.__('Labdock') });
  statusBar?.registerStatusItem('labdock-lab:figures', { item, align: 'left', rank: 90 });
  void app.restored.then(() => follow(model, trans));
}

/** Read the figures now and then while the page is seen, more seldom where there are none. */
function follow(model: NotebookServerModel, trans: TranslationBundle): void {
  new Poll({
    name: 'labdock-lab:figures',
    factory: () => model.look(),
    frequency: { interval: OFTEN, backoff: true, max: SELDOM },
    standby: 'when-hidden'
  });
  let idle = false;
  let offered: string | null = null;
  model.changed.connect(() => {
    if (model.gpuLiesIdle === idle) {
      return;
    }
    idle = model.gpuLiesIdle;
    if (idle) {
      offered = offer(model, trans);
    } else if (offered !== null) {
      Notification.dismiss(offered);
    }
  });
}

function offer(model: NotebookServerModel, trans: TranslationBundle): string {
  const message = trans.__(
    'Your GPU has had nothing to do for ten minutes. Others may wait for it.'
  );
  return Notification.info(message, {
    autoClose: false,
    actions: [
      {
        label: trans.__('Give the GPU back'),
        displayType: 'accent',
        callback: () => void giveBack(model, trans)
      },
      { label: trans.__('Keep it'), callback: () => undefined }
    ]
  });
}
