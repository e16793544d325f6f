import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { JobList } from '../../models/jobs.ts';
import { moment } from '../../models/wording.ts';
import type { Job } from '../../service/types.ts';

const OFFERED = 100;

/** Chooses another job: those of the same notebook first, then the newest. */
export function JobChoice(props: {
  jobs: JobList;
  job: Job;
  label: string;
  chosen: string;
  without?: readonly string[];
  trans: TranslationBundle;
  onChoose: (id: string) => void;
}) {
  const { jobs, job, chosen, trans } = props;
  const others = jobs.jobs.filter(
    one => one.id !== job.id && !(props.without ?? []).includes(one.id)
  );
  const alike = others.filter(one => one.entry === job.entry);
  const rest = others.filter(one => one.entry !== job.entry);
  return (
    <HTMLSelect
      aria-label={props.label}
      value={chosen}
      onChange={event => props.onChoose(event.currentTarget.value)}
    >
      <option value="">{props.label}</option>
      <optgroup label={trans.__('Of %1', job.entry)}>{options(alike)}</optgroup>
      <optgroup label={trans.__('Others')}>{options(rest)}</optgroup>
    </HTMLSelect>
  );
}

function options(jobs: readonly Job[]): JSX.Element[] {
  return jobs.slice(0, OFFERED).map(job => (
    <option key={job.id} value={job.id}>
      {`${job.name} · ${job.id} · ${moment(job.created)}`}
    </option>
  ));
}
