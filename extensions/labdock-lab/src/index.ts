import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { jobCommandsPlugin } from './plugins/jobcommands.ts';
import { jobPagePlugin } from './plugins/jobpage.ts';
import { jobsPlugin } from './plugins/jobs.ts';
import { servicePlugin } from './plugins/service.ts';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  servicePlugin,
  jobsPlugin,
  jobCommandsPlugin,
  jobPagePlugin
];

export default plugins;
