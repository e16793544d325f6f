import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { idlenessPlugin } from './plugins/idleness.ts';
import { jobsPlugin } from './plugins/jobs.ts';
import { linksPlugin } from './plugins/links.ts';
import { notebookServerPlugin } from './plugins/notebookserver.ts';
import { servicePlugin } from './plugins/service.ts';
import { welcomePlugin } from './plugins/welcome.ts';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  servicePlugin,
  jobsPlugin,
  notebookServerPlugin,
  idlenessPlugin,
  welcomePlugin,
  linksPlugin
];

export default plugins;
