import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect, UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Field } from '../../components/field.tsx';
import { proposedName } from '../../models/deployment.ts';
import type { Serving } from '../../models/serving.ts';
import type { ModelVersion } from '../../service/types.ts';
import type { DeployChoice } from './choice.ts';

const NEW = '';

interface IParts {
  readonly serving: Serving;
  readonly models: readonly ModelVersion[];
  readonly choice: DeployChoice;
  readonly trans: TranslationBundle;
}

/** The dialog's fields. */
export function DeployForm(parts: IParts) {
  return <UseSignal signal={parts.choice.changed}>{() => <Fields {...parts} />}</UseSignal>;
}

function Fields(parts: IParts) {
  const { choice, trans } = parts;
  const { model, problem, field, busy } = choice.now;
  const elsewhere = problem !== null && !['name', 'anyway', 'resources'].includes(field ?? '');
  return (
    <fieldset className="lbd-Form" disabled={busy} aria-busy={busy}>
      <ModelField {...parts} />
      <Check choice={choice} trans={trans} />
      <EndpointField {...parts} />
      <p className="lbd-Form-note">
        {trans.__('It belongs to project %1, as its model does.', model.project)}
      </p>
      <More choice={choice} trans={trans} problem={field === 'resources' ? problem : null} />
      <p className="lbd-Problem" role="alert">
        {elsewhere && problem}
      </p>
    </fieldset>
  );
}

function ModelField({ models, choice, trans }: IParts) {
  return (
    <Field id="lbd-deploy-model" label={trans.__('Model')} problem={null}>
      {input => (
        <HTMLSelect
          {...input}
          value={choice.model.id}
          onChange={event => choose(choice, models, event.currentTarget.value)}
        >
          {models.map(one => (
            <option key={one.id} value={one.id}>
              {trans.__('%1 version %2', one.name, one.version)} · {one.project}
            </option>
          ))}
        </HTMLSelect>
      )}
    </Field>
  );
}

/** An existing endpoint, or a new one with its name. */
function EndpointField({ serving, choice, trans }: IParts) {
  const { model, endpoint } = choice.now;
  const own = serving.endpoints.endpoints.filter(one => one.project === model.project);
  return (
    <>
      <Field id="lbd-deploy-endpoint" label={trans.__('Endpoint')} problem={null}>
        {input => (
          <HTMLSelect
            {...input}
            value={endpoint ?? NEW}
            onChange={event => choice.set({ endpoint: event.currentTarget.value || null })}
          >
            <option value={NEW}>{trans.__('A new one')}</option>
            {own.map(one => (
              <option key={one.id} value={one.name}>
                {one.name}
              </option>
            ))}
          </HTMLSelect>
        )}
      </Field>
      {endpoint === null ? (
        <NameField choice={choice} trans={trans} />
      ) : (
        <p className="lbd-Form-note">
          {trans.__('What it serves now goes on until the new version has answered.')}
        </p>
      )}
    </>
  );
}

function NameField({ choice, trans }: Pick<IParts, 'choice' | 'trans'>) {
  const { fresh, problem, field } = choice.now;
  return (
    <Field
      id="lbd-deploy-name"
      label={trans.__('Name')}
      problem={field === 'name' ? problem : null}
    >
      {input => (
        <input
          {...input}
          className="jp-mod-styled"
          value={fresh}
          spellCheck={false}
          maxLength={63}
          onChange={event =>
            choice.set({ fresh: event.currentTarget.value, problem: null, field: null })
          }
        />
      )}
    </Field>
  );
}

function choose(choice: DeployChoice, models: readonly ModelVersion[], id: string): void {
  const model = models.find(one => one.id === id);
  if (model) {
    const same = model.name === choice.model.name && model.project === choice.model.project;
    const kept = same ? {} : { endpoint: null, fresh: proposedName(model.name) };
    choice.set({ model, anyway: false, problem: null, field: null, ...kept });
  }
}

/** Whether the version answers as the trained model did, and a tick where it does not. */
function Check({ choice, trans }: { choice: DeployChoice; trans: TranslationBundle }) {
  const { model, anyway, field, problem } = choice.now;
  const { state, reason } = model.check;
  if (state === 'equal') {
    return (
      <p className="lbd-Form-note lbd-Good">{trans.__('It answers as the trained model did.')}</p>
    );
  }
  if (state === 'unchecked') {
    return (
      <p className="lbd-Form-note">
        {trans.__('It was not compared with the trained model. %1', reason)}
      </p>
    );
  }
  return (
    <div className="lbd-Form-warning">
      <p>{trans.__('It does not answer as the trained model did. %1', reason)}</p>
      <label>
        <input
          type="checkbox"
          checked={anyway}
          aria-invalid={field === 'anyway'}
          onChange={event =>
            choice.set({ anyway: event.currentTarget.checked, problem: null, field: null })
          }
        />
        {trans.__('Deploy anyway')}
      </label>
      <p className="lbd-Problem" role="alert">
        {field === 'anyway' && problem}
      </p>
    </div>
  );
}

/** What a model server gets, which seldom matters. */
function More(props: { choice: DeployChoice; trans: TranslationBundle; problem: string | null }) {
  const { choice, trans, problem } = props;
  const { cpus, gigabytes, gpus } = choice.now;
  const number = (
    label: string,
    name: 'cpus' | 'gigabytes' | 'gpus',
    value: number,
    step: number | 'any'
  ) => (
    <Field id={`lbd-deploy-${name}`} label={label} problem={null}>
      {input => (
        <input
          {...input}
          className="jp-mod-styled"
          type="number"
          min={0}
          step={step}
          value={value}
          onChange={event => choice.set({ [name]: event.currentTarget.valueAsNumber || 0 })}
        />
      )}
    </Field>
  );
  return (
    <details className="lbd-Form-more" open={problem !== null || undefined}>
      <summary>{trans.__('More')}</summary>
      <div className="lbd-Form-numbers">
        {number(trans.__('Processors'), 'cpus', cpus, 'any')}
        {number(trans.__('Memory in GB'), 'gigabytes', gigabytes, 'any')}
        {number(trans.__('GPUs'), 'gpus', gpus, 1)}
      </div>
      <p className="lbd-Form-note">{trans.__('With 0 GB its memory has no limit of its own.')}</p>
      <p className="lbd-Problem" role="alert">
        {problem}
      </p>
    </details>
  );
}
