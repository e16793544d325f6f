import { MainAreaWidget, ReactWidget, UseSignal } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { CommandToolbarButton } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { CommandIDs } from '../../commands.ts';
import { details } from '../../components/jobrow.tsx';
import { keepReachable } from '../../components/toolbarkeys.ts';
import { StateMark, stateIcon } from '../../components/statemark.tsx';
import { Tabs } from '../../components/tabs.tsx';
import { stateName } from '../../components/statename.ts';
import { Trouble } from '../../components/trouble.tsx';
import type { JobPage } from '../../models/jobpage.ts';
import type { JobList } from '../../models/jobs.ts';
import { PARTS, type Part } from '../../models/pagestate.ts';
import { hasEnded, shareDone } from '../../models/progress.ts';
import type { LiveChanges } from '../../service/live.ts';
import type { Job } from '../../service/types.ts';
import { DifferencesPart } from './differences.tsx';
import { CurvesPart } from './curves.tsx';
import { FailureCard } from './failure.tsx';
import { FilesPart } from './files.tsx';
import { LogPart } from './log.tsx';
import { WhatRanPart } from './whatran.tsx';
import { OverviewPart } from './overview.tsx';

interface IJobViewProps {
  page: JobPage;
  jobs: JobList;
  live: LiveChanges;
  commands: CommandRegistry;
  trans: TranslationBundle;
  /** The address of one of its files. */
  url: (path: string) => string;
  read: (path: string) => Promise<string>;
  onOpen: (path: string) => void;
}

const BUTTONS = [
  CommandIDs.stopJob,
  CommandIDs.retryJob,
  CommandIDs.runJobAgain,
  CommandIDs.openExecuted,
  CommandIDs.openBoards,
  CommandIDs.deployJob,
  CommandIDs.deleteJob,
  CommandIDs.copyLink
];

/** A job's page: a tab whose title follows its state. */
export class JobView extends MainAreaWidget<ReactWidget> {
  readonly page: JobPage;
  readonly #trans: TranslationBundle;
  readonly #commands: CommandRegistry;

  constructor(props: IJobViewProps) {
    const content = ReactWidget.create(
      <UseSignal signal={props.page.changed}>{() => <JobBody {...props} />}</UseSignal>
    );
    content.addClass('lbd-JobPage');
    super({ content });
    this.addClass('lbd-JobView');
    this.page = props.page;
    this.#trans = props.trans;
    this.#commands = props.commands;
    this.id = `labdock-job-${props.page.id}`;
    this.title.closable = true;
    this.title.label = props.page.id;
    for (const id of BUTTONS) {
      const args = { id: props.page.id };
      this.toolbar.addItem(id, new CommandToolbarButton({ commands: props.commands, id, args }));
    }
    keepReachable(this.toolbar.node);
    props.page.changed.connect(this.#follow, this);
    void props.page.load();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.page.dispose();
      super.dispose();
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.page.shown = true;
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.page.shown = this.isVisible;
  }

  protected override onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    this.page.shown = false;
  }

  #follow(): void {
    const { job } = this.page;
    if (job !== null) {
      this.title.label = job.name;
      this.title.icon = stateIcon(job.state).bindprops({ stylesheet: 'mainAreaTab' });
      this.title.caption = `${job.name} · ${stateName(job.state, this.#trans)}\n${job.message}`;
      BUTTONS.forEach(id => this.#commands.notifyCommandChanged(id));
    }
  }
}

function JobBody(props: IJobViewProps) {
  const { page, trans } = props;
  const { job } = page;
  if (job === null) {
    return page.problem ? (
      <Trouble
        live={props.live}
        problem={page.problem}
        trans={trans}
        onRetry={() => page.retry()}
      />
    ) : (
      <p className="lbd-Empty" role="status">
        {trans.__('Reading the job …')}
      </p>
    );
  }
  if (job.deleted != null) {
    const restore = () => void props.commands.execute(CommandIDs.restoreJob, { id: job.id });
    return (
      <>
        <Head job={job} trans={trans} />
        <p className="lbd-JobHead-deleted" role="status">
          {trans.__('This job is deleted.')}
          <button className="jp-mod-styled" onClick={restore}>
            {trans.__('Undo')}
          </button>
        </p>
      </>
    );
  }
  return (
    <>
      <Head job={job} trans={trans} />
      <Trouble
        live={props.live}
        problem={page.problem}
        trans={trans}
        onRetry={() => page.retry()}
      />
      {job.failure && (
        <FailureCard page={page} failure={job.failure} read={props.read} trans={trans} />
      )}
      <Parts {...props} job={job} />
    </>
  );
}

function Head(props: { job: Job; trans: TranslationBundle }) {
  const { job, trans } = props;
  const share = hasEnded(job) ? null : shareDone(job);
  return (
    <header className="lbd-JobHead">
      <h1>{job.name}</h1>
      <div className="lbd-JobHead-state">
        <span role="status">
          <StateMark state={job.state} trans={trans} />
        </span>
        <span>{details(job, trans).join(' · ')}</span>
      </div>
      {job.message !== '' && !job.failure && <p>{job.message}</p>}
      {share !== null && (
        <progress className="lbd-JobRow-progress" value={share} aria-label={trans.__('Progress')} />
      )}
    </header>
  );
}

/** The parts of the page; only the one that is looked at is there. */
function Parts(props: IJobViewProps & { job: Job }) {
  const { page, job, trans } = props;
  const titles: Record<Part, string> = {
    overview: trans.__('Overview'),
    log: trans.__('Log'),
    curves: trans.__('Curves'),
    files: trans.__('Files'),
    ran: trans.__('What ran'),
    differences: trans.__('Differences')
  };
  const tabs = PARTS.map(part => ({ id: part, title: titles[part] }));
  return (
    <Tabs
      id={`lbd-part-${job.id}`}
      label={job.name}
      tabs={tabs}
      chosen={page.part}
      onChoose={part => (page.part = part)}
    >
      <ShownPart {...props} />
    </Tabs>
  );
}

function ShownPart(props: IJobViewProps & { job: Job }) {
  const { page, job, jobs, trans } = props;
  switch (page.part) {
    case 'overview':
      return <OverviewPart page={page} job={job} trans={trans} />;
    case 'log':
      return <LogPart page={page} job={job} trans={trans} />;
    case 'curves':
      return <CurvesPart page={page} job={job} jobs={jobs} trans={trans} />;
    case 'files':
      return <FilesPart page={page} url={props.url} onOpen={props.onOpen} trans={trans} />;
    case 'ran':
      return <WhatRanPart page={page} job={job} trans={trans} />;
    case 'differences':
      return <DifferencesPart page={page} job={job} jobs={jobs} trans={trans} />;
  }
}
