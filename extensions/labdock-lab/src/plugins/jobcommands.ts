import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import {
  copyIcon,
  deleteIcon,
  launchIcon,
  notebookIcon,
  redoIcon,
  stopIcon,
  undoIcon,
  type LabIcon
} from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from '../commands.ts';
import { labdockIcon } from '../icons.ts';
import { JobActions } from '../jobactions.ts';
import type { JobList } from '../models/jobs.ts';
import { hasEnded } from '../models/progress.ts';
import { fetchCopy } from '../service/files.ts';
import { answered, type Service } from '../service/service.ts';
import type { Job } from '../service/types.ts';
import { IJobs, IService } from '../tokens.ts';

const ROW = '.lbd-JobRow';

/** What can be done with a job, in its row's menu and on its page. */
export const jobCommandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:job-commands',
  description: 'Stop, retry, run again, delete and deploy jobs.',
  autoStart: true,
  requires: [IService, IJobs, ITranslator],
  activate
};

interface IJobCommand {
  readonly id: string;
  readonly label: string;
  readonly icon: LabIcon;
  /** Whether it can be done with a job now. */
  readonly fits: (job: Job) => boolean;
  /** Whether it is there at all. */
  readonly there?: () => boolean;
  readonly act: (job: Job) => unknown;
}

function activate(
  app: JupyterFrontEnd,
  service: Service,
  jobs: JobList,
  translator: ITranslator
): void {
  const trans = translator.load('labdock');
  const { commands } = app;
  const actions = new JobActions(service, jobs, trans);
  const idOf = (args: ReadonlyPartialJSONObject) =>
    typeof args['id'] === 'string'
      ? args['id']
      : app.contextMenuHitTest(node => node.matches(ROW))?.dataset['job'];
  const all: IJobCommand[] = [
    {
      id: CommandIDs.stopJob,
      label: trans.__('Stop'),
      icon: stopIcon,
      fits: job => !hasEnded(job) && job.target !== 'stopped',
      act: job => actions.stop(job)
    },
    {
      id: CommandIDs.retryJob,
      label: trans.__('Retry'),
      icon: redoIcon,
      fits: job => job.state === 'failed' || job.state === 'stopped',
      act: job => actions.retry(job)
    },
    {
      id: CommandIDs.runJobAgain,
      label: trans.__('Run Again with Changes…'),
      icon: copyIcon,
      fits: () => true,
      act: job => runAgain(job)
    },
    {
      id: CommandIDs.openExecuted,
      label: trans.__('Open Executed Notebook'),
      icon: notebookIcon,
      fits: job => job.entry.endsWith('.ipynb') && job.started != null,
      act: job => openExecuted(job)
    },
    {
      id: CommandIDs.openBoards,
      label: trans.__('TensorBoard'),
      icon: labdockIcon,
      there: () => commands.hasCommand(CommandIDs.openTensorBoard),
      fits: job => job.started != null,
      act: ({ id, project }) =>
        commands.execute(CommandIDs.openTensorBoard, { project, jobs: [id] })
    },
    {
      id: CommandIDs.deployJob,
      label: trans.__('Deploy…'),
      icon: launchIcon,
      there: () => commands.hasCommand(CommandIDs.deploy),
      fits: job => (job.models ?? []).length > 0,
      act: job => commands.execute(CommandIDs.deploy, { job: job.id })
    },
    {
      id: CommandIDs.deleteJob,
      label: trans.__('Delete'),
      icon: deleteIcon,
      fits: hasEnded,
      act: job => actions.delete(job)
    },
    {
      id: CommandIDs.restoreJob,
      label: trans.__('Undo Delete'),
      icon: undoIcon,
      fits: () => true,
      act: job => actions.restore(job)
    }
  ];
  const runAgain = async (job: Job) => {
    const { cloneJob } = await import('../clonedialog.tsx');
    const made = await cloneJob(service, job, trans);
    if (made !== null) {
      jobs.add(made);
      await commands.execute(CommandIDs.openJob, { id: made.id });
    }
  };
  const openExecuted = async (job: Job) => {
    const { executedNotebook } = await import('../models/executed.ts');
    const params = { path: { id: job.id } };
    const files = await answered(service.api.GET('/jobs/{id}/files', { params }));
    const path = executedNotebook(job, files);
    if (path === null) {
      Notification.info(trans.__('%1 has not run a cell yet.', job.name), { autoClose: 5_000 });
      return;
    }
    const copy = await fetchCopy({ job: job.id, path });
    await commands.execute('docmanager:open', { path: copy.path });
  };
  for (const command of all) {
    const seen = (args: ReadonlyPartialJSONObject) => jobs.job(idOf(args) ?? '');
    const there = command.there ?? (() => true);
    commands.addCommand(command.id, {
      label: command.label,
      caption: command.label,
      icon: command.icon,
      describedBy: { args: { type: 'object', properties: { id: { type: 'string' } } } },
      isVisible: there,
      isEnabled: args => {
        const job = seen(args);
        return there() && idOf(args) !== undefined && (job === undefined || can(command, job));
      },
      execute: async args => {
        const id = idOf(args);
        try {
          if (id !== undefined) {
            await command.act(await actions.job(id));
          }
        } catch (error) {
          Notification.error(error instanceof Error ? error.message : String(error));
        }
      }
    });
  }
  const inMenu = all.map(command => command.id).filter(id => id !== CommandIDs.restoreJob);
  const items = [CommandIDs.openJob, ...inMenu, CommandIDs.copyLink];
  items.forEach((command, rank) => app.contextMenu.addItem({ command, selector: ROW, rank }));
  jobs.changed.connect(() => all.forEach(({ id }) => commands.notifyCommandChanged(id)));
}

/** A deleted job can be had back, and nothing else. */
function can({ id, fits }: IJobCommand, job: Job): boolean {
  return (id === CommandIDs.restoreJob) === (job.deleted != null) && fits(job);
}
