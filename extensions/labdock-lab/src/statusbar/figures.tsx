import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';

import { cpus, gigabytes } from '../models/wording.ts';
import type { NotebookServerModel } from '../models/notebookserver.ts';
import type { ServerFigures } from '../service/types.ts';

/** What the person's server uses, as one line of the status bar; a click shows more. */
export class FiguresItem extends ReactWidget {
  readonly #model: NotebookServerModel;
  readonly #trans: TranslationBundle;
  readonly #open: () => void;

  constructor(model: NotebookServerModel, trans: TranslationBundle, open: () => void) {
    super();
    this.#model = model;
    this.#trans = trans;
    this.#open = open;
    this.addClass('lbd-ServerFigures');
    model.changed.connect(() => this.update(), this);
  }

  /** Give the focus back to it, unless the person has put it elsewhere meanwhile. */
  takeFocusBack(): void {
    if (document.activeElement === document.body) {
      this.node.querySelector('button')?.focus();
    }
  }

  protected override render(): React.ReactElement {
    const { figures, away } = this.#model;
    const trans = this.#trans;
    return (
      <button
        className="lbd-ServerFigures-button"
        aria-haspopup="dialog"
        title={figures?.environment || trans.__('This server')}
        onClick={this.#open}
      >
        {figures !== null && line(figures, trans)}
        {figures === null && (away ? trans.__('Server: no answer') : trans.__('CPU …'))}
      </button>
    );
  }
}

function line(figures: ServerFigures, trans: TranslationBundle): string {
  const parts = [
    trans.__('CPU %1 %', Math.round((100 * figures.cpus_used) / figures.cpus)),
    trans.__('%1 / %2 GB', gigabytes(figures.memory_used), gigabytes(figures.memory))
  ];
  if (figures.gpus > 0) {
    parts.push(trans._n('%1 GPU', '%1 GPUs', figures.gpus));
  }
  return parts.join('  ·  ');
}

/** CPUs and memory of the popup, each with a bar. */
export function Meters(props: { figures: ServerFigures; trans: TranslationBundle }) {
  const { figures, trans } = props;
  const used = trans.__('%1 of %2', cpus(figures.cpus_used), cpus(figures.cpus));
  const { memory_used, memory } = figures;
  const stored = trans.__('%1 of %2 GB', gigabytes(memory_used), gigabytes(memory));
  return (
    <>
      <Meter name={trans.__('CPUs')} share={figures.cpus_used / figures.cpus} says={used} />
      <Meter name={trans.__('Memory')} share={memory_used / memory} says={stored} />
    </>
  );
}

function Meter(props: { name: string; share: number; says: string }) {
  const { name, share, says } = props;
  const part = Math.min(1, share);
  return (
    <div className="lbd-Meter" data-high={part > 0.9}>
      <span>{name}</span>
      <div
        className="lbd-Meter-bar"
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={1}
        aria-valuenow={part}
        aria-valuetext={says}
      >
        <div style={{ width: `${100 * part}%` }} />
      </div>
      <span className="lbd-Meter-says">{says}</span>
    </div>
  );
}
