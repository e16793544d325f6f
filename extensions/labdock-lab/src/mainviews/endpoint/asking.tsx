import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { CodeText } from '../../components/codetext.tsx';
import { hubPlace } from '../../hubplace.ts';
import { saveFile } from '../../components/savefile.ts';
import { Tabs } from '../../components/tabs.tsx';
import { callings, REQUEST } from '../../models/calling.ts';
import { serving } from '../../models/endpoints.ts';
import { begun, carriedOver, typed, valuesOf, type Filling } from '../../models/filling.ts';
import { hubAddress } from '../../models/hubaddress.ts';
import {
  misfit,
  requestBody,
  requestForm,
  type IField,
  type IRequestForm
} from '../../models/requestform.ts';
import type { Json } from '../../models/tensors.ts';
import { asError } from '../../service/problem.ts';
import type { IPrediction } from '../../service/service.ts';
import type { Endpoint, ModelVersion } from '../../service/types.ts';
import { Answer } from './answer.tsx';
import { FieldEditor } from './fieldeditor.tsx';
import { misfitSentence } from './misfits.ts';
import { Part, type IPageParts } from './view.tsx';

/** A request to the model, its answer, and how a program sends it. */
export function Asking(parts: IPageParts & { endpoint: Endpoint }) {
  const { page, trans } = parts;
  const { model } = page;
  if (model === null) {
    return (
      <Part title={trans.__('Ask the model')}>
        <p className="lbd-Empty">{trans.__('Loading …')}</p>
      </Part>
    );
  }
  return <AskingModel {...parts} model={model} />;
}

function AskingModel(parts: IPageParts & { endpoint: Endpoint; model: ModelVersion }) {
  const { endpoint, model, trans } = parts;
  const request = useRequest(model);
  const { form, filling } = request;
  const body = requestBody(form, valuesOf(filling));
  const { ask, asking, given } = useAsking(parts);
  const problem = (field: IField): string | null => {
    const { value, broken } = filling[field.name] ?? { value: null, broken: null };
    const found = misfit(field, value);
    return broken ?? (found && misfitSentence(found, trans));
  };
  const whole = form.fields.every(field => problem(field) === null);
  return (
    <>
      <Part title={trans.__('Ask the model')}>
        <form
          className="lbd-Asking"
          onSubmit={event => {
            event.preventDefault();
            void ask(body);
          }}
        >
          <div className="lbd-Asking-inputs">
            <Origin model={model} request={request} trans={trans} />
            <Inputs request={request} problem={problem} trans={trans} />
            <Send endpoint={endpoint} whole={whole} asking={asking} trans={trans} />
          </div>
          <div className="lbd-Asking-answer" aria-live="polite" aria-busy={asking}>
            <Answer given={given} endpoint={endpoint} trans={trans} />
          </div>
        </form>
      </Part>
      <Part title={trans.__('From a program')}>
        <Program endpoint={endpoint} body={body} trans={trans} />
      </Part>
    </>
  );
}

/** A request that a person fills in. */
interface IRequest {
  readonly form: IRequestForm;
  readonly filling: Filling;
  /** The row of the sample that it began with. */
  readonly row: number;
  readonly choose: (row: number) => void;
  readonly type: (name: string, change: { value: Json } | { broken: string }) => void;
}

/** The request to a model; another version of it takes over what was typed. */
function useRequest(model: ModelVersion): IRequest {
  const [{ of, form, filling, row }, set] = React.useState(() => requestTo(model));
  if (of !== model.id) {
    const next = requestTo(model);
    set({ ...next, filling: carriedOver(filling, form, next.form, model.id) });
  }
  return {
    form,
    filling,
    row,
    choose: at => set(old => ({ ...old, row: at, filling: begun(old.form, model.id, at) })),
    type: (name, change) => set(old => ({ ...old, filling: typed(old.filling, name, change) }))
  };
}

function requestTo(model: ModelVersion) {
  const form = requestForm(model.signature ?? {}, model.sample ?? null);
  return { of: model.id, form, filling: begun(form, model.id), row: 0 };
}

