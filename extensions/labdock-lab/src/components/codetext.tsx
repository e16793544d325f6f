import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { checkIcon, copyIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

const SHOWN = 2000;

/** Text to copy: the button says when it has been. */
export function CodeText(props: { text: string; trans: TranslationBundle; label: string }) {
  const { text, trans, label } = props;
  const [copied, setCopied] = React.useState(false);
  const copy = (): void => {
    Clipboard.copyToSystem(text);
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN);
  };
  const Icon = (copied ? checkIcon : copyIcon).react;
  return (
    <div className="lbd-CodeText">
      <pre tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <button className="jp-Button jp-mod-minimal" onClick={copy} title={trans.__('Copy')}>
        <Icon tag="span" />
        <span className="lbd-Hidden" role="status">
          {copied ? trans.__('Copied') : trans.__('Copy')}
        </span>
      </button>
    </div>
  );
}
