import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { jobsPlugin } from './plugins/jobs.ts';
import { servicePlugin } from './plugins/service.ts';

const plugins: JupyterFrontEndPlugin<unknown>[] = [servicePlugin, jobsPlugin];

export default plugins;
