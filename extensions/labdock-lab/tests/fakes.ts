import { Signal } from '@lumino/signaling';

import type { Words } from '../src/models/wording.ts';
import type { ILive, LiveState } from '../src/service/live.ts';
import type { Changes, Job } from '../src/service/types.ts';

/** A job with what a test says of it. */
export function job(id: string, created: number, more: Partial<Job> = {}): Job {
  return {
    id,
    created,
    project: 'ada',
    owner: 'ada',
    name: id,
    snapshot: 's1',
    entry: 'train.py',
    image: null,
    state: 'running',
    target: 'succeeded',
    workers: 1,
    resources: { cpus: 1, memory: 0, gpus: 0 },
    parameters: {},
    arguments: [],
    time_limit: null,
    max_attempts: 3,
    disable: [],
    progress: {},
    message: '',
    tensorboard: '',
    ...more
  };
}

/** A stream of changes that a test speaks for. */
export class FakeLive implements ILive {
  readonly changed = new Signal<this, Changes>(this);
  readonly stateChanged = new Signal<this, LiveState>(this);
  begun = 0;

  begin(): void {
    this.begun += 1;
  }

  say(changes: Partial<Changes>): void {
    this.changed.emit({ at: 1, everything: false, ...changes });
  }
}

/** Let what waits for a promise go on. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

/** Words as they are written in the source. */
export const trans: Words = {
  __: (text, ...given) => filled(text, given),
  _n: (one, several, count, ...given) => filled(count === 1 ? one : several, [count, ...given])
};

function filled(text: string, given: readonly unknown[]): string {
  return given.reduce((said: string, value, at) => said.replace(`%${at + 1}`, String(value)), text);
}
