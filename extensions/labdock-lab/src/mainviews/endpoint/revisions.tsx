import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { CommandIDs } from '../../commands.ts';
import { useEveryMinute } from '../../components/everyminute.ts';
import { revisionState, versionName } from '../../components/states.ts';
import { ownerName, timeAgo } from '../../models/wording.ts';
import { asError } from '../../service/problem.ts';
import type { Endpoint, Revision, Trace } from '../../service/types.ts';
import type { IPageParts } from './view.tsx';

/** States whose message says no more than their name. */
const SAID = new Set<Revision['state']>(['serving', 'retired']);

/** Revisions, the newest first, each with where it came from. */
export function Revisions({
  page,
  commands,
  trans,
  endpoint
}: IPageParts & { endpoint: Endpoint }) {
  const [opened, setOpened] = React.useState<string | null>(null);
  const shares = new Map(endpoint.traffic.map(share => [share.revision, share.weight]));
  const revisions = [...endpoint.revisions].sort((one, other) => other.number - one.number);
  return (
    <table className="lbd-EndpointTable">
      <thead>
        <tr>
          <th scope="col">{trans.__('Revision')}</th>
          <th scope="col">{trans.__('Model')}</th>
          <th scope="col">{trans.__('State')}</th>
          <th scope="col">{trans.__('Traffic')}</th>
          <th scope="col">{trans.__('Made')}</th>
          <th scope="col">
            <span className="lbd-Hidden">{trans.__('Where it came from')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {revisions.map(revision => (
          <React.Fragment key={revision.id}>
            <Row
              revision={revision}
              name={versionName(revision.model, page.serving.models.models, trans)}
              weight={shares.get(revision.id) ?? 0}
              open={opened === revision.id}
              trans={trans}
              onToggle={() => setOpened(opened === revision.id ? null : revision.id)}
            />
            {opened === revision.id && (
              <tr className="lbd-EndpointTable-under">
                <td colSpan={6}>
                  <Origin trace={() => page.trace(revision.id)} commands={commands} trans={trans} />
                </td>
              </tr>
            )}
          </React.Fragment>
        ))}
      </tbody>
    </table>
  );
}

function Row(props: {
  revision: Revision;
  name: string;
  weight: number;
  open: boolean;
  trans: TranslationBundle;
  onToggle: () => void;
}) {
  const { revision, name, weight, open, trans, onToggle } = props;
  useEveryMinute();
  return (
    <tr data-revision={revision.number} data-state={revision.state}>
      <td>{revision.number}</td>
      <td>{name}</td>
      <td>
        <span className="lbd-State" data-state={revision.state}>
          {revisionState(revision.state, trans)}
        </span>
        {revision.message && !SAID.has(revision.state) && (
          <span className="lbd-EndpointTable-note"> {revision.message}</span>
        )}
      </td>
      <td>{weight > 0 ? `${weight} %` : '–'}</td>
      <td>{timeAgo(revision.created)}</td>
      <td>
        <button className="jp-mod-styled jp-mod-minimal" aria-expanded={open} onClick={onToggle}>
          {trans.__('Where it came from')}
        </button>
      </td>
    </tr>
  );
}

/** The way back: model version, job, notebook, image. */
function Origin(props: {
  trace: () => Promise<Trace>;
  commands: CommandRegistry;
  trans: TranslationBundle;
}) {
  const { commands, trans } = props;
  const [found, setFound] = React.useState<Trace | Error | null>(null);
  React.useEffect(() => {
    let here = true;
    props.trace().then(
      trace => here && setFound(trace),
      error => here && setFound(asError(error))
    );
    return () => void (here = false);
  }, []);
  if (found === null || found instanceof Error) {
    return <p role="status">{found?.message ?? trans.__('Loading …')}</p>;
  }
  return <Facts trace={found} commands={commands} trans={trans} />;
}

function Facts(props: { trace: Trace; commands: CommandRegistry; trans: TranslationBundle }) {
  const { commands, trans } = props;
  const { revision, model, job, entry, git } = props.trace;
  const openJob = () => void commands.execute(CommandIDs.openJob, { id: job.id });
  return (
    <dl className="lbd-Facts">
      <dt>{trans.__('Model')}</dt>
      <dd>
        {trans.__('%1 version %2', model.name, model.version)} <code>{model.id}</code>
      </dd>
      <dt>{trans.__('Job')}</dt>
      <dd>
        <button className="lbd-Link" onClick={openJob}>
          {job.name}
        </button>{' '}
        <code>{job.id}</code> {trans.__('by %1', ownerName(job.owner, trans))}
      </dd>
      <dt>{trans.__('Entry')}</dt>
      <dd>{entry}</dd>
      {git && <dt>{trans.__('Git')}</dt>}
      {git && (
        <dd>
          <code>{git.commit}</code> {git.dirty && trans.__('with changes')}
        </dd>
      )}
      <dt>{trans.__('Image')}</dt>
      <dd>
        <code>{job.image ?? trans.__('none')}</code>
      </dd>
      {revision.server && <dt>{trans.__('Model server')}</dt>}
      {revision.server && <dd>{revision.server}</dd>}
    </dl>
  );
}
