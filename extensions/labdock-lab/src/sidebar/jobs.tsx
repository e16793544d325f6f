import type { TranslationBundle } from '@jupyterlab/translation';
import { PanelWithToolbar, ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { JobRow } from '../components/jobrow.tsx';
import { labdockIcon } from '../icons.ts';
import type { JobList } from '../models/jobs.ts';
import type { LiveChanges } from '../service/live.ts';

/** The side bar of jobs. */
export class JobsPanel extends PanelWithToolbar {
  constructor(jobs: JobList, live: LiveChanges, trans: TranslationBundle) {
    super();
    this.id = 'labdock-jobs';
    this.addClass('lbd-Jobs');
    this.title.icon = labdockIcon;
    this.title.caption = trans.__('Jobs');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Jobs'));
    const content = ReactWidget.create(
      <UseSignal signal={live.stateChanged}>
        {() => (
          <UseSignal signal={jobs.changed}>
            {() => <Jobs jobs={jobs} live={live} trans={trans} />}
          </UseSignal>
        )}
      </UseSignal>
    );
    content.addClass('lbd-Jobs-content');
    this.addWidget(content);
  }
}

function Jobs(props: { jobs: JobList; live: LiveChanges; trans: TranslationBundle }) {
  const { jobs, live, trans } = props;
  const problem = live.problem ?? jobs.problem;
  return (
    <>
      {problem && (
        <p className="lbd-Problem" role="status">
          {problem.message}
        </p>
      )}
      {jobs.loaded && jobs.jobs.length === 0 && (
        <p className="lbd-Empty">{trans.__('There are no jobs yet.')}</p>
      )}
      <ul className="lbd-Jobs-list">
        {jobs.jobs.map(job => (
          <JobRow key={job.id} job={job} trans={trans} />
        ))}
      </ul>
      {jobs.loaded && !jobs.complete && (
        <button
          className="jp-mod-styled lbd-More"
          disabled={jobs.loading}
          onClick={() => void jobs.more()}
        >
          {trans.__('Show older jobs')}
        </button>
      )}
    </>
  );
}
