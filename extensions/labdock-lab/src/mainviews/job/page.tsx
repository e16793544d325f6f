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
import { stateName } from '../../components/statename.ts';
import type { JobPage } from '../../models/jobpage.ts';
import type { JobList } from '../../models/jobs.ts';
import { hasEnded, shareDone } from '../../models/progress.ts';
import type { Job } from '../../service/types.ts';
import { CompareTab } from './compare.tsx';
import { CurvesTab } from './curves.tsx';
import { FailureCard } from './failure.tsx';
import { FilesTab } from './files.tsx';
import { LogTab } from './log.tsx';
import { MadeTab } from './made.tsx';
import { OverviewTab } from './overview.tsx';

interface IJobViewProps {
  page: JobPage;
  jobs: JobList;
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
    return (
      <p className={page.problem ? 'lbd-Problem' : 'lbd-Empty'} role="status">
        {page.problem?.message ?? trans.__('Reading the job …')}
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
      {page.problem && (
        <p className="lbd-Problem" role="alert">
          {page.problem.message}
        </p>
      )}
      {job.failure && (
        <FailureCard page={page} failure={job.failure} read={props.read} trans={trans} />
      )}
      <Tabs key={job.id} {...props} job={job} />
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
function Tabs(props: IJobViewProps & { job: Job }) {
  const { page, job, jobs, trans } = props;
  const parts: [title: string, show: () => JSX.Element][] = [
    [trans.__('Overview'), () => <OverviewTab page={page} job={job} trans={trans} />],
    [trans.__('Log'), () => <LogTab page={page} job={job} trans={trans} />],
    [trans.__('Curves'), () => <CurvesTab page={page} job={job} jobs={jobs} trans={trans} />],
    [
      trans.__('Files'),
      () => <FilesTab page={page} url={props.url} onOpen={props.onOpen} trans={trans} />
    ],
    [trans.__('What ran'), () => <MadeTab page={page} job={job} trans={trans} />],
    [trans.__('Differences'), () => <CompareTab page={page} job={job} jobs={jobs} trans={trans} />]
  ];
  const [chosen, choose] = React.useState(0);
  const id = `lbd-part-${job.id}`;
  const press = (event: React.KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by !== undefined) {
      const next = (chosen + by + parts.length) % parts.length;
      choose(next);
      document.getElementById(`${id}-tab-${next}`)?.focus();
    }
  };
  return (
    <>
      <div className="lbd-Tabs" role="tablist" aria-label={job.name} onKeyDown={press}>
        {parts.map(([title], index) => (
          <button
            key={title}
            id={`${id}-tab-${index}`}
            role="tab"
            aria-selected={index === chosen}
            aria-controls={`${id}-panel`}
            tabIndex={index === chosen ? 0 : -1}
            onClick={() => choose(index)}
          >
            {title}
          </button>
        ))}
      </div>
      <div
        id={`${id}-panel`}
        className="lbd-JobPart"
        role="tabpanel"
        aria-labelledby={`${id}-tab-${chosen}`}
      >
        {parts[chosen]?.[1]()}
      </div>
    </>
  );
}
