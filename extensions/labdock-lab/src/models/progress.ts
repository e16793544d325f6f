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
  const { epoch, epochs, step, steps, cell, cells } = job.progress;
  if (epoch != null && epochs) {
    const within = step != null && steps && epoch < epochs ? step / steps : 0;
    return clamp((epoch + within) / epochs);
  }
  return cell != null && cells ? clamp(cell / cells) : null;
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
