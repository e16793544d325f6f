import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { placed, type IBox } from '../models/placement.ts';
import type { Step, Tour } from '../models/tour.ts';
import { textOf } from './texts.ts';

/** Milliseconds between two looks at where the thing is now that a step is about. */
const LOOK = 300;

/** What the tour's bubble can do, and where its steps happen. */
export interface IGuide {
  /** Do what the step's button says. */
  act(step: Step): void;
  /** The elements that a step is about, the best first. */
  about(step: Step): string[];
  /** Called now and then while a step waits, for what no signal tells. */
  look(step: Step): void;
}

/** One step of the tour beside its button. It takes no focus and blocks nothing. */
export class TourBubble extends ReactWidget {
  readonly #tour: Tour;
  readonly #guide: IGuide;
  readonly #trans: TranslationBundle;
  #looking = 0;

  constructor(tour: Tour, guide: IGuide, trans: TranslationBundle) {
    super();
    this.#tour = tour;
    this.#guide = guide;
    this.#trans = trans;
    this.id = 'labdock-tour';
    this.addClass('lbd-Tour');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Tour'));
    tour.changed.connect(this.#follow, this);
    this.#follow();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.#looking = window.setInterval(() => this.#look(), LOOK);
  }

  protected override onBeforeDetach(message: Message): void {
    window.clearInterval(this.#looking);
    this.#mark(null);
    super.onBeforeDetach(message);
  }

  protected override render(): React.ReactElement | null {
    const { step, steps } = this.#tour;
    const trans = this.#trans;
    if (step === null) {
      return null;
    }
    const { title, text, action } = textOf(step, trans);
    return (
      <>
        <div className="lbd-Tour-head">
          <span>{trans.__('Step %1 of %2', steps.indexOf(step) + 1, steps.length)}</span>
          <button
            className="lbd-Tour-close"
            aria-label={trans.__('End the tour')}
            title={trans.__('End the tour')}
            onClick={() => this.#tour.end()}
          >
            <closeIcon.react tag="span" height="16px" width="16px" />
          </button>
        </div>
        <div aria-live="polite">
          <h3>{title}</h3>
          <p>{text}</p>
        </div>
        <div className="lbd-Tour-buttons">
          <button className="jp-mod-styled lbd-Tour-skip" onClick={() => this.#tour.skip(step)}>
            {trans.__('Skip')}
          </button>
          {action && (
            <button className="jp-mod-styled jp-mod-accept" onClick={() => this.#guide.act(step)}>
              {action}
            </button>
          )}
        </div>
      </>
    );
  }

  /** It is there while a step waits, and gone otherwise. */
  #follow(): void {
    if (this.#tour.step === null) {
      if (this.isAttached) {
        Widget.detach(this);
      }
      return;
    }
    if (!this.isAttached) {
      Widget.attach(this, document.body);
    }
    this.update();
    this.#look();
  }

  #look(): void {
    const { step } = this.#tour;
    if (step !== null && !document.hidden) {
      this.#guide.look(step);
      this.#place(step);
    }
  }

  #place(step: Step): void {
    const found = this.#guide.about(step).flatMap(one => [...document.querySelectorAll(one)]);
    const about = found.find(element => element.checkVisibility()) ?? null;
    this.#mark(about);
    const box: IBox | null = about?.getBoundingClientRect() ?? null;
    const { width, height } = this.node.getBoundingClientRect();
    const room = { width: window.innerWidth, height: window.innerHeight };
    const { left, top } = placed(box, { width, height }, room);
    this.node.style.left = `${left}px`;
    this.node.style.top = `${top}px`;
  }

  #mark(about: Element | null): void {
    for (const marked of document.querySelectorAll('.lbd-mod-toured')) {
      if (marked !== about) {
        marked.classList.remove('lbd-mod-toured');
      }
    }
    about?.classList.add('lbd-mod-toured');
  }
}
