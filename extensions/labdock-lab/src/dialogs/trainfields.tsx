import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { Field, Sentence, type IInputProps } from '../components/field.tsx';
import { defaultText, placeholder } from '../models/parametertext.ts';
import type { TrainForm } from '../models/trainform.ts';
import type { Environment, Parameter } from '../service/types.ts';

interface IProps {
  form: TrainForm;
  trans: TranslationBundle;
}

/** What a person chooses. */
export function Fields({ form, trans }: IProps) {
  return (
    <fieldset className="lbd-Train-fields" disabled={form.step !== null}>
      <EntryField form={form} trans={trans} />
      <EnvironmentField form={form} trans={trans} />
      <ResourceFields form={form} trans={trans} />
      <ParameterFields form={form} trans={trans} />
      <ArgumentsField form={form} trans={trans} />
      <MoreFields form={form} trans={trans} />
    </fieldset>
  );
}

function EntryField({ form, trans }: IProps) {
  const problem = form.problem('path');
  if (form.chosen?.kind !== 'folder') {
    return problem ? <Sentence text={problem} /> : null;
  }
  return (
    <Field id="lbd-train-entry" label={trans.__('Notebook or script')} problem={problem} wide>
      {input => (
        <HTMLSelect
          {...input}
          value={form.choice.entry}
          options={form.chosen?.entries ?? []}
          onChange={event => form.set('entry', event.target.value)}
        />
      )}
    </Field>
  );
}

function EnvironmentField({ form, trans }: IProps) {
  const { environments } = form;
  const chosen = environments.find(one =>
    form.environment === null ? one.default : one.name === form.environment
  );
  const closed = environments.filter(one => one.unavailable);
  const hint = closed.map(one => `${one.title}: ${one.unavailable}`).join(' ');
  const problem = form.problem('environment') ?? chosen?.unavailable ?? null;
  return (
    <Field
      id="lbd-train-environment"
      label={trans.__('Environment')}
      hint={hint}
      problem={problem}
      wide
    >
      {input => (
        <HTMLSelect
          {...input}
          value={form.environment ?? chosen?.name ?? ''}
          options={environments.map(one => environmentOption(one, trans))}
          onChange={event => {
            const { value } = event.target;
            const isDefault = environments.some(one => one.default && one.name === value);
            form.set('environment', isDefault ? '' : value);
          }}
        />
      )}
    </Field>
  );
}

function environmentOption(environment: Environment, trans: TranslationBundle) {
  const { name, title, unavailable } = environment;
  const label = environment.default ? trans.__('%1 (default)', title) : title;
  return {
    value: name,
    label: unavailable ? trans.__('%1 (not available)', title) : label,
    disabled: Boolean(unavailable)
  };
}

function ResourceFields({ form, trans }: IProps) {
  const problem = form.problem('resources');
  return (
    <fieldset
      className="lbd-Train-group"
      aria-describedby={problem ? 'lbd-train-resources' : undefined}
    >
      <legend>{trans.__('Machines')}</legend>
      <div className="lbd-Train-row">
        <NumberField form={form} field="workers" label={trans.__('Workers')} />
        <NumberField form={form} field="gpus" label={trans.__('GPUs per worker')} />
        <NumberField form={form} field="cpus" label={trans.__('CPUs per worker')} />
        <NumberField
          form={form}
          field="memory"
          label={trans.__('Memory per worker (GB)')}
          placeholder={trans.__('no limit')}
        />
      </div>
      {problem && <Sentence id="lbd-train-resources" text={problem} />}
    </fieldset>
  );
}

/** Machines are counted; shares of them are typed. */
const KINDS = {
  workers: { type: 'number', inputMode: 'numeric', min: 1, step: 1 },
  gpus: { type: 'number', inputMode: 'numeric', min: 0, step: 1 },
  cpus: { inputMode: 'decimal' },
  memory: { inputMode: 'decimal' }
} as const;

function NumberField(props: {
  form: TrainForm;
  field: 'workers' | 'gpus' | 'cpus' | 'memory';
  label: string;
  placeholder?: string;
}) {
  const { form, field, label } = props;
  const problem = form.problem(field === 'workers' ? field : `resources.${field}`);
  return (
    <Field id={`lbd-train-${field}`} label={label} problem={problem}>
      {input => (
        <input
          {...input}
          className="jp-mod-styled"
          {...KINDS[field]}
          autoComplete="off"
          placeholder={props.placeholder}
          value={form.choice[field]}
          onFocus={event => event.target.select()}
          onChange={event => form.set(field, event.target.value)}
        />
      )}
    </Field>
  );
}

function ParameterFields({ form, trans }: IProps) {
  const problem = form.problem('parameters');
  if (form.parameters.length === 0 && !problem) {
    return form.entry?.kind === 'notebook' ? (
      <p className="lbd-Train-note">
        {trans.__(
          'This notebook has no parameters: give the tag “parameters” to the cell that sets what you want to change here.'
        )}
      </p>
    ) : null;
  }
  return (
    <fieldset className="lbd-Train-group">
      <legend>{trans.__('Parameters')}</legend>
      <div className="lbd-Train-row">
        {form.parameters.map(parameter => (
          <ParameterField
            key={`${form.entry?.path} ${parameter.name}`}
            parameter={parameter}
            form={form}
            trans={trans}
          />
        ))}
      </div>
      {problem && <Sentence text={problem} />}
    </fieldset>
  );
}

