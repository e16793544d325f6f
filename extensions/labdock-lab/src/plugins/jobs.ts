import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands.ts';
import { JobList } from '../models/jobs.ts';
import { answered, type Service } from '../service/service.ts';
import { JobsPanel } from '../sidebar/jobs.tsx';
import { IJobs, IService } from '../tokens.ts';

/** Provides the list of jobs, and shows it in the left side bar. */
export const jobsPlugin: JupyterFrontEndPlugin<JobList> = {
  id: 'labdock-lab:jobs',
  description: 'The jobs of a person in the side bar.',
  autoStart: true,
  provides: IJobs,
  requires: [IService, ITranslator],
  optional: [ICommandPalette, ILayoutRestorer],
  activate
};

function activate(
  app: JupyterFrontEnd,
  service: Service,
  translator: ITranslator,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null
): JobList {
  const trans = translator.load('labdock');
  const jobs = new JobList({
    live: service.live,
    list: (limit, before) =>
      answered(
        service.api.GET('/jobs', { params: { query: { limit, ...(before ? { before } : {}) } } })
      )
  });
  const panel = new JobsPanel(jobs, service.live, trans);
  app.shell.add(panel, 'left', { rank: 150, type: 'Labdock' });
  restorer?.add(panel, panel.id);
  app.commands.addCommand(CommandIDs.openJobs, {
    label: trans.__('Show Jobs'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => app.shell.activateById(panel.id)
  });
  palette?.addItem({ command: CommandIDs.openJobs, category: trans.__('Labdock') });
  void app.restored.then(() => jobs.begin());
  return jobs;
}
