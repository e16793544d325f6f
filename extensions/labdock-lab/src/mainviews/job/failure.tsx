import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { spans } from '../../models/ansi.ts';
import { cellSource, executedNotebook } from '../../models/executed.ts';
import type { JobPage } from '../../models/jobpage.ts';
import type { Failure } from '../../service/types.ts';

/** Why a job failed, with the cell that did and what Python said. */
export function FailureCard(props: {
  page: JobPage;
  failure: Failure;
  read: (path: string) => Promise<string>;
  trans: TranslationBundle;
}) {
  const { page, failure, trans } = props;
  const source = useCell(page, failure, props.read);
  return (
    <section className="lbd-Failure" aria-label={trans.__('Why it failed')}>
      <div role="alert">
        <h2>
          {failure.cell != null ? trans.__('Cell %1: ', failure.cell) : ''}
          {failure.reason}
        </h2>
      </div>
      {source !== null && (
        <>
          <h3>{trans.__('The cell')}</h3>
          <pre className="lbd-Failure-cell" tabIndex={0}>
            {source}
          </pre>
        </>
      )}
      {failure.traceback != null && (
        <>
          <h3>{trans.__('Traceback')}</h3>
          <Output text={failure.traceback} />
        </>
      )}
    </section>
  );
}

/** Text with its colours, as a terminal shows it. */
function Output(props: { text: string }) {
  return (
    <div className="jp-RenderedText">
      <pre className="lbd-Failure-traceback" tabIndex={0}>
        {props.text.split('\n').map((line, number) => (
          <React.Fragment key={number}>
            {spans(line).map((span, index) => (
              <span key={index} className={span.classes}>
                {span.text}
              </span>
            ))}
            {'\n'}
          </React.Fragment>
        ))}
      </pre>
    </div>
  );
}

/** The source of the cell that failed, out of the executed notebook. */
function useCell(
  page: JobPage,
  failure: Failure,
  read: (path: string) => Promise<string>
): string | null {
  const [source, setSource] = React.useState<string | null>(null);
  const path = executedNotebook(page.job, page.files);
  const cell = failure.cell ?? null;
  React.useEffect(() => {
    let gone = false;
    if (path !== null && cell !== null) {
      read(path)
        .then(text => !gone && setSource(cellSource(text, cell)))
        .catch(() => undefined); // the traceback is there without it
    }
    return () => {
      gone = true;
    };
  }, [path, cell]);
  return source;
}
