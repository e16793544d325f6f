import { Dialog, Notification, ReactWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Field, Sentence, type IInputProps } from '../components/field.tsx';
import { parametersOf } from '../models/differences.ts';
import { changedRequest, readValues } from '../models/joborder.ts';
import { Problem, sentenceOf } from '../service/problem.ts';
import { answered, type Service } from '../service/service.ts';
import type { Job, Snapshot } from '../service/types.ts';

interface IMistake {
  readonly field: string | null;
  readonly text: string;
}

/** Ask for other parameters, and run the same snapshot with them; the new job, if there is one. */
export async function askAndRunAgain(
  service: Service,
  job: Job,
  trans: TranslationBundle
): Promise<Job | null> {
  const params = { path: { id: job.snapshot } };
  const snapshot = await answered(service.api.GET('/snapshots/{id}', { params }));
  const form = new RunAgainForm(job, snapshot, trans);
  for (;;) {
    const dialog = new Dialog({
      title: trans.__('Run %1 again', job.name),
      body: form.renewed(),
      focusNodeSelector: form.isRefused ? '[aria-invalid=true]' : '.lbd-RunAgain input',
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Run') })]
    });
    const answer = await dialog.launch();
    if (!answer.button.accept) {
      return null;
    }
    const made = await form.submit(service);
    if (made !== null) {
      Notification.info(trans.__('%1 is submitted.', made.name), { autoClose: 5_000 });
      return made;
    }
  }
}

/** What was written in the dialog; it is kept while mistakes are mended. */
class RunAgainForm {
  readonly #job: Job;
  readonly #snapshot: Snapshot;
  readonly #trans: TranslationBundle;
  readonly #written: Record<string, string>;
  #name: string;
  #mistake: IMistake | null = null;

  constructor(job: Job, snapshot: Snapshot, trans: TranslationBundle) {
    this.#job = job;
    this.#snapshot = snapshot;
    this.#trans = trans;
    this.#name = job.name;
    this.#written = parametersOf({ job, snapshot });
  }

  /** Whether it could not be submitted as it was. */
  get isRefused(): boolean {
    return this.#mistake !== null;
  }

  /** The form as a widget for another dialog. */
  renewed(): ReactWidget {
    const made = ReactWidget.create(
      <RunAgainFields
        name={this.#name}
        values={this.#written}
        mistake={this.#mistake}
        trans={this.#trans}
        onName={name => (this.#name = name)}
        onValue={(name, text) => (this.#written[name] = text)}
      />
    );
    made.addClass('lbd-RunAgain');
    return made;
  }

  /** The job that was submitted; null where there was a mistake, which is shown. */
  async submit(service: Service): Promise<Job | null> {
    try {
      const known = this.#snapshot.parameters ?? [];
      const parameters = readValues(this.#written, known, this.#job.parameters, this.#trans);
      const body = changedRequest(this.#job, this.#name, parameters);
      return await answered(service.api.POST('/jobs', { body }));
    } catch (error) {
      const text = sentenceOf(error);
      this.#mistake = { field: error instanceof Problem ? error.field : null, text };
      return null;
    }
  }
}

function RunAgainFields(props: {
  name: string;
  values: Record<string, string>;
  mistake: IMistake | null;
  trans: TranslationBundle;
  onName: (name: string) => void;
  onValue: (name: string, text: string) => void;
}) {
  const { values, mistake, trans } = props;
  const names = Object.keys(values);
  const placed = names.find(name => mistake?.field === `parameters.${name}`);
  return (
    <>
      <Field label={trans.__('Name')} problem={null}>
        {input => <Text input={input} value={props.name} onChange={props.onName} />}
      </Field>
      {names.map(name => (
        <Field key={name} label={name} problem={placed === name ? (mistake?.text ?? null) : null}>
          {input => (
            <Text
              input={input}
              value={values[name] ?? ''}
              onChange={text => props.onValue(name, text)}
            />
          )}
        </Field>
      ))}
      {names.length === 0 && <p>{trans.__('It has no parameters: it runs as it is.')}</p>}
      {mistake && placed === undefined && <Sentence text={mistake.text} />}
    </>
  );
}

function Text(props: { input: IInputProps; value: string; onChange: (text: string) => void }) {
  return (
    <input
      {...props.input}
      className="jp-mod-styled"
      autoComplete="off"
      spellCheck={false}
      defaultValue={props.value}
      onChange={event => props.onChange(event.currentTarget.value)}
    />
  );
}
