import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { jobsPlugin } from './plugins/jobs.ts';
import { servicePlugin } from './plugins/service.ts';
import { trainPlugin } from './plugins/train.ts';

const plugins: JupyterFrontEndPlugin<unknown>[] = [servicePlugin, jobsPlugin, trainPlugin];

export default plugins;
