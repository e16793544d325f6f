import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ServerConnection, type Kernel } from '@jupyterlab/services';
import { ITranslator, type TranslationBundle } from '@jupyterlab/translation';
import { Poll } from '@lumino/polling';

import { idleSince, readKept, stopsIn, type IKept, type IServerUse } from '../models/idleness.ts';

const LONGEST = 30_000;

/** Says before it happens that a server that nobody uses will be stopped. */
export const idlenessPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:idleness',
  description: 'Warns before an idle server is stopped.',
  autoStart: true,
  requires: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator) => {
    const limit = 1000 * Number(PageConfig.getOption('labdockIdleSeconds'));
    if (limit) {
      watch(app.serviceManager.serverSettings, limit, translator.load('labdock'));
    }
  }
};

function watch(
  settings: ServerConnection.ISettings,
  limit: number,
  trans: TranslationBundle
): void {
  const kept = keptIn(`labdock-idle:${settings.baseUrl}`);
  let shown: string | null = null;
  const look = async () => {
    const left = stopsIn(idleSince(await readUse(settings), kept), limit);
    if (left === null) {
      Notification.dismiss(shown ?? 'none');
      shown = null;
    } else if (shown === null) {
      shown = Notification.warning(notice(left, trans), { autoClose: false });
    }
  };
  const interval = Math.min(LONGEST, limit / 20);
  // A window in the background looks too: who comes back to it finds out that it is late.
  new Poll({
    name: 'labdock-lab:idleness',
    factory: look,
    frequency: { interval, backoff: true, max: 10 * interval },
    standby: 'never'
  });
}

function notice(left: number, trans: TranslationBundle): string {
  const end = new Date(Date.now() + left);
  const time = end.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return trans.__(
    'Nothing has run here for a while: this server stops at %1. Run a cell to keep it.',
    time
  );
}

async function readUse(settings: ServerConnection.ISettings): Promise<IServerUse> {
  const ask = async (what: string) => {
    const url = `${URLExt.join(settings.baseUrl, 'api', what)}?no_track_activity=1`;
    return ServerConnection.makeRequest(url, {}, settings);
  };
  const [status, kernels, terminals] = await Promise.all([
    ask('status'),
    ask('kernels'),
    ask('terminals')
  ]);
  const now = Date.parse(status.headers.get('Date') ?? '') || Date.now();
  const { started } = await read<{ started: string }>(status);
  return {
    now,
    started,
    kernels: (await read<Kernel.IModel[]>(kernels)).map(kernel => ({
      execution_state: kernel.execution_state ?? '',
      last_activity: kernel.last_activity ?? started
    })),
    // A server without terminals has no such address.
    terminals: terminals.status === 404 ? [] : await read<IServerUse['terminals']>(terminals)
  };
}

async function read<T>(answer: Response): Promise<T> {
  if (!answer.ok) {
    throw new ServerConnection.ResponseError(answer);
  }
  return (await answer.json()) as T;
}

function keptIn(key: string): IKept {
  return {
    get: () => readKept(localStorage.getItem(key)),
    set: kept => localStorage.setItem(key, JSON.stringify(kept))
  };
}
