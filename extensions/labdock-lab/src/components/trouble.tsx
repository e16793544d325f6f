import { PageConfig } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import type { LiveChanges } from '../service/live.ts';
import { LOGGED_OUT, Problem } from '../service/problem.ts';

interface ILiveProps {
  live: LiveChanges;
  trans: TranslationBundle;
}

interface ITroubleProps extends ILiveProps {
  problem?: Error | null;
  /** Read again what could not be read. */
  onRetry?: () => void;
}

/** What is wrong: with the stream of changes, as all parts follow it, or else with this part. */
export function Trouble(props: ITroubleProps) {
  const { live, trans, problem, onRetry } = props;
  return (
    <UseSignal signal={live.tried}>
      {() =>
        live.problem !== null ? (
          <Broken problem={live.problem} live={live} trans={trans} />
        ) : problem ? (
          <div className="lbd-Problem lbd-Trouble">
            <span role="alert">{problem.message}</span> <LogIn problem={problem} trans={trans} />
            {onRetry && (
              <button className="lbd-Link" onClick={onRetry}>
                {trans.__('Try again')}
              </button>
            )}
          </div>
        ) : null
      }
    </UseSignal>
  );
}

/** Why nothing new comes, when it is tried again, and a button not to wait for that. */
function Broken({ problem, live, trans }: ILiveProps & { problem: Error }) {
  const { again } = live;
  return (
    <div className="lbd-Problem lbd-Trouble">
      <span role="alert">
        {problem.message} {trans.__('What is shown may be out of date.')}
      </span>{' '}
      <LogIn problem={problem} trans={trans} />
      {again === null ? trans.__('Trying again …') : <Wait until={again} trans={trans} />}{' '}
      <button className="lbd-Link" aria-disabled={again === null} onClick={() => live.retry()}>
        {trans.__('Try now')}
      </button>
    </div>
  );
}

/** Where to log in, in a tab of its own: what is open here stays. */
function LogIn({ problem, trans }: { problem: Error; trans: TranslationBundle }) {
  if (!(problem instanceof Problem) || problem.code !== LOGGED_OUT) {
    return null;
  }
  return (
    <>
      <a className="lbd-Link" href={PageConfig.getBaseUrl()} target="_blank" rel="noreferrer">
        {trans.__('Log in')}
      </a>{' '}
    </>
  );
}

/** Counts down; no screen reader says each second. */
function Wait({ until, trans }: { until: number; trans: TranslationBundle }) {
  const [now, setNow] = React.useState(() => Date.now());
  React.useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(1, Math.ceil((until - now) / 1_000));
  return (
    <span role="timer" aria-live="off">
      {trans.__('It tries again in %1 s.', seconds)}
    </span>
  );
}
