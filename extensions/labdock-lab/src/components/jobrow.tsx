import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { hasEnded, shareDone } from '../models/progress.ts';
import type { Job } from '../service/types.ts';
import { stateName } from './statename.ts';

/** One job of the list; it is drawn again only where the job has changed. */
export const JobRow = React.memo(function JobRow(props: { job: Job; trans: TranslationBundle }) {
  const { job, trans } = props;
  const share = hasEnded(job) ? null : shareDone(job);
  return (
    <li className="lbd-JobRow" data-job={job.id} data-state={job.state}>
      <span className="lbd-JobRow-name" title={job.message}>
        {job.name}
      </span>
      <span className="lbd-JobRow-state">{stateName(job.state, trans)}</span>
      {share !== null && (
        <progress className="lbd-JobRow-progress" value={share} aria-label={trans.__('Progress')} />
      )}
    </li>
  );
});
