import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, ToolbarButtonComponent } from '@jupyterlab/ui-components';
import * as React from 'react';

import { colourOf, CurveChart } from '../../components/curvechart.tsx';
import { grouped } from '../../models/curves.ts';
import type { JobPage } from '../../models/jobpage.ts';
import type { JobList } from '../../models/jobs.ts';
import type { Job } from '../../service/types.ts';
import { JobChoice } from './jobchoice.tsx';

/** Loss and metrics, those of several jobs over each other. */
export function CurvesPart(props: {
  page: JobPage;
  job: Job;
  jobs: JobList;
  trans: TranslationBundle;
}) {
  const { page, job, jobs, trans } = props;
  const drawn = page.drawn;
  const groups = grouped(drawn.flatMap(one => one.course.curves(one.job.id)));
  const names = drawn.map(one => ({ id: one.job.id, name: labelOf(one.job, drawn.length) }));
  return (
    <>
      <div className="lbd-Drawn">
        <JobChoice
          jobs={jobs}
          job={job}
          label={trans.__('Draw another job over it …')}
          chosen=""
          without={page.over}
          trans={trans}
          onChoose={id => id !== '' && void page.draw(id)}
        />
        {names.slice(1).map((one, index) => (
          <span key={one.id} className="lbd-Drawn-job" data-colour={colourOf(index + 1)}>
            {one.name}
            <ToolbarButtonComponent
              icon={closeIcon}
              tooltip={trans.__('Take %1 away', one.name)}
              onClick={() => page.wipe(one.id)}
            />
          </span>
        ))}
      </div>
      {groups.length === 0 && (
        <p className="lbd-Empty">
          {trans.__('No metrics are told yet: `fit` tells them by itself, epoch by epoch.')}
        </p>
      )}
      <div className="lbd-Charts">
        {groups.map(group => (
          <CurveChart key={group.name} group={group} jobs={names} trans={trans} />
        ))}
      </div>
    </>
  );
}

function labelOf(job: Job, of: number): string {
  return of > 1 ? `${job.name} · ${job.id.slice(0, 5)}` : job.name;
}
