import type { Job } from '../service/types.ts';

const ENDED = new Set<Job['state']>(['succeeded', 'failed', 'stopped']);

export function hasEnded(job: Job): boolean {
  return ENDED.has(job.state);
}

/** How much of a job is done, from 0 to 1; null where that is not known. */
export function shareDone(job: Job): number | null {
  if (job.state === 'succeeded') {
    return 1;
  }
  const { epoch, epochs, step, steps, cell, cells } = job.progress ?? {};
  if (epoch != null && epochs) {
    const within = step != null && steps ? Math.min(1, step / steps) : 0;
    return clamp((Math.max(0, epoch - 1) + within) / epochs);
  }
  return cell != null && cells ? clamp((cell - 1) / cells) : null;
}

/** Whether stopping a job loses work: it computes, and keeps nothing that a retry goes on from. */
export function losesWork(job: Job): boolean {
  if (job.state !== 'running') {
    return false;
  }
  const { epoch, step } = job.progress ?? {};
  const kept = job.disable.every(part => part !== 'backup' && part !== 'callbacks');
  const done = (epoch ?? 0) > 1 || (job.backup_every != null && (step ?? 0) >= job.backup_every);
  return !(kept && done);
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
