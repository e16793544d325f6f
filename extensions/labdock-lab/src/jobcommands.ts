import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  copyIcon,
  deleteIcon,
  notebookIcon,
  redoIcon,
  stopIcon,
  undoIcon,
  type LabIcon
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';

import { CommandIDs } from './commands.ts';
import { curvesIcon, servingIcon } from './icons.ts';
import { JobActions } from './jobactions.ts';
import type { JobList } from './models/jobs.ts';
import { hasEnded } from './models/progress.ts';
import { fetchCopy } from './service/files.ts';
import { answered, type Service } from './service/service.ts';
import type { Job } from './service/types.ts';

/** Runs that one address of TensorBoard names. */
const MOST_BOARDS = 100;

/** Something that can be done with a job, or with several at once. */
export interface IJobCommand {
  readonly id: string;
  readonly label: string;
  readonly icon: LabIcon;
  /** How many jobs it takes at once. */
  readonly most: number;
  /** Whether it can be done with a job now. */
  readonly fits: (job: Job) => boolean;
  /** Whether it is there at all. */
  readonly there?: () => boolean;
  readonly act: (jobs: readonly Job[]) => unknown;
}

interface IParts {
  readonly commands: CommandRegistry;
  readonly service: Service;
  readonly jobs: JobList;
  readonly actions: JobActions;
  readonly trans: TranslationBundle;
}

/** Everything that can be done with jobs, in the order of their menu. */
export function jobCommands(parts: IParts): IJobCommand[] {
  return [...goingOn(parts), ...lookingAt(parts), ...goneAndBack(parts)];
}

/** Stop, retry and run again. */
function goingOn(parts: IParts): IJobCommand[] {
  const { actions, trans } = parts;
  return [
    {
      id: CommandIDs.stopJob,
      label: trans.__('Stop'),
      icon: stopIcon,
      most: Infinity,
      fits: job => !hasEnded(job) && job.target !== 'stopped',
      act: jobs => actions.stop(jobs)
    },
    {
      id: CommandIDs.retryJob,
      label: trans.__('Retry'),
      icon: redoIcon,
      most: Infinity,
      fits: job => job.state === 'failed' || job.state === 'stopped',
      act: jobs => actions.retry(jobs)
    },
    {
      id: CommandIDs.runJobAgain,
      label: trans.__('Run Again with Changes…'),
      icon: copyIcon,
      most: 1,
      fits: () => true,
      act: ([job]) => job && runAgain(parts, job)
    }
  ];
}

/** What opens something of a job. */
function lookingAt(parts: IParts): IJobCommand[] {
  const { commands, trans } = parts;
  return [
    {
      id: CommandIDs.openExecuted,
      label: trans.__('Open Executed Notebook'),
      icon: notebookIcon,
      most: 1,
      fits: job => job.entry.endsWith('.ipynb') && job.started != null,
      act: ([job]) => job && openExecuted(parts, job)
    },
    {
      id: CommandIDs.openBoards,
      label: trans.__('TensorBoard'),
      icon: curvesIcon,
      most: MOST_BOARDS,
      there: () => commands.hasCommand(CommandIDs.openTensorBoard),
      fits: job => job.started != null,
      act: jobs => openBoards(commands, jobs)
    },
    {
      id: CommandIDs.deployJob,
      label: trans.__('Deploy…'),
      icon: servingIcon,
      most: 1,
      there: () => commands.hasCommand(CommandIDs.deploy),
      fits: job => (job.models ?? []).length > 0,
      act: ([job]) => job && commands.execute(CommandIDs.deploy, { job: job.id })
    }
  ];
}

function goneAndBack({ actions, trans }: IParts): IJobCommand[] {
  return [
    {
      id: CommandIDs.deleteJob,
      label: trans.__('Delete'),
      icon: deleteIcon,
      most: Infinity,
      fits: hasEnded,
      act: jobs => actions.delete(jobs)
    },
    {
      id: CommandIDs.restoreJob,
      label: trans.__('Undo Delete'),
      icon: undoIcon,
      most: Infinity,
      fits: () => true,
      act: jobs => actions.restore(jobs)
    }
  ];
}

async function runAgain({ commands, service, jobs, trans }: IParts, job: Job): Promise<void> {
  const { askAndRunAgain } = await import('./dialogs/runagain.tsx');
  const made = await askAndRunAgain(service, job, trans);
  if (made !== null) {
    jobs.add(made);
    await commands.execute(CommandIDs.openJob, { id: made.id });
  }
}

async function openExecuted({ commands, service, trans }: IParts, job: Job): Promise<void> {
  const { executedNotebook } = await import('./models/executed.ts');
  const params = { path: { id: job.id } };
  const files = await answered(service.api.GET('/jobs/{id}/files', { params }));
  const path = executedNotebook(job, files);
  if (path === null) {
    Notification.info(trans.__('%1 has not run a cell yet.', job.name), { autoClose: 5_000 });
    return;
  }
  const copy = await fetchCopy(service, { job: job.id, path });
  await commands.execute('docmanager:open', { path: copy.path });
}

/** The runs of some jobs in TensorBoard, in a tab for each of their projects. */
async function openBoards(commands: CommandRegistry, jobs: readonly Job[]): Promise<void> {
  for (const project of new Set(jobs.map(job => job.project))) {
    const ids = jobs.filter(job => job.project === project).map(job => job.id);
    await commands.execute(CommandIDs.openTensorBoard, { project, jobs: ids });
  }
}
