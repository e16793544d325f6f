import { HTMLSelect, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { newest } from '../../models/endpoints.ts';
import { TextLog } from '../../models/textlog.ts';
import type { Endpoint } from '../../service/types.ts';
import type { IPageParts } from './view.tsx';

/** What a revision's model server writes, as it does. */
export function ServerLog({ page, trans, endpoint }: IPageParts & { endpoint: Endpoint }) {
  const [chosen, setChosen] = React.useState<string | null>(null);
  const revision = chosen ?? newest(endpoint)?.id;
  const revisions = [...endpoint.revisions].sort((one, other) => other.number - one.number);
  const id = React.useId();
  return (
    <>
      <div className="lbd-Choice">
        <label htmlFor={id}>{trans.__('Revision')}</label>
        <HTMLSelect
          id={id}
          value={revision}
          onChange={event => setChosen(event.currentTarget.value)}
        >
          {revisions.map(one => (
            <option key={one.id} value={one.id}>
              {one.number}
            </option>
          ))}
        </HTMLSelect>
      </div>
      {revision && <Lines key={revision} page={page} trans={trans} revision={revision} />}
    </>
  );
}

function Lines({ page, trans, revision }: Omit<IPageParts, 'commands'> & { revision: string }) {
  const { service } = page.serving;
  const [log] = React.useState(
    () =>
      new TextLog((after, signal) => {
        const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
        return service.events(`revisions/${revision}/logs?follow=true${from}`, signal);
      })
  );
  React.useEffect(() => {
    if (page.shown) {
      void log.follow();
    }
    return () => log.rest();
  }, [log, page.shown]);
  return (
    <UseSignal signal={log.changed}>
      {() => (
        <pre className="lbd-ServerLog" tabIndex={0} role="log" aria-label={trans.__('Log')}>
          {log.lines.join('\n') || (log.ended ? trans.__('It wrote nothing.') : '…')}
        </pre>
      )}
    </UseSignal>
  );
}
