import type { TranslationBundle } from '@jupyterlab/translation';

import type { JobState } from '../service/types.ts';

/** A state as people read it. */
export function stateName(state: JobState, trans: TranslationBundle): string {
  const names: Record<JobState, string> = {
    packaging: trans.__('packaging'),
    queued: trans.__('queued'),
    starting: trans.__('starting'),
    running: trans.__('running'),
    stopping: trans.__('stopping'),
    succeeded: trans.__('succeeded'),
    failed: trans.__('failed'),
    stopped: trans.__('stopped')
  };
  return names[state];
}