/** Sends requests, one at a time, and has what was answered last. */
function useAsking({ page, endpoint }: IPageParts & { endpoint: Endpoint }) {
  const [asking, setAsking] = React.useState(false);
  const [given, setGiven] = React.useState<IPrediction | Error | null>(null);
  const ask = async (body: unknown): Promise<void> => {
    setAsking(true);
    const { project, name } = endpoint;
    setGiven(
      await page.serving.service.predict(project, name, body).catch(error => asError(error))
    );
    setAsking(false);
  };
  return { ask, asking, given };
}

function Inputs(props: {
  request: IRequest;
  problem: (field: IField) => string | null;
  trans: TranslationBundle;
}) {
  const { request, problem, trans } = props;
  return (
    <>
      {request.form.fields.map(field => {
        const { value = null, from = '' } = request.filling[field.name] ?? {};
        return (
          <FieldEditor
            key={`${field.name} ${from}`}
            field={field}
            value={value}
            problem={problem(field)}
            trans={trans}
            onChange={changed => request.type(field.name, { value: changed })}
            onBroken={broken => request.type(field.name, { broken })}
          />
        );
      })}
    </>
  );
}

function Send(props: {
  endpoint: Endpoint;
  whole: boolean;
  asking: boolean;
  trans: TranslationBundle;
}) {
  const { endpoint, whole, asking, trans } = props;
  const ready = serving(endpoint) !== undefined;
  return (
    <>
      <button className="jp-mod-styled jp-mod-accept" disabled={!ready || !whole || asking}>
        {asking ? trans.__('Sending …') : trans.__('Send')}
      </button>
      {!ready && <p className="lbd-Form-note">{trans.__('It can be asked once it serves.')}</p>}
    </>
  );
}

/** Where the values come from, and which row of the sample they are. */
function Origin(props: { model: ModelVersion; request: IRequest; trans: TranslationBundle }) {
  const { model, request, trans } = props;
  const { rows } = request.form;
  const words = !model.sample
    ? trans.__('No sample was kept of this model: fill in an input of your own.')
    : model.sample.made
      ? trans.__('The sample was made up to fit the model.')
      : trans.__('The sample is of what the model was trained with.');
  return (
    <div className="lbd-Form-note lbd-Asking-origin">
      {words}
      {rows > 1 && (
        <HTMLSelect
          aria-label={trans.__('Row')}
          value={request.row}
          onChange={event => request.choose(Number(event.currentTarget.value))}
        >
          {Array.from({ length: rows }, (_, at) => (
            <option key={at} value={at}>
              {trans.__('Row %1 of %2', at + 1, rows)}
            </option>
          ))}
        </HTMLSelect>
      )}
    </div>
  );
}

/** How programs send the request, in tabs. */
function Program(props: { endpoint: Endpoint; body: unknown; trans: TranslationBundle }) {
  const { endpoint, body, trans } = props;
  const ways = callings(endpoint, hubAddress(hubPlace(), endpoint.url), body, trans);
  const [chosen, choose] = React.useState(ways[0]?.title ?? '');
  const way = ways.find(one => one.title === chosen);
  const id = React.useId();
  return (
    <div className="lbd-Program">
      <Tabs
        id={id}
        label={trans.__('Ways to send it')}
        tabs={ways.map(({ title }) => ({ id: title, title }))}
        chosen={chosen}
        onChoose={choose}
      >
        {way && <CodeText text={way.text} label={way.title} trans={trans} />}
      </Tabs>
      <p className="lbd-Form-note">
        {trans.__(
          'A program sends a key of the endpoint in place of ldk_…; a notebook needs none.'
        )}{' '}
        {way?.text.includes(REQUEST) && (
          <button
            className="lbd-Link"
            onClick={() => saveFile(REQUEST, JSON.stringify(body), 'application/json')}
          >
            {trans.__('Download %1', REQUEST)}
          </button>
        )}
      </p>
    </div>
  );
}
