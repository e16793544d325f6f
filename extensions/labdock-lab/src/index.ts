import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { focusPlugin } from './plugins/focus.ts';
import { jobCommandsPlugin } from './plugins/jobcommands.ts';
import { jobPagePlugin } from './plugins/jobpage.ts';
import { idlenessPlugin } from './plugins/idleness.ts';
import { jobsPlugin } from './plugins/jobs.ts';
import { jobsPanelPlugin } from './plugins/jobspanel.ts';
import { linksPlugin } from './plugins/links.ts';
import { notebookServerPlugin } from './plugins/notebookserver.ts';
import { servicePlugin } from './plugins/service.ts';
import { servingPlugin } from './plugins/serving.ts';
import { tensorBoardPlugin } from './plugins/tensorboard.ts';
import { togetherPlugin } from './plugins/together.ts';
import { trainPlugin } from './plugins/train.ts';
import { welcomePlugin } from './plugins/welcome.ts';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  servicePlugin,
  jobsPlugin,
  jobsPanelPlugin,
  jobCommandsPlugin,
  jobPagePlugin,
  trainPlugin,
  servingPlugin,
  tensorBoardPlugin,
  notebookServerPlugin,
  idlenessPlugin,
  welcomePlugin,
  linksPlugin,
  focusPlugin,
  togetherPlugin
];

export default plugins;
