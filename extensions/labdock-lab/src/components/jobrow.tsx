import type { TranslationBundle } from '@jupyterlab/translation';
import { ellipsesIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { hasEnded, shareDone } from '../models/progress.ts';
import { figure, roughly, timeAgo } from '../models/wording.ts';
import type { Job } from '../service/types.ts';
import { useEveryMinute } from './everyminute.ts';
import { Sparkline } from './sparkline.tsx';
import { StateMark } from './statemark.tsx';

/** The height of a row in pixels: the list counts on it. */
export const ROW = 58;

interface IRowProps {
  job: Job;
  at: number;
  of: number;
  current: boolean;
  selected: boolean;
  trans: TranslationBundle;
  onSelect: (id: string, how: 'alone' | 'toggled' | 'upTo') => void;
  /** Something is asked about this one: it is selected, unless it is among others. */
  onAbout: (id: string) => void;
  onOpen: (id: string) => void;
  onMenu: (id: string, x: number, y: number) => void;
}

/** One job of the list; it is drawn again where the job has changed, and each minute. */
export const JobRow = React.memo(function JobRow(props: IRowProps) {
  const { job, at, of, current, selected, trans } = props;
  useEveryMinute();
  const share = hasEnded(job) ? null : shareDone(job);
  const loss = job.progress?.metrics?.['loss'];
  const told = loss === undefined ? trans.__('Loss') : trans.__('Loss, now %1', figure(loss));
  return (
    <li
      className="lbd-JobRow"
      id={rowId(job.id)}
      role="option"
      aria-selected={selected}
      data-current={current}
      aria-setsize={of}
      aria-posinset={at + 1}
      data-job={job.id}
      data-state={job.state}
      style={{ top: at * ROW, height: ROW }}
      title={[`${job.name} · ${job.id}`, job.message].filter(Boolean).join('\n')}
      onClick={event => props.onSelect(job.id, howSelected(event))}
      onContextMenu={() => props.onAbout(job.id)}
      onDoubleClick={() => props.onOpen(job.id)}
    >
      <span className="lbd-JobRow-name">{job.name}</span>
      <Sparkline curve={job.progress?.curve ?? []} label={told} />
      <span
        className="lbd-JobRow-menu"
        aria-hidden="true"
        title={trans.__('Actions')}
        onClick={event => {
          event.stopPropagation();
          props.onMenu(job.id, event.clientX, event.clientY);
        }}
      >
        <ellipsesIcon.react tag="span" width="14px" height="14px" />
      </span>
      <span className="lbd-JobRow-about">
        <StateMark state={job.state} trans={trans} />
        <span className="lbd-JobRow-told">{details(job, trans).join(' · ')}</span>
      </span>
      {share !== null && (
        <progress className="lbd-JobRow-progress" value={share} aria-label={trans.__('Progress')} />
      )}
    </li>
  );
});

/** As file browsers have it: the control key takes one more, shift all from the last one. */
function howSelected(event: React.MouseEvent): 'alone' | 'toggled' | 'upTo' {
  return event.shiftKey ? 'upTo' : event.ctrlKey || event.metaKey ? 'toggled' : 'alone';
}

/** The id of a job's row in the document. */
export function rowId(job: string): string {
  return `lbd-job-${job}`;
}

/** Epoch, time left, loss and GPUs; of one that has ended, first when that was. */
export function details(job: Job, trans: TranslationBundle): string[] {
  const { epoch, epochs, cell, cells, metrics, seconds_left: left } = job.progress ?? {};
  const loss = metrics?.['loss'];
  const gpus = (job.resources.gpus ?? 0) * job.workers;
  const place =
    epoch != null
      ? trans.__('epoch %1', epochs ? `${epoch}/${epochs}` : epoch)
      : cell != null && !hasEnded(job)
        ? trans.__('cell %1', cells ? `${cell}/${cells}` : cell)
        : '';
  const when = hasEnded(job)
    ? timeAgo(job.ended ?? job.created)
    : left != null && job.state === 'running'
      ? trans.__('%1 left', roughly(left, trans))
      : '';
  const first = hasEnded(job) ? [when, place] : [place, when];
  return [
    ...first,
    loss === undefined ? '' : trans.__('loss %1', figure(loss)),
    gpus > 0 ? trans._n('%1 GPU', '%1 GPUs', gpus) : ''
  ].filter(text => text !== '');
}
