import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../commands.ts';
import { readFilter } from '../models/jobfilter.ts';
import { JobList } from '../models/jobs.ts';
import { JobsView } from '../models/jobsview.ts';
import { answered, type Service } from '../service/service.ts';
import { JobsPanel } from '../sidebar/jobs.tsx';
import { IJobs, IService } from '../tokens.ts';

const KEPT = 'labdock-lab:jobs-filter';

/** Provides the list of jobs, and shows it in the left side bar. */
export const jobsPlugin: JupyterFrontEndPlugin<JobList> = {
  id: 'labdock-lab:jobs',
  description: 'The jobs of a person in the side bar.',
  autoStart: true,
  provides: IJobs,
  requires: [IService, ITranslator],
  optional: [ICommandPalette, ILayoutRestorer, IStateDB],
  activate
};

function activate(
  app: JupyterFrontEnd,
  service: Service,
  translator: ITranslator,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  kept: IStateDB | null
): JobList {
  const trans = translator.load('labdock');
  const jobs = new JobList({
    live: service.live,
    list: (limit, before) =>
      answered(
        service.api.GET('/jobs', { params: { query: { limit, ...(before ? { before } : {}) } } })
      )
  });
  const view = new JobsView(jobs);
  view.me = PageConfig.getOption('hubUser'); // 'mine' means something before the service answers
  let projects: string[] = [];
  const panel = new JobsPanel({
    jobs,
    view,
    live: service.live,
    trans,
    projects: () => projects,
    onOpen: id => void app.commands.execute(CommandIDs.openJob, { id }),
    onDelete: id => void app.commands.execute(CommandIDs.deleteJob, { id })
  });
  app.shell.add(panel, 'left', { rank: 150, type: 'Labdock' });
  restorer?.add(panel, panel.id);
  app.commands.addCommand(CommandIDs.openJobs, {
    label: trans.__('Show Jobs'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => app.shell.activateById(panel.id)
  });
  palette?.addItem({ command: CommandIDs.openJobs, category: trans.__('Labdock') });
  const learn = async () => {
    const me = await answered(service.api.GET('/me', {}));
    projects = me.projects.filter(project => !project.personal).map(project => project.name);
    view.me = me.name;
  };
  const begin = async () => {
    view.choose(readFilter(await kept?.fetch(KEPT)));
    view.filtered.connect((_, { scope, state }) => void kept?.save(KEPT, { scope, state }));
    jobs.begin();
  };
  let known = false;
  service.live.changed.connect((_, changes) => {
    if (changes.everything || !known) {
      learn().then(
        () => (known = true),
        () => (known = false)
      );
    }
  });
  void app.restored.then(begin);
  return jobs;
}
