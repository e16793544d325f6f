import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

/** JupyterLab's select, with the same look wherever it stands. */
export function Select(props: React.ComponentProps<typeof HTMLSelect>) {
  return <HTMLSelect {...props} className="lbd-Select" />;
}
