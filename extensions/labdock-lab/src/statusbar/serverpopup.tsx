import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { Trouble } from '../components/trouble.tsx';
import type { NotebookServerModel } from '../models/notebookserver.ts';
import type { LiveChanges } from '../service/live.ts';
import { Problem } from '../service/problem.ts';
import { Meters } from './figures.tsx';

/** What the server calls it that a kernel has a GPU open. */
const IN_USE = 'GpuInUse';

/** What the server uses, its environment and its GPUs, which can be given back or asked for. */
export class ServerPopup extends ReactWidget {
  readonly #model: NotebookServerModel;
  readonly #live: LiveChanges;
  readonly #trans: TranslationBundle;

  constructor(model: NotebookServerModel, live: LiveChanges, trans: TranslationBundle) {
    super();
    this.#model = model;
    this.#live = live;
    this.#trans = trans;
    this.addClass('lbd-ServerPopup');
    this.node.setAttribute('role', 'dialog');
    this.node.setAttribute('aria-label', trans.__('This server'));
    this.node.tabIndex = -1;
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.node.focus(); // so that Escape closes it, and Tab goes on in it
  }

  protected override render(): React.ReactElement {
    return (
      <UseSignal signal={this.#model.changed}>
        {() => <Content model={this.#model} live={this.#live} trans={this.#trans} />}
      </UseSignal>
    );
  }
}

interface IParts {
  model: NotebookServerModel;
  live: LiveChanges;
  trans: TranslationBundle;
}

function Content({ model, live, trans }: IParts) {
  const { figures } = model;
  return (
    <>
      <h3>{figures?.environment || trans.__('This server')}</h3>
      {figures === null ? (
        <p role="status">
          {model.away ? trans.__('The server does not answer. It is asked again.') : '…'}
        </p>
      ) : (
        <Meters figures={figures} trans={trans} />
      )}
      <Gpus model={model} live={live} trans={trans} />
    </>
  );
}

function Gpus({ model, live, trans }: IParts) {
  const { lease, problem } = model;
  const wanted = lease?.state === 'held' || lease?.state === 'waiting';
  return (
    <section className="lbd-ServerPopup-gpus" aria-live="polite">
      <p>{stands(model, trans)}</p>
      {lease?.notice && <p className="lbd-Dim">{lease.notice}</p>}
      <Trouble live={live} problem={problem} trans={trans} />
      {model.unavailable === '' && (
        <button
          className="jp-mod-styled jp-mod-reject"
          disabled={lease === null}
          aria-disabled={model.busy} // a button that is disabled would lose the focus
          onClick={() => void (model.busy || (wanted ? giveBack(model, trans) : model.acquire()))}
        >
          {label(model, trans)}
        </button>
      )}
    </section>
  );
}

function stands({ lease, unavailable }: NotebookServerModel, trans: TranslationBundle): string {
  switch (lease?.state) {
    case undefined:
      return trans.__('Looking for GPUs …');
    case 'held':
      return trans.__('GPU: %1', lease.devices?.join(', ') ?? '');
    case 'waiting':
      return lease.message || trans.__('Waits for a GPU.');
    case 'none':
      return unavailable || lease.message || trans.__('This server has no GPU.');
  }
}

function label({ lease, busy }: NotebookServerModel, trans: TranslationBundle): string {
  if (busy) {
    return trans.__('A moment …');
  }
  switch (lease?.state) {
    case 'held':
      return trans.__('Give the GPU back');
    case 'waiting':
      return trans.__('Stop waiting');
    default:
      return trans.__('Ask for a GPU');
  }
}

/** Give the GPUs back; where kernels have one open, ask first whether these may be shut down. */
export async function giveBack(
  model: NotebookServerModel,
  trans: TranslationBundle
): Promise<void> {
  if (await model.release(false)) {
    return;
  }
  const { problem } = model;
  if (!(problem instanceof Problem) || problem.code !== IN_USE) {
    return;
  }
  const result = await showDialog({
    title: trans.__('Shut down and give the GPU back?'),
    body: problem.message,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Keep it') }),
      Dialog.warnButton({ label: trans.__('Shut down') })
    ]
  });
  if (result.button.accept) {
    await model.release(true);
  }
}
