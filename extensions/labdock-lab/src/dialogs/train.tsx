import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Sentence } from '../components/field.tsx';
import type { TrainForm } from '../models/trainform.ts';
import type { Job } from '../service/types.ts';
import { Answers } from './trainanswers.tsx';
import { Fields } from './trainfields.tsx';

const TRAIN = 1;

/** Asks how to train, and stays open until the job is submitted. */
export class TrainDialog extends Dialog<null> {
  readonly #submit: () => Promise<Job | null>;

  constructor(
    form: TrainForm,
    submit: () => Promise<Job | null>,
    name: string,
    trans: TranslationBundle
  ) {
    super({
      title: trans.__('Train %1', name),
      body: new TrainBody(form, trans),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: trans.__('Train') })
      ],
      defaultButton: TRAIN,
      focusNodeSelector: '#lbd-train-workers'
    });
    this.addClass('lbd-TrainDialog');
    this.node.ariaLabel = trans.__('Train %1', name);
    this.#submit = submit;
  }

  /** Submit on Train; where something is wrong it is shown, and the dialog stays. */
  override resolve(index = TRAIN): void {
    if (index === TRAIN) {
      void this.#train();
    } else {
      super.resolve(index);
    }
  }

  async #train(): Promise<void> {
    if ((await this.#submit()) !== null) {
      super.resolve(TRAIN);
    }
  }
}

class TrainBody extends ReactWidget implements Dialog.IBodyWidget<null> {
  readonly #form: TrainForm;
  readonly #trans: TranslationBundle;

  constructor(form: TrainForm, trans: TranslationBundle) {
    super();
    this.addClass('lbd-Train');
    this.#form = form;
    this.#trans = trans;
  }

  getValue(): null {
    return null;
  }

  protected override render(): React.JSX.Element {
    return (
      <UseSignal signal={this.#form.changed}>
        {() => <Train form={this.#form} trans={this.#trans} />}
      </UseSignal>
    );
  }
}

function Train({ form, trans }: { form: TrainForm; trans: TranslationBundle }) {
  const problem = form.problem('');
  const { step, refusals } = form;
  const fields = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    const wrong = refusals > 0 && fields.current?.querySelector<HTMLElement>('[aria-invalid=true]');
    if (wrong) {
      wrong.focus();
    }
  }, [refusals]);
  return (
    <>
      <div className="lbd-Train-columns" ref={fields}>
        <Fields form={form} trans={trans} />
        <Answers form={form} trans={trans} />
      </div>
      <div className="lbd-Train-step" role="status">
        {step && (
          <>
            <span>{step.message}…</span>
            <progress value={step.share ?? undefined} aria-label={step.message} />
          </>
        )}
      </div>
      {problem && <Sentence text={problem} />}
    </>
  );
}
