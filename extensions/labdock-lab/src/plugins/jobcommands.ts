import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ITranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from '../commands.ts';
import { JobActions } from '../jobactions.ts';
import { jobCommands, type IJobCommand } from '../jobcommands.ts';
import type { JobList } from '../models/jobs.ts';
import type { JobsView } from '../models/jobsview.ts';
import { sentenceOf } from '../service/problem.ts';
import type { Service } from '../service/service.ts';
import type { Job } from '../service/types.ts';
import { IJobs, IJobsView, IService } from '../tokens.ts';

const ROW = '.lbd-JobRow';

/** What can be done with jobs: in their rows' menu, beside the selection, and on a job's page. */
export const jobCommandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:job-commands',
  description: 'Stop, retry, run again, delete and deploy jobs.',
  autoStart: true,
  requires: [IService, IJobs, IJobsView, ITranslator],
  activate
};

function activate(
  app: JupyterFrontEnd,
  service: Service,
  jobs: JobList,
  view: JobsView,
  translator: ITranslator
): void {
  const trans = translator.load('labdock');
  const { commands } = app;
  const actions = new JobActions(service, jobs, trans);
  const all = jobCommands({ commands, service, jobs, actions, trans });
  all.forEach(command => addCommand({ commands, command, jobs, view, actions, trans }));
  const inMenu = all.map(command => command.id).filter(id => id !== CommandIDs.restoreJob);
  const items = [CommandIDs.openJob, ...inMenu, CommandIDs.copyLink];
  items.forEach((command, rank) => app.contextMenu.addItem({ command, selector: ROW, rank }));
  view.changed.connect(() => all.forEach(({ id }) => commands.notifyCommandChanged(id)));
}

interface IAdded {
  readonly commands: CommandRegistry;
  readonly command: IJobCommand;
  readonly jobs: JobList;
  readonly view: JobsView;
  readonly actions: JobActions;
  readonly trans: TranslationBundle;
}

/** Add a command: for the job that its argument names, else for those that are selected. */
function addCommand({ commands, command, jobs, view, actions, trans }: IAdded): void {
  const there = command.there ?? (() => true);
  const idsOf = (args: ReadonlyPartialJSONObject) =>
    typeof args['id'] === 'string' ? [args['id']] : view.selected.map(job => job.id);
  const label = (args: ReadonlyPartialJSONObject) => {
    const count = idsOf(args).length;
    return count > 1 && command.most > 1
      ? trans.__('%1 (%2 jobs)', command.label, count)
      : command.label;
  };
  commands.addCommand(command.id, {
    label,
    caption: label,
    icon: command.icon,
    describedBy: { args: { type: 'object', properties: { id: { type: 'string' } } } },
    isVisible: there,
    isEnabled: args => {
      const ids = idsOf(args);
      const known = ids.flatMap(id => jobs.job(id) ?? []);
      const few = ids.length > 0 && ids.length <= command.most;
      return there() && few && known.every(job => can(command, job));
    },
    execute: async args => {
      try {
        await command.act(await Promise.all(idsOf(args).map(id => actions.job(id))));
      } catch (error) {
        Notification.error(sentenceOf(error));
      }
    }
  });
}

/** A deleted job can be had back, and nothing else. */
function can({ id, fits }: IJobCommand, job: Job): boolean {
  return (id === CommandIDs.restoreJob) === (job.deleted != null) && fits(job);
}
