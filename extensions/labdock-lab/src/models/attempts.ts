import type { Attempt } from '../service/types.ts';
import { duration, moment, type Words } from './wording.ts';

/** An attempt of a job as a row of text. */
export interface IAttemptRow {
  readonly number: number;
  readonly started: string;
  readonly took: string;
  readonly reason: string;
  readonly workers: string;
}

/** When attempts started, how long they took, why they ended, and on what they ran. */
export function attemptRows(attempts: readonly Attempt[], trans: Words): IAttemptRow[] {
  return attempts.map(({ number, started, ended, reason, workers }) => ({
    number,
    started: started != null ? moment(started) : '',
    took: started != null && ended != null ? duration(ended - started, trans) : '',
    reason: reason ?? '',
    workers: workers.map(worker => workerText(worker, trans)).join(', ')
  }));
}

function workerText({ rank, node, exit_code: code }: Attempt['workers'][number], trans: Words) {
  const about = [node, code != null ? trans.__('exit code %1', code) : null];
  return [String(rank), ...about].filter(Boolean).join(' · ');
}
