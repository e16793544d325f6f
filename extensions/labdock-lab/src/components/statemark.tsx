import type { TranslationBundle } from '@jupyterlab/translation';
import {
  buildIcon,
  checkIcon,
  closeIcon,
  historyIcon,
  launchIcon,
  runIcon,
  stopIcon,
  type LabIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';

import type { JobState } from '../service/types.ts';
import { stateName } from './statename.ts';

const ICONS: Record<JobState, LabIcon> = {
  packaging: buildIcon,
  queued: historyIcon,
  starting: launchIcon,
  running: runIcon,
  stopping: stopIcon,
  succeeded: checkIcon,
  failed: closeIcon,
  stopped: stopIcon
};

export function stateIcon(state: JobState): LabIcon {
  return ICONS[state];
}

/** A state as its icon and its word; never by colour alone. */
export function StateMark(props: { state: JobState; trans: TranslationBundle }) {
  const Icon = ICONS[props.state];
  return (
    <span className="lbd-StateMark" data-state={props.state}>
      <Icon.react tag="span" className="lbd-StateMark-icon" width="14px" height="14px" />
      <span className="lbd-StateMark-word">{stateName(props.state, props.trans)}</span>
    </span>
  );
}
