import type { TranslationBundle } from '@jupyterlab/translation';

import { comingUp, serving } from '../models/endpoints.ts';
import type { Endpoint, ModelVersion, Revision } from '../service/types.ts';

/** A revision's state as people read it. */
export function revisionState(state: Revision['state'], trans: TranslationBundle): string {
  const names: Record<Revision['state'], string> = {
    starting: trans.__('starting'),
    warming: trans.__('warming up'),
    serving: trans.__('serving'),
    draining: trans.__('draining'),
    failed: trans.__('failed'),
    retired: trans.__('retired')
  };
  return names[state];
}

/** A model version as people name it. */
export function versionName(
  id: string,
  models: readonly ModelVersion[],
  trans: TranslationBundle
): string {
  const model = models.find(one => one.id === id);
  return model ? trans.__('%1 version %2', model.name, model.version) : id;
}

/** What an endpoint does now, in a sentence. */
export function endpointSentence(
  endpoint: Endpoint,
  models: readonly ModelVersion[],
  trans: TranslationBundle
): string {
  const now = serving(endpoint);
  const coming = comingUp(endpoint);
  const served = now && versionName(now.model, models, trans);
  if (coming) {
    const next = versionName(coming.model, models, trans);
    const does = coming.message || trans.__('It comes up.');
    return now && now.model !== coming.model
      ? trans.__('Serves %1 until %2 does. %3', served, next, does)
      : trans.__('Brings up %1. %2', next, does);
  }
  return served ? trans.__('Serves %1.', served) : trans.__('Nothing serves.');
}

/** Whether it serves, comes up, or neither: for the mark beside its name. */
export function endpointMark(endpoint: Endpoint): 'serving' | 'starting' | 'failed' {
  return comingUp(endpoint) ? 'starting' : serving(endpoint) ? 'serving' : 'failed';
}
