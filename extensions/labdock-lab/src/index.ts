import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { idlenessPlugin } from './plugins/idleness.ts';
import { jobsPlugin } from './plugins/jobs.ts';
import { ownServerPlugin } from './plugins/ownserver.ts';
import { servicePlugin } from './plugins/service.ts';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  servicePlugin,
  jobsPlugin,
  ownServerPlugin,
  idlenessPlugin
];

export default plugins;
