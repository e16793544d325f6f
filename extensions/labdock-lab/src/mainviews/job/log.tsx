import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { LogView } from '../../components/logview.tsx';
import type { JobPage } from '../../models/jobpage.ts';
import type { Job } from '../../service/types.ts';

/** The output of one of its workers. */
export function LogPart(props: { page: JobPage; job: Job; trans: TranslationBundle }) {
  const { page, job, trans } = props;
  const [rank, setRank] = React.useState(0);
  return (
    <LogView
      log={page.log(rank)}
      label={trans.__('Output of worker %1', rank)}
      file={`${job.name}-${job.id}-worker-${rank}`}
      shown={page.shown}
      trans={trans}
    >
      {job.workers > 1 && (
        <HTMLSelect
          aria-label={trans.__('Worker')}
          value={rank}
          onChange={event => setRank(Number(event.currentTarget.value))}
        >
          {Array.from({ length: job.workers }, (_, one) => (
            <option key={one} value={one}>
              {one === 0 ? trans.__('Worker 0 (chief)') : trans.__('Worker %1', one)}
            </option>
          ))}
        </HTMLSelect>
      )}
    </LogView>
  );
}
