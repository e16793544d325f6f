import type { Job, JobState } from '../service/types.ts';
import { hasEnded } from './progress.ts';
import { valueText } from './wording.ts';

/** Whose jobs are shown: one's own, all that one sees, or a project's. */
export type Scope = 'mine' | 'all' | `project:${string}`;

export type StateChoice = 'any' | 'active' | JobState;

export interface IJobFilter {
  readonly scope: Scope;
  readonly state: StateChoice;
  /** Words that a job's name, id, entry, owner or parameters must have, each of them. */
  readonly text: string;
}

export const EVERYTHING: IJobFilter = { scope: 'mine', state: 'any', text: '' };

/** The test whether a job is to be shown to a person of this name. */
export function matching(filter: IJobFilter, me: string): (job: Job) => boolean {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  return job =>
    inScope(job, filter.scope, me) &&
    inState(job, filter.state) &&
    (words.length === 0 || hasWords(job, words));
}

function inScope(job: Job, scope: Scope, me: string): boolean {
  if (scope === 'mine') {
    return job.owner === me;
  }
  return scope === 'all' || scope === `project:${job.project}`;
}

function inState(job: Job, state: StateChoice): boolean {
  return state === 'any' || (state === 'active' ? !hasEnded(job) : job.state === state);
}

function hasWords(job: Job, words: string[]): boolean {
  const parameters = Object.entries(job.parameters).map(
    ([name, value]) => `${name}=${valueText(value)}`
  );
  const text = [job.name, job.id, job.entry, job.owner, ...parameters].join('\n').toLowerCase();
  return words.every(word => text.includes(word));
}

/** What was kept of a filter, if it is one. */
export function readFilter(kept: unknown): IJobFilter {
  const found = typeof kept === 'object' && kept !== null ? kept : {};
  const scope = 'scope' in found ? found.scope : null;
  const state = 'state' in found ? found.state : null;
  return {
    ...EVERYTHING,
    ...(isScope(scope) ? { scope } : {}),
    ...(isChoice(state) ? { state } : {})
  };
}

export const CHOICES: readonly StateChoice[] = [
  'any',
  'active',
  'packaging',
  'queued',
  'starting',
  'running',
  'stopping',
  'succeeded',
  'failed',
  'stopped'
];

export function isScope(text: unknown): text is Scope {
  return (
    text === 'mine' || text === 'all' || (typeof text === 'string' && text.startsWith('project:'))
  );
}

export function isChoice(text: unknown): text is StateChoice {
  return CHOICES.some(choice => choice === text);
}
