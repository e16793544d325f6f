import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { outputsOf, readable, type IClass, type IOutput } from '../../models/answers.ts';
import type { IPrediction } from '../../service/service.ts';
import type { Endpoint } from '../../service/types.ts';

const MOST_BARS = 10;

/** What the model said: the likeliest class first, then all of it as JSON. */
export function Answer(props: {
  given: IPrediction | Error | null;
  endpoint: Endpoint;
  trans: TranslationBundle;
}) {
  const { given, endpoint, trans } = props;
  if (given === null) {
    return <p className="lbd-Form-note">{trans.__('The answer is shown here.')}</p>;
  }
  if (given instanceof Error) {
    return <p className="lbd-Problem">{given.message}</p>;
  }
  const revision = endpoint.revisions.find(one => one.id === given.revision);
  const took = trans.__('%1 ms', Math.max(1, Math.round(given.milliseconds)));
  return (
    <>
      {outputsOf(given.answer).map(output => (
        <Output key={output.name} output={output} trans={trans} />
      ))}
      <p className="lbd-Form-note">
        {revision
          ? trans.__('Revision %1 answered in %2.', revision.number, took)
          : trans.__('It answered in %1.', took)}
      </p>
      <details>
        <summary>{trans.__('As JSON')}</summary>
        <pre className="lbd-Json" tabIndex={0}>
          {readable(given.answer)}
        </pre>
      </details>
    </>
  );
}

function Output({ output, trans }: { output: IOutput; trans: TranslationBundle }) {
  const { name, classes, value } = output;
  const [top] = classes ?? [];
  return (
    <section className="lbd-Output">
      {name && <h3>{name}</h3>}
      {classes && top ? (
        <>
          <p className="lbd-Output-top">
            {trans.__('Class %1', top.index)} <small>{percent(top.share)}</small>
          </p>
          <Bars classes={classes} trans={trans} />
        </>
      ) : (
        <pre className="lbd-Json" tabIndex={0}>
          {readable(value)}
        </pre>
      )}
    </section>
  );
}

function Bars({ classes, trans }: { classes: readonly IClass[]; trans: TranslationBundle }) {
  const left = classes.length - MOST_BARS;
  return (
    <>
      <ol className="lbd-Bars">
        {classes.slice(0, MOST_BARS).map(({ index, share }) => (
          <li key={index}>
            <span className="lbd-Bars-class">{index}</span>
            <span className="lbd-Bars-track" aria-hidden="true">
              <span className="lbd-Bars-bar" style={{ width: `${share * 100}%` }} />
            </span>
            <span className="lbd-Bars-share">{percent(share)}</span>
          </li>
        ))}
      </ol>
      {left > 0 && (
        <p className="lbd-Form-note">
          {trans._n('and one more class', 'and %1 more classes', left)}
        </p>
      )}
    </>
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0.995 || share < 0.005 ? 2 : 1)} %`;
}
