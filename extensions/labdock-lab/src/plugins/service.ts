import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { Service } from '../service/service.ts';
import { IService } from '../tokens.ts';

/** Provides the calls of Labdock's service. */
export const servicePlugin: JupyterFrontEndPlugin<Service> = {
  id: 'labdock-lab:service',
  description: 'Calls Labdock through the person’s own server.',
  autoStart: true,
  provides: IService,
  activate: (app: JupyterFrontEnd) => {
    const service = new Service(app.serviceManager.serverSettings);
    window.addEventListener('online', () => service.live.retry());
    return service;
  }
};
