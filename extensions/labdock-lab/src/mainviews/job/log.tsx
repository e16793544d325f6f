import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect, InputGroup } from '@jupyterlab/ui-components';
import { Clipboard, Notification } from '@jupyterlab/apputils';
import * as React from 'react';

import { useWindow } from '../../components/windowed.tsx';
import { spans } from '../../models/ansi.ts';
import type { JobPage } from '../../models/jobpage.ts';
import { found, textOf, type WorkerLog } from '../../models/workerlog.ts';
import type { Job, LogLine } from '../../service/types.ts';

/** The height of a line in pixels. */
const LINE = 18;
const NEAR_END = 2 * LINE;

/** A worker's output: live, searched, with times or without. */
export function LogPart(props: { page: JobPage; job: Job; trans: TranslationBundle }) {
  const { page, job, trans } = props;
  const [rank, setRank] = React.useState(0);
  const [times, setTimes] = React.useState(false);
  const [follow, setFollow] = React.useState(true);
  const [search, setSearch] = React.useState('');
  const [hit, setHit] = React.useState(0);
  const log = page.log(rank);
  const version = useLog(log, page.shown, job.attempts?.length ?? 0);
  const hits = React.useMemo(() => found(log.lines, search), [log, search, version]);
  const at = hits.length === 0 ? null : (hits[hit % hits.length] ?? null);
  const go = (by: number) => {
    setFollow(false);
    setHit((hit + by + hits.length) % Math.max(1, hits.length));
  };
  return (
    <div className="lbd-Log">
      <div className="lbd-Log-bar">
        {job.workers > 1 && (
          <HTMLSelect
            aria-label={trans.__('Worker')}
            value={rank}
            onChange={event => setRank(Number(event.currentTarget.value))}
          >
            {Array.from({ length: job.workers }, (_, one) => (
              <option key={one} value={one}>
                {one === 0 ? trans.__('Worker 0 (chief)') : trans.__('Worker %1', one)}
              </option>
            ))}
          </HTMLSelect>
        )}
        <InputGroup
          type="search"
          rightIcon="ui-components:search"
          className="lbd-Log-search"
          aria-label={trans.__('Search in the log')}
          placeholder={trans.__('Search')}
          value={search}
          onChange={event => {
            setSearch(event.currentTarget.value);
            setHit(0);
            setFollow(false);
          }}
          onKeyDown={event => {
            if (event.key === 'Enter') {
              go(event.shiftKey ? -1 : 1);
            } else if (event.key === 'Escape') {
              setSearch('');
            }
          }}
        />
        <span className="lbd-Log-hits" role="status">
          {search !== '' &&
            (hits.length === 0
              ? trans.__('not found')
              : trans.__('%1 of %2', (hit % hits.length) + 1, hits.length))}
        </span>
        <Toggle label={trans.__('Follow')} on={follow} set={setFollow} />
        <Toggle label={trans.__('Times')} on={times} set={setTimes} />
        <button className="jp-mod-styled" onClick={() => Clipboard.copyToSystem(textOf(log.lines))}>
          {trans.__('Copy')}
        </button>
        <button className="jp-mod-styled" onClick={() => void download(log, job)}>
          {trans.__('Download')}
        </button>
      </div>
      {log.problem && (
        <p className="lbd-Problem" role="alert">
          {log.problem.message}
        </p>
      )}
      {log.left > 0 && (
        <p className="lbd-Log-left">
          {trans.__('The first %1 lines are in the download only.', log.left)}
        </p>
      )}
      <Lines
        lines={log.lines}
        times={times}
        hit={at}
        follow={follow}
        onFollow={setFollow}
        label={trans.__('Output of worker %1', rank)}
        empty={log.ended ? trans.__('It wrote nothing.') : trans.__('Nothing is written yet.')}
      />
    </div>
  );
}

function Toggle(props: { label: string; on: boolean; set: (on: boolean) => void }) {
  return (
    <label className="lbd-Log-toggle">
      <input
        type="checkbox"
        checked={props.on}
        onChange={event => props.set(event.currentTarget.checked)}
      />
      {props.label}
    </label>
  );
}

/** Follow a log while it is on the page; the number changes with each part that came. */
function useLog(log: WorkerLog, shown: boolean, attempts: number): number {
  const [version, came] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    log.changed.connect(came);
    if (shown) {
      log.follow();
    }
    return () => {
      log.changed.disconnect(came);
      log.rest();
    };
  }, [log, shown, attempts]);
  return version;
}

function Lines(props: {
  lines: readonly LogLine[];
  times: boolean;
  hit: number | null;
  follow: boolean;
  onFollow: (follow: boolean) => void;
  label: string;
  empty: string;
}) {
  const { lines, times, hit, follow, onFollow } = props;
  const box = React.useRef<HTMLDivElement>(null);
  const { first, last } = useWindow(box, LINE, lines.length);
  React.useLayoutEffect(() => {
    if (follow && box.current !== null) {
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [follow, lines.length]);
  React.useLayoutEffect(() => {
    if (hit !== null && box.current !== null) {
      box.current.scrollTop = hit * LINE - box.current.clientHeight / 2;
    }
  }, [hit]);
  const scrolled = (event: React.WheelEvent<HTMLDivElement>) => {
    const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
    const end = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (event.deltaY < 0 && follow) {
      onFollow(false);
    } else if (event.deltaY > 0 && end && !follow) {
      onFollow(true);
    }
  };
  return (
    <div
      ref={box}
      className="lbd-Log-lines jp-RenderedText"
      role="log"
      aria-label={props.label}
      aria-live="off"
      tabIndex={0}
      onWheel={scrolled}
      onKeyDown={event => {
        if (['ArrowUp', 'PageUp', 'Home'].includes(event.key)) {
          onFollow(false);
        }
      }}
    >
      {lines.length === 0 && <p className="lbd-Empty">{props.empty}</p>}
      <pre style={{ height: lines.length * LINE }}>
        {lines.slice(first, last).map((line, index) => (
          <Line
            key={line.cursor}
            line={line}
            top={(first + index) * LINE}
            times={times}
            hit={first + index === hit}
          />
        ))}
      </pre>
    </div>
  );
}

const Line = React.memo(function Line(props: {
  line: LogLine;
  top: number;
  times: boolean;
  hit: boolean;
}) {
  const { line, top, times, hit } = props;
  return (
    <div
      className="lbd-Log-line"
      data-stream={line.stream}
      data-hit={hit}
      style={{ top, height: LINE }}
    >
      {times && <time>{new Date(line.time * 1000).toLocaleTimeString()}</time>}
      {spans(line.text).map((span, index) => (
        <span key={index} className={span.classes}>
          {span.text}
        </span>
      ))}
    </div>
  );
});

/** Have the whole log as a file. */
async function download(log: WorkerLog, job: Job): Promise<void> {
  try {
    const url = URL.createObjectURL(new Blob([await log.all()], { type: 'text/plain' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = `${job.name}-${job.id}-worker-${log.rank}.log`;
    link.click();
    URL.revokeObjectURL(url);
  } catch (error) {
    Notification.error(error instanceof Error ? error.message : String(error));
  }
}