function ParameterField(props: IProps & { parameter: Parameter }) {
  const { form, parameter, trans } = props;
  const { name } = parameter;
  const own = defaultText(parameter);
  const text = form.textOf(parameter);
  const hint = text === own ? undefined : trans.__('In the notebook: %1', parameter.text);
  const [hasLines] = React.useState(() => text.includes('\n')); // another input takes the focus
  return (
    <Field
      id={`lbd-train-parameter-${name}`}
      label={name}
      hint={hint}
      problem={form.problem(`parameters.${name}`)}
      wide={hasLines || text.length > 30}
    >
      {input => <ParameterInput {...props} input={input} text={text} hasLines={hasLines} />}
    </Field>
  );
}

function ParameterInput(
  props: IProps & { parameter: Parameter; input: IInputProps; text: string; hasLines: boolean }
) {
  const { form, parameter, input, text, hasLines, trans } = props;
  const { kind } = parameter;
  const set = (value: string) => form.setParameter(parameter, value);
  if (kind === 'bool') {
    return <BoolInput {...props} set={set} />;
  }
  const isNumber = kind === 'int' || kind === 'float';
  if (hasLines) {
    return (
      <textarea
        {...input}
        className="jp-mod-styled"
        rows={Math.min(8, text.split('\n').length + 1)}
        spellCheck={false}
        title={kindName(kind, trans)}
        value={text}
        onChange={event => set(event.target.value)}
      />
    );
  }
  return (
    <input
      {...input}
      className="jp-mod-styled"
      inputMode={isNumber ? 'decimal' : 'text'}
      autoComplete="off"
      spellCheck={false}
      title={kindName(kind, trans)}
      placeholder={placeholder(parameter)}
      value={text}
      onChange={event => set(event.target.value)}
    />
  );
}

function BoolInput(props: {
  parameter: Parameter;
  input: IInputProps;
  text: string;
  set: (value: string) => void;
  trans: TranslationBundle;
}) {
  const { parameter, input, text, set, trans } = props;
  const usual = placeholder(parameter);
  const unset = { value: '', label: usual || trans.__('as it is') };
  const options = [
    ...(defaultText(parameter) === '' ? [unset] : []),
    { value: 'true', label: 'True' },
    { value: 'false', label: 'False' }
  ];
  return (
    <HTMLSelect
      {...input}
      value={text}
      options={options}
      onChange={event => set(event.target.value)}
    />
  );
}

function kindName(kind: Parameter['kind'], trans: TranslationBundle): string {
  const names: Record<Parameter['kind'], string> = {
    bool: trans.__('True or False'),
    int: trans.__('A whole number'),
    float: trans.__('A number'),
    str: trans.__('Text'),
    list: trans.__('A list, such as [1, 2]'),
    dict: trans.__('A dictionary, such as {"a": 1}'),
    any: trans.__('Any value')
  };
  return names[kind];
}

function ArgumentsField({ form, trans }: IProps) {
  if (form.entry?.kind !== 'script') {
    return null;
  }
  return (
    <Field
      id="lbd-train-arguments"
      label={trans.__('Arguments')}
      problem={form.problem('arguments')}
      wide
    >
      {input => (
        <input
          {...input}
          className="jp-mod-styled"
          autoComplete="off"
          spellCheck={false}
          placeholder="--epochs 10"
          value={form.choice.arguments}
          onChange={event => form.set('arguments', event.target.value)}
        />
      )}
    </Field>
  );
}

function MoreFields({ form, trans }: IProps) {
  const { projects, choice } = form;
  const usual = projects.find(one => one.personal) ?? projects[0];
  return (
    <div className="lbd-Train-row">
      <Field id="lbd-train-project" label={trans.__('Project')} problem={form.problem('project')}>
        {input => (
          <HTMLSelect
            {...input}
            value={choice.project || (usual?.name ?? '')}
            options={projects.map(({ name, personal: own }) => ({
              value: name,
              label: own ? trans.__('%1 (mine)', name) : name
            }))}
            onChange={event => {
              const { value } = event.target;
              form.set('project', value === usual?.name ? '' : value);
            }}
          />
        )}
      </Field>
      <Field id="lbd-train-name" label={trans.__('Name')} problem={form.problem('name')}>
        {input => (
          <input
            {...input}
            className="jp-mod-styled"
            autoComplete="off"
            placeholder={stem(form.entry?.path ?? '')}
            value={choice.name}
            onChange={event => form.set('name', event.target.value)}
          />
        )}
      </Field>
      <Secrets form={form} trans={trans} />
    </div>
  );
}

function Secrets({ form, trans }: IProps) {
  const problem = form.problem('secrets');
  if (form.secrets.length === 0 && !problem) {
    return null;
  }
  return (
    <fieldset className="lbd-Train-group lbd-mod-wide">
      <legend>{trans.__('Secrets that the code finds as variables')}</legend>
      {form.secrets.map(name => (
        <label key={name} className="lbd-Train-check">
          <input
            type="checkbox"
            checked={form.choice.secrets.includes(name)}
            onChange={event => form.setSecret(name, event.target.checked)}
          />
          <code>{name}</code>
        </label>
      ))}
      {problem && <Sentence text={problem} />}
    </fieldset>
  );
}

function stem(path: string): string {
  return (path.split('/').at(-1) ?? '').replace(/\.(ipynb|py)$/, '');
}
