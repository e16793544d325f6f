import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { packages, parametersOf } from '../../models/differences.ts';
import type { JobPage } from '../../models/jobpage.ts';
import { size } from '../../models/wording.ts';
import type { Job } from '../../service/types.ts';

/** What ran: image, environment, parameters, dependencies, commit. */
export function WhatRanPart(props: { page: JobPage; job: Job; trans: TranslationBundle }) {
  const { page, job, trans } = props;
  const { snapshot } = page;
  const parameters = Object.entries(parametersOf({ job, snapshot }));
  const dependencies = Object.entries(packages(snapshot?.lock ?? []));
  const git = snapshot?.git;
  return (
    <>
      <section>
        <h2>{trans.__('Image')}</h2>
        <dl className="lbd-Pairs">
          <dt>{trans.__('Digest')}</dt>
          <dd>
            <code>{job.image ?? snapshot?.step ?? trans.__('is being made')}</code>
          </dd>
          <dt>{trans.__('Environment')}</dt>
          <dd>
            <code>{snapshot?.environment}</code>
          </dd>
          <dt>{trans.__('Entry')}</dt>
          <dd>
            <code>{job.entry}</code>
          </dd>
          <dt>{trans.__('Git commit')}</dt>
          <dd>
            {git ? <code>{git.commit}</code> : trans.__('none')}
            {git?.dirty && ` ${trans.__('(files differed from it)')}`}
          </dd>
          <dt>{trans.__('Runtime')}</dt>
          <dd>
            <code>{snapshot?.runtime}</code>
          </dd>
          {(snapshot?.layers ?? []).map(layer => (
            <React.Fragment key={layer.digest}>
              <dt>{trans.__('Layer: %1', layer.role)}</dt>
              <dd>
                <code title={layer.digest}>{layer.digest.slice(0, 19)}</code>{' '}
                {size(layer.size, trans)}
              </dd>
            </React.Fragment>
          ))}
        </dl>
      </section>
      <Pairs
        title={trans.__('Parameters')}
        pairs={parameters}
        empty={trans.__('It has no parameters.')}
        changed={name => name in job.parameters}
      />
      <Pairs
        title={trans.__('Dependencies')}
        pairs={dependencies}
        empty={trans.__('It needs nothing beyond its environment.')}
      />
    </>
  );
}

function Pairs(props: {
  title: string;
  pairs: readonly (readonly [string, string])[];
  empty: string;
  changed?: (name: string) => boolean;
}) {
  return (
    <section>
      <h2>{props.title}</h2>
      {props.pairs.length === 0 && <p className="lbd-Empty">{props.empty}</p>}
      <dl className="lbd-Pairs">
        {props.pairs.map(([name, value]) => (
          <React.Fragment key={name}>
            <dt>{name}</dt>
            <dd data-given={props.changed?.(name) ?? false}>
              <code>{value}</code>
            </dd>
          </React.Fragment>
        ))}
      </dl>
    </section>
  );
}
