import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { attemptRows } from '../../models/attempts.ts';
import type { JobPage } from '../../models/jobpage.ts';
import { stagesOf, type IStage } from '../../models/stages.ts';
import { duration, figure, moment, ownerName, size } from '../../models/wording.ts';
import type { Attempt, Job } from '../../service/types.ts';

/** What has happened, and what is going on. */
export function OverviewPart(props: { page: JobPage; job: Job; trans: TranslationBundle }) {
  const { page, job, trans } = props;
  const metrics = Object.entries(job.progress?.metrics ?? {});
  return (
    <>
      {(job.warnings ?? []).length > 0 && (
        <section>
          <h2>{trans.__('Warnings')}</h2>
          <ul className="lbd-Warnings">
            {(job.warnings ?? []).map(text => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </section>
      )}
      {metrics.length > 0 && (
        <section>
          <h2>{trans.__('Metrics')}</h2>
          <dl className="lbd-Figures">
            {metrics.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{figure(value)}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      <section>
        <h2>{trans.__('Stages')}</h2>
        <ol className="lbd-Stages">
          {stagesOf(page.events).map(stage => (
            <Stage key={stage.id} stage={stage} trans={trans} />
          ))}
        </ol>
      </section>
      {(job.attempts ?? []).length > 1 && <Restarts attempts={job.attempts ?? []} trans={trans} />}
      <section>
        <h2>{trans.__('Asked for')}</h2>
        <dl className="lbd-Pairs">
          <dt>{trans.__('Workers')}</dt>
          <dd>{job.workers}</dd>
          <dt>{trans.__('Each with')}</dt>
          <dd>{resources(job, trans)}</dd>
          <dt>{trans.__('Project')}</dt>
          <dd>{job.project}</dd>
          <dt>{trans.__('Owner')}</dt>
          <dd>{ownerName(job.owner, trans)}</dd>
          <dt>{trans.__('Id')}</dt>
          <dd>
            <code>{job.id}</code>
          </dd>
        </dl>
      </section>
    </>
  );
}

function Stage(props: { stage: IStage; trans: TranslationBundle }) {
  const { stage, trans } = props;
  return (
    <li className="lbd-Stage" data-kind={stage.kind}>
      <time dateTime={new Date(stage.time * 1000).toISOString()}>{moment(stage.time)}</time>
      <span className="lbd-Stage-name">{stageName(stage, trans)}</span>
      <span className="lbd-Stage-lasted">
        {stage.lasted !== null && stage.lasted >= 1 ? duration(stage.lasted, trans) : ''}
      </span>
      {stage.notes.map(note => (
        <p key={note} className="lbd-Stage-note">
          {note}
        </p>
      ))}
    </li>
  );
}

function Restarts(props: { attempts: readonly Attempt[]; trans: TranslationBundle }) {
  const { attempts, trans } = props;
  return (
    <section>
      <h2>{trans.__('Attempts')}</h2>
      <table className="lbd-Table">
        <thead>
          <tr>
            <th scope="col">{trans.__('Attempt')}</th>
            <th scope="col">{trans.__('Started')}</th>
            <th scope="col">{trans.__('Took')}</th>
            <th scope="col">{trans.__('Why it ended')}</th>
            <th scope="col">{trans.__('Workers')}</th>
          </tr>
        </thead>
        <tbody>
          {attemptRows(attempts, trans).map(row => (
            <tr key={row.number}>
              <th scope="row">{row.number}</th>
              <td>{row.started}</td>
              <td>{row.took}</td>
              <td>{row.reason}</td>
              <td>{row.workers}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function stageName(stage: IStage, trans: TranslationBundle): string {
  const names: Record<string, string> = {
    'job.submitted': trans.__('Submitted'),
    'job.packaging': trans.__('Packaged anew'),
    'job.queued': trans.__('Packaged and queued'),
    'job.starting': trans.__('Starting'),
    'job.running': trans.__('Running'),
    'job.stop_requested': trans.__('Asked to stop'),
    'job.stopping': trans.__('Stopping'),
    'job.retry_requested': trans.__('Asked to go on'),
    'job.succeeded': trans.__('Succeeded'),
    'job.failed': trans.__('Failed'),
    'job.stopped': trans.__('Stopped'),
    'job.deleted': trans.__('Deleted'),
    'job.restored': trans.__('Restored'),
    'job.gpu_lost': trans.__('A GPU was lost')
  };
  const other = () => trans.__('Noted: %1', stage.kind.replace(/^job\./, '').replaceAll('_', ' '));
  const name = names[stage.kind] ?? other();
  const by = stage.person === null ? '' : ` ${trans.__('by %1', ownerName(stage.person, trans))}`;
  const attempt =
    stage.attempt !== null && stage.attempt > 1
      ? ` ${trans.__('(attempt %1)', stage.attempt)}`
      : '';
  return `${name}${by}${attempt}`;
}

function resources(job: Job, trans: TranslationBundle): string {
  const { cpus = 1, memory = 0, gpus = 0 } = job.resources;
  return [
    trans._n('%1 CPU', '%1 CPUs', cpus),
    memory > 0 ? size(memory, trans) : '',
    gpus > 0 ? trans._n('%1 GPU', '%1 GPUs', gpus) : ''
  ]
    .filter(Boolean)
    .join(', ');
}
