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
import type { JobList } from '../models/jobs.ts';
import { JobsView } from '../models/jobsview.ts';
import { answered, type Service } from '../service/service.ts';
import { JobsPanel } from '../sidebar/jobs.tsx';
import { IJobs, IJobsView, IService } from '../tokens.ts';

const KEPT = 'labdock-lab:jobs-filter';

/** Shows the jobs in the left side bar. */
export const jobsPanelPlugin: JupyterFrontEndPlugin<JobsView> = {
  id: 'labdock-lab:jobs-panel',
  description: 'The jobs of a person in the side bar.',
  autoStart: true,
  provides: IJobsView,
  requires: [IService, IJobs, ITranslator],
  optional: [ICommandPalette, ILayoutRestorer, IStateDB],
  activate
};

function activate(
  app: JupyterFrontEnd,
  service: Service,
  jobs: JobList,
  translator: ITranslator,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  kept: IStateDB | null
): JobsView {
  const trans = translator.load('labdock');
  const { commands } = app;
  const view = new JobsView(jobs);
  view.me = PageConfig.getOption('hubUser'); // 'mine' means something before the service answers
  const projects = learnProjects(service, view);
  const panel = new JobsPanel({ jobs, view, live: service.live, commands, trans, projects });
  app.shell.add(panel, 'left', { rank: 150, type: 'Labdock' });
  restorer?.add(panel, panel.id);
  commands.addCommand(CommandIDs.openJobs, {
    label: trans.__('Show Jobs'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => app.shell.activateById(panel.id)
  });
  palette?.addItem({ command: CommandIDs.openJobs, category: trans.__('Labdock') });
  void app.restored.then(() => keepFilter(view, kept));
  return view;
}

/** Have the filter as it was left, and keep it. */
async function keepFilter(view: JobsView, kept: IStateDB | null): Promise<void> {
  view.choose(readFilter(await kept?.fetch(KEPT)));
  view.filtered.connect((_, { scope, state }) => void kept?.save(KEPT, { scope, state }));
}

/** The projects that the person is in, without their own: asked again after a break. */
function learnProjects(service: Service, view: JobsView): () => readonly string[] {
  let projects: string[] = [];
  let known = false;
  const learn = async () => {
    const me = await answered(service.api.GET('/me', {}));
    projects = me.projects.filter(project => !project.personal).map(project => project.name);
    view.me = me.name;
  };
  service.live.changed.connect((_, changes) => {
    if (changes.everything || !known) {
      learn().then(
        () => (known = true),
        () => (known = false)
      );
    }
  });
  return () => projects;
}
