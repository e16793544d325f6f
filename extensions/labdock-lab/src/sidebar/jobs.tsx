import type { TranslationBundle } from '@jupyterlab/translation';
import {
  CommandToolbarButtonComponent,
  PanelWithToolbar,
  ReactWidget,
  UseSignal
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { CommandIDs } from '../commands.ts';
import { Trouble } from '../components/trouble.tsx';
import { labdockIcon } from '../icons.ts';
import type { JobList } from '../models/jobs.ts';
import type { JobsView } from '../models/jobsview.ts';
import type { LiveChanges } from '../service/live.ts';
import { JobFilters } from './jobfilters.tsx';
import { JobRows } from './joblist.tsx';

/** What the selection offers beside the menu. */
const SEVERAL = [
  CommandIDs.openBoards,
  CommandIDs.stopJob,
  CommandIDs.retryJob,
  CommandIDs.deleteJob
];

interface IJobsProps {
  jobs: JobList;
  view: JobsView;
  live: LiveChanges;
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** The projects that the person is in, without their own. */
  projects: () => readonly string[];
}

/** The side bar of jobs. */
export class JobsPanel extends PanelWithToolbar {
  readonly #view: JobsView;

  constructor(props: IJobsProps) {
    super();
    const { trans, view } = props;
    this.#view = view;
    this.id = 'labdock-jobs';
    this.addClass('lbd-Jobs');
    this.title.icon = labdockIcon;
    this.title.caption = trans.__('Jobs');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Jobs'));
    const content = ReactWidget.create(
      <UseSignal signal={view.changed}>{() => <Jobs {...props} />}</UseSignal>
    );
    content.addClass('lbd-Jobs-content');
    this.addWidget(content);
    view.changed.connect(this.#count, this);
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.querySelector<HTMLElement>('.lbd-Jobs-list')?.focus();
  }

  /** Say at the tab how many jobs of the person's own have not ended. */
  #count(): void {
    const { active } = this.#view;
    if (this.title.dataset['active'] !== String(active)) {
      this.title.dataset = { active: String(active) };
    }
  }
}

function Jobs(props: IJobsProps) {
  const { jobs, view, live, commands, trans } = props;
  return (
    <>
      <JobFilters view={view} projects={props.projects()} trans={trans} />
      <p className="lbd-Jobs-count" role="status">
        {summary(jobs, view, trans)}
      </p>
      <Trouble live={live} problem={jobs.problem} trans={trans} onRetry={() => jobs.retry()} />
      {view.selected.length > 1 && <Selected commands={commands} />}
      <JobRows
        view={view}
        trans={trans}
        onOpen={id => void commands.execute(CommandIDs.openJob, { id })}
        onDelete={() => {
          if (commands.isEnabled(CommandIDs.deleteJob)) {
            void commands.execute(CommandIDs.deleteJob);
          }
        }}
      />
      {view.more && (
        <button
          className="jp-mod-styled lbd-More"
          disabled={jobs.loading}
          onClick={() => view.goOn()}
        >
          {trans.__('Look through older jobs')}
        </button>
      )}
    </>
  );
}

/** What can be done with several jobs at once. */
function Selected({ commands }: { commands: CommandRegistry }) {
  return (
    <div className="lbd-Jobs-selected">
      {SEVERAL.map(id => (
        <CommandToolbarButtonComponent key={id} commands={commands} id={id} label="" />
      ))}
    </div>
  );
}

/** How many there are, for the eye and for screen readers. */
function summary(jobs: JobList, view: JobsView, trans: TranslationBundle): string {
  if (!jobs.loaded) {
    return trans.__('Reading the jobs …');
  }
  if (view.rows.length === 0 && jobs.complete) {
    return jobs.jobs.length === 0
      ? trans.__('There are no jobs yet.')
      : trans.__('No job is like that.');
  }
  const count = `${view.rows.length}${jobs.complete ? '' : '+'}`;
  const told = trans._n('%2 job', '%2 jobs', view.rows.length, count);
  const selected = view.selected.length;
  return [
    told,
    view.active > 0 ? trans.__('%1 of mine not ended', view.active) : '',
    selected > 1 ? trans.__('%1 selected', selected) : ''
  ]
    .filter(Boolean)
    .join(' · ');
}
