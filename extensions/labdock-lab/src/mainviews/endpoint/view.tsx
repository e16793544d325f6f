import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { endpointMark, endpointSentence } from '../../components/states.ts';
import { Trouble } from '../../components/trouble.tsx';
import type { EndpointPage } from '../../models/endpointpage.ts';
import { Asking } from './asking.tsx';
import { Keys } from './keys.tsx';
import { Revisions } from './revisions.tsx';
import { ServerLog } from './serverlog.tsx';

/** What the parts of the page are given. */
export interface IPageParts {
  readonly page: EndpointPage;
  readonly commands: CommandRegistry;
  readonly trans: TranslationBundle;
}

/** The page of an endpoint. */
export function EndpointView(parts: IPageParts) {
  const { page, trans } = parts;
  const { endpoint, problem } = page;
  const { live } = page.serving.service;
  const retry = () => page.retry();
  const trouble = <Trouble live={live} problem={problem} trans={trans} onRetry={retry} />;
  if (endpoint === undefined) {
    const gone = trans.__('Project %1 has no endpoint %2.', page.project, page.name);
    const words = page.serving.endpoints.loaded ? gone : trans.__('Loading …');
    return (
      <>
        {trouble}
        {problem === null && (
          <p className="lbd-Empty" role="status">
            {words}
          </p>
        )}
      </>
    );
  }
  return (
    <>
      <header className="lbd-Endpoint-header">
        <h1>
          {endpoint.name} <small>{endpoint.project}</small>
        </h1>
        <p className="lbd-Endpoint-state" role="status">
          <span className="lbd-Mark" data-state={endpointMark(endpoint)} aria-hidden="true" />
          {endpointSentence(endpoint, page.serving.models.models, trans)}
        </p>
        {trouble}
      </header>
      <Asking {...parts} endpoint={endpoint} />
      <Part title={trans.__('Revisions')}>
        <Revisions {...parts} endpoint={endpoint} />
      </Part>
      <Part title={trans.__('Keys')}>
        <Keys {...parts} />
      </Part>
      <Part title={trans.__('Log of the model server')} folded>
        <ServerLog {...parts} endpoint={endpoint} />
      </Part>
    </>
  );
}

/** A part of the page; one that is folded costs nothing until it is opened. */
export function Part(props: { title: string; folded?: boolean; children: React.ReactNode }) {
  const [open, setOpen] = React.useState(!props.folded);
  return (
    <details className="lbd-Part" open={open} onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>{props.title}</h2>
      </summary>
      {open && props.children}
    </details>
  );
}
