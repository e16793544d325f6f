import { Dialog, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { CodeText } from '../../components/codetext.tsx';
import { useEveryMinute } from '../../components/everyminute.ts';
import { timeAgo } from '../../models/wording.ts';
import type { EndpointPage } from '../../models/endpointpage.ts';
import { asError, sentenceOf } from '../../service/problem.ts';
import type { Key } from '../../service/types.ts';
import type { IPageParts } from './view.tsx';

const HOUR = 3600;
const DAY = 24 * HOUR;

/** Keys: made, shown once, listed and revoked. */
export function Keys({ page, trans }: IPageParts) {
  const [made, setMade] = React.useState<Key | null>(null);
  React.useEffect(() => void page.readKeys(), [page]);
  const revoke = async (key: Key): Promise<void> => {
    const asked = await showDialog({
      title: trans.__('Revoke key %1?', key.title),
      body: trans.__('Programs that send it get no answer from now on. This can’t be undone.'),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Revoke') })]
    });
    if (asked.button.accept) {
      try {
        await page.revokeKey(key.id);
        setMade(old => (old?.id === key.id ? null : old));
      } catch (error) {
        const words = asError(error);
        await showErrorMessage(trans.__('Key %1 was not revoked', key.title), words);
      }
    }
  };
  const keys = page.keys ?? [];
  return (
    <>
      <NewKey page={page} trans={trans} onMade={setMade} />
      {made?.secret && (
        <div className="lbd-Secret" role="status">
          <p>{trans.__('Keep this key now: it is shown this once.')}</p>
          <CodeText text={made.secret} label={trans.__('The new key')} trans={trans} />
        </div>
      )}
      {keys.length > 0 && <KeyTable keys={keys} trans={trans} onRevoke={key => void revoke(key)} />}
    </>
  );
}

interface IRevoke {
  trans: TranslationBundle;
  onRevoke: (key: Key) => void;
}

function KeyTable({ keys, trans, onRevoke }: IRevoke & { keys: readonly Key[] }) {
  return (
    <table className="lbd-EndpointTable">
      <thead>
        <tr>
          <th scope="col">{trans.__('Key')}</th>
          <th scope="col">{trans.__('Made by')}</th>
          <th scope="col">{trans.__('Made')}</th>
          <th scope="col">{trans.__('Expires')}</th>
          <th scope="col">
            <span className="lbd-Hidden">{trans.__('Revoke')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map(one => (
          <KeyRow key={one.id} made={one} trans={trans} onRevoke={onRevoke} />
        ))}
      </tbody>
    </table>
  );
}

function KeyRow({ made, trans, onRevoke }: IRevoke & { made: Key }) {
  useEveryMinute();
  return (
    <tr>
      <td>{made.title}</td>
      <td>{made.created_by}</td>
      <td>{timeAgo(made.created)}</td>
      <td>{made.expires == null ? trans.__('never') : timeAgo(made.expires)}</td>
      <td>
        <button
          className="jp-mod-styled jp-mod-minimal"
          aria-label={trans.__('Revoke key %1', made.title)}
          onClick={() => onRevoke(made)}
        >
          {trans.__('Revoke')}
        </button>
      </td>
    </tr>
  );
}

function NewKey(props: {
  page: EndpointPage;
  trans: TranslationBundle;
  onMade: (key: Key) => void;
}) {
  const { page, trans, onMade } = props;
  const [title, setTitle] = React.useState('');
  const [lasts, setLasts] = React.useState(30 * DAY);
  const [problem, setProblem] = React.useState<string | null>(null);
  const making = React.useRef(false);
  const titled = React.useId();
  const lasting = React.useId();
  const make = async (): Promise<void> => {
    if (making.current) {
      return; // a second key would hide the secret of the first
    }
    making.current = true;
    setProblem(null);
    try {
      onMade(await page.createKey(title.trim() || trans.__('key'), lasts || null));
      setTitle('');
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      making.current = false;
    }
  };
  return (
    <form
      className="lbd-NewKey"
      onSubmit={event => {
        event.preventDefault();
        void make();
      }}
    >
      <label htmlFor={titled}>{trans.__('What for')}</label>
      <input
        id={titled}
        className="jp-mod-styled"
        maxLength={100}
        placeholder={trans.__('website')}
        value={title}
        onChange={event => setTitle(event.currentTarget.value)}
      />
      <label htmlFor={lasting}>{trans.__('Good for')}</label>
      <HTMLSelect
        id={lasting}
        value={lasts}
        onChange={event => setLasts(Number(event.currentTarget.value))}
      >
        <option value={HOUR}>{trans.__('an hour')}</option>
        <option value={30 * DAY}>{trans.__('30 days')}</option>
        <option value={365 * DAY}>{trans.__('a year')}</option>
        <option value={0}>{trans.__('ever')}</option>
      </HTMLSelect>
      <button className="jp-mod-styled">{trans.__('Make a Key')}</button>
      <p className="lbd-Problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
