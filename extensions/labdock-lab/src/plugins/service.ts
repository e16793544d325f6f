import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { Connection } from '../service/connection.ts';
import { Service } from '../service/service.ts';
import { IService } from '../tokens.ts';

/** Provides the calls of Labdock's service. */
export const servicePlugin: JupyterFrontEndPlugin<Service> = {
  id: 'labdock-lab:service',
  description: 'Calls Labdock through the person’s own server.',
  autoStart: true,
  provides: IService,
  requires: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator) => {
    const { serverSettings } = app.serviceManager;
    const service = new Service(new Connection(serverSettings, translator.load('labdock')));
    window.addEventListener('online', () => service.live.retry());
    return service;
  }
};
