import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { LogView } from '../../components/logview.tsx';
import { newest } from '../../models/endpoints.ts';
import { TextLog } from '../../models/textlog.ts';
import { logOf } from '../../service/logs.ts';
import type { Endpoint } from '../../service/types.ts';
import type { IPageParts } from './view.tsx';

/** What a revision's model server writes, as it does. */
export function ServerLog({ page, trans, endpoint }: IPageParts & { endpoint: Endpoint }) {
  const [chosen, setChosen] = React.useState<string | null>(null);
  const revision = chosen ?? newest(endpoint)?.id ?? '';
  const { service } = page.serving;
  const log = React.useMemo(
    () => new TextLog(logOf(service, `revisions/${revision}/logs`)),
    [service, revision]
  );
  React.useEffect(() => () => log.dispose(), [log]);
  const revisions = [...endpoint.revisions].sort((one, other) => other.number - one.number);
  return (
    <LogView
      log={log}
      label={trans.__('Log')}
      file={`${endpoint.name}-${revision}`}
      shown={page.shown && revision !== ''}
      trans={trans}
    >
      <HTMLSelect
        aria-label={trans.__('Revision')}
        value={revision}
        onChange={event => setChosen(event.currentTarget.value)}
      >
        {revisions.map(one => (
          <option key={one.id} value={one.id}>
            {trans.__('Revision %1', one.number)}
          </option>
        ))}
      </HTMLSelect>
    </LogView>
  );
}
