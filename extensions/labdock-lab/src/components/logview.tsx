import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { InputGroup } from '@jupyterlab/ui-components';
import * as React from 'react';

import { found, textOf, type TextLog } from '../models/textlog.ts';
import { sentenceOf } from '../service/problem.ts';
import { LogLines } from './loglines.tsx';
import { saveFile } from './savefile.ts';

interface ILogProps {
  log: TextLog;
  /** What is said of it to those who do not see it. */
  label: string;
  /** The name of the file to download, without its end. */
  file: string;
  /** Whether somebody looks. */
  shown: boolean;
  trans: TranslationBundle;
  /** What chooses the log. */
  children?: React.ReactNode;
}

/** A log: live, searched, with times or without. */
export function LogView(props: ILogProps) {
  const { log, trans } = props;
  const [times, setTimes] = React.useState(false);
  const [follow, setFollow] = React.useState(true);
  const version = useLog(log, props.shown);
  const search = useSearch(log, version, () => setFollow(false));
  return (
    <div className="lbd-Log">
      <div className="lbd-Log-bar">
        {props.children}
        <Search search={search} trans={trans} />
        <Toggle label={trans.__('Follow')} on={follow} set={setFollow} />
        <Toggle label={trans.__('Times')} on={times} set={setTimes} />
        <button className="jp-mod-styled" onClick={() => Clipboard.copyToSystem(textOf(log.lines))}>
          {trans.__('Copy')}
        </button>
        <button className="jp-mod-styled" onClick={() => void download(log, props.file)}>
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
      <LogLines
        lines={log.lines}
        times={times}
        hit={search.at}
        follow={follow}
        onFollow={setFollow}
        label={props.label}
        empty={log.ended ? trans.__('It wrote nothing.') : trans.__('Nothing is written yet.')}
      />
    </div>
  );
}

/** What is searched for in a log, and where it was found. */
interface ISearch {
  readonly text: string;
  /** How many lines have it. */
  readonly count: number;
  /** Which of them is looked at, from 0. */
  readonly hit: number;
  /** The line that is looked at. */
  readonly at: number | null;
  readonly look: (text: string) => void;
  readonly go: (by: number) => void;
}

function useSearch(log: TextLog, version: number, onLook: () => void): ISearch {
  const [text, setText] = React.useState('');
  const [hit, setHit] = React.useState(0);
  const hits = React.useMemo(() => found(log.lines, text), [log, text, version]);
  const chosen = hits.length === 0 ? 0 : hit % hits.length;
  return {
    text,
    count: hits.length,
    hit: chosen,
    at: hits[chosen] ?? null,
    look: wanted => {
      setText(wanted);
      setHit(0);
      onLook();
    },
    go: by => {
      setHit((chosen + by + hits.length) % Math.max(1, hits.length));
      onLook();
    }
  };
}

function Search({ search, trans }: { search: ISearch; trans: TranslationBundle }) {
  const { text, count, hit } = search;
  const told =
    text === '' ? '' : count === 0 ? trans.__('not found') : trans.__('%1 of %2', hit + 1, count);
  const [said, say] = React.useState('');
  React.useEffect(() => say(told), [text, hit]); // and not with each line that comes
  const press = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter') {
      search.go(event.shiftKey ? -1 : 1);
    } else if (event.key === 'Escape') {
      search.look('');
    }
  };
  return (
    <>
      <InputGroup
        type="search"
        rightIcon="ui-components:search"
        className="lbd-Log-search"
        aria-label={trans.__('Search in the log')}
        placeholder={trans.__('Search')}
        value={text}
        onChange={event => search.look(event.currentTarget.value)}
        onKeyDown={press}
      />
      <span className="lbd-Log-hits" aria-hidden="true">
        {told}
      </span>
      <span className="lbd-Hidden" role="status">
        {said}
      </span>
    </>
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
function useLog(log: TextLog, shown: boolean): number {
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
  }, [log, shown]);
  return version;
}

/** Have the whole log as a file. */
async function download(log: TextLog, name: string): Promise<void> {
  try {
    saveFile(`${name}.log`, await log.all(), 'text/plain');
  } catch (error) {
    if (!log.isDisposed) {
      Notification.error(sentenceOf(error));
    }
  }
}
