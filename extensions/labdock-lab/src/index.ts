import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { jobsPlugin } from './plugins/jobs.ts';
import { servicePlugin } from './plugins/service.ts';
import { servingPlugin } from './plugins/serving.ts';
import { tensorBoardPlugin } from './plugins/tensorboard.ts';
import { trainPlugin } from './plugins/train.ts';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  servicePlugin,
  jobsPlugin,
  servingPlugin,
  tensorBoardPlugin,
  trainPlugin
];

export default plugins;
