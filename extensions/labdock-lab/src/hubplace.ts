import { PageConfig } from '@jupyterlab/coreutils';

import type { IHubPlace } from './models/hubaddress.ts';

/** Where the hub is, as it told JupyterLab. */
export function hubPlace(): IHubPlace {
  return {
    host: PageConfig.getOption('hubHost'),
    prefix: PageConfig.getOption('hubPrefix') || '/hub/',
    origin: window.location.origin
  };
}
