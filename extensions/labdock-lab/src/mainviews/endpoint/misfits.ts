import type { TranslationBundle } from '@jupyterlab/translation';

import type { Misfit } from '../../models/requestform.ts';

/** Why a value does not fit, in a sentence. */
export function misfitSentence(found: Misfit, trans: TranslationBundle): string {
  switch (found.kind) {
    case 'axes':
      return found.wanted === 0
        ? trans.__('This takes one value, not a list.')
        : trans._n('This takes a list.', 'This takes lists in %1 levels.', found.wanted);
    case 'length':
      return trans.__(
        'This takes %1 values in a list, and there are %2.',
        found.wanted,
        found.found
      );
    case 'number':
      return trans.__('This takes numbers only.');
    case 'whole':
      return trans.__('This takes whole numbers only.');
  }
}
