import type { Event } from '../service/types.ts';

/** A step of a job's way, as its page tells it. */
export interface IStage {
  readonly id: number;
  readonly kind: string;
  /** Seconds since the epoch. */
  readonly time: number;
  /** Seconds until the next one; null of the last. */
  readonly lasted: number | null;
  /** Who brought it about, where that was a person. */
  readonly person: string | null;
  readonly attempt: number | null;
  /** What it waited for, or how it ended: each sentence once, in order. */
  readonly notes: readonly string[];
}

/** What is no stage of its own. */
const PASSED_OVER = new Set(['job.fit', 'job.warning', 'job.epoch', 'job.progress']);
const NOTE = 'job.noted';

/** The stages that a job's events tell of; notes belong to the stage that they were made in. */
export function stagesOf(events: readonly Event[]): IStage[] {
  const stages: IStage[] = [];
  for (const event of events) {
    const last = stages.at(-1);
    const message = textOf(event.data?.['message']);
    if (event.kind === NOTE && last !== undefined) {
      stages[stages.length - 1] = { ...last, notes: noted(last.notes, message) };
    } else if (!PASSED_OVER.has(event.kind) && event.kind !== NOTE) {
      if (last !== undefined) {
        stages[stages.length - 1] = { ...last, lasted: event.time - last.time };
      }
      stages.push(stageOf(event, message));
    }
  }
  return stages;
}

function stageOf(event: Event, message: string | null): IStage {
  const attempt = event.data?.['attempt'];
  return {
    id: event.id,
    kind: event.kind,
    time: event.time,
    lasted: null,
    person: event.actor === 'reconciler' ? null : event.actor,
    attempt: typeof attempt === 'number' && attempt > 0 ? attempt : null,
    notes: noted([], message)
  };
}

function noted(notes: readonly string[], message: string | null): readonly string[] {
  return message === null || notes.includes(message) ? notes : [...notes, message];
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
