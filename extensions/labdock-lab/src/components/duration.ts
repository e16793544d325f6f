import type { TranslationBundle } from '@jupyterlab/translation';

/** A length of time as one says it; `seconds` is more than 0. */
export function about(seconds: number, trans: TranslationBundle): string {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) {
    return trans.__('less than a minute');
  }
  if (minutes < 90) {
    return trans._n('about %1 minute', 'about %1 minutes', minutes);
  }
  return trans._n('about %1 hour', 'about %1 hours', Math.round(minutes / 60));
}
