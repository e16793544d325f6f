import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { differences, type IDifference, type IDifferences } from '../../models/differences.ts';
import type { JobPage } from '../../models/jobpage.ts';
import type { JobList } from '../../models/jobs.ts';
import { sentenceOf } from '../../service/problem.ts';
import type { Job } from '../../service/types.ts';
import { JobChoice } from './jobchoice.tsx';

/** What differs between this job and another. */
export function DifferencesPart(props: {
  page: JobPage;
  job: Job;
  jobs: JobList;
  trans: TranslationBundle;
}) {
  const { page, job, jobs, trans } = props;
  const [other, setOther] = React.useState(() => earlier(jobs, job)?.id ?? '');
  const [found, setFound] = React.useState<IDifferences | null>(null);
  const [problem, setProblem] = React.useState<string | null>(null);
  React.useEffect(() => {
    let gone = false;
    setFound(null);
    setProblem(null);
    if (other !== '') {
      Promise.all([page.whole(job.id), page.whole(other)])
        .then(([one, two]) => !gone && setFound(differences(two, one)))
        .catch((error: unknown) => !gone && setProblem(sentenceOf(error)));
    }
    return () => {
      gone = true;
    };
  }, [page, job.id, job.state, other]);
  const name = jobs.job(other)?.name ?? other;
  return (
    <>
      <JobChoice
        jobs={jobs}
        job={job}
        label={trans.__('Compare it with …')}
        chosen={other}
        trans={trans}
        onChoose={setOther}
      />
      {problem !== null && (
        <p className="lbd-Problem" role="alert">
          {problem}
        </p>
      )}
      {other !== '' && found === null && problem === null && <p>{trans.__('Reading …')}</p>}
      {found !== null && (
        <DifferenceTable
          found={found}
          before={`${name} · ${other}`}
          after={`${job.name} · ${job.id}`}
          trans={trans}
        />
      )}
    </>
  );
}

function DifferenceTable(props: {
  found: IDifferences;
  before: string;
  after: string;
  trans: TranslationBundle;
}) {
  const { found, trans } = props;
  const groups: [string, IDifference[]][] = [
    [trans.__('Parameters'), found.parameters],
    [trans.__('Metrics'), found.metrics],
    [trans.__('Settings'), named(found.settings, trans)],
    [trans.__('Files'), found.files],
    [trans.__('Dependencies'), found.dependencies]
  ];
  if (groups.every(([, rows]) => rows.length === 0)) {
    return <p className="lbd-Empty">{trans.__('The two jobs do not differ.')}</p>;
  }
  return (
    <table className="lbd-Table lbd-Differences">
      <thead>
        <tr>
          <th scope="col">{trans.__('What differs')}</th>
          <th scope="col">{props.before}</th>
          <th scope="col">{props.after}</th>
        </tr>
      </thead>
      {groups
        .filter(([, rows]) => rows.length > 0)
        .map(([title, rows]) => (
          <tbody key={title}>
            <tr>
              <th scope="rowgroup" colSpan={3}>
                {title}
              </th>
            </tr>
            {rows.map(row => (
              <tr key={row.name}>
                <th scope="row">{row.name}</th>
                <td>{row.one ?? '–'}</td>
                <td>{row.other ?? '–'}</td>
              </tr>
            ))}
          </tbody>
        ))}
    </table>
  );
}

/** Settings by what people call them. */
function named(rows: readonly IDifference[], trans: TranslationBundle): IDifference[] {
  const names: Record<string, string> = {
    entry: trans.__('Entry'),
    workers: trans.__('Workers'),
    gpus: trans.__('GPUs'),
    cpus: trans.__('CPUs'),
    environment: trans.__('Environment'),
    runtime: trans.__('Runtime'),
    commit: trans.__('Git commit')
  };
  return rows.map(row => ({ ...row, name: names[row.name] ?? row.name }));
}

/** The job of the same notebook that was submitted before. */
function earlier(jobs: JobList, job: Job): Job | undefined {
  return jobs.jobs.find(one => one.entry === job.entry && one.created < job.created);
}
