import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect } from '@jupyterlab/ui-components';
import * as React from 'react';

import { callings, REQUEST } from '../../models/calling.ts';
import { CodeText } from '../../components/codetext.tsx';
import { hubPlace } from '../../components/hubplace.ts';
import { saveFile } from '../../components/savefile.ts';
import { hubAddress } from '../../models/hubaddress.ts';
import { serving } from '../../models/endpoints.ts';
import {
  firstValue,
  misfit,
  requestBody,
  requestForm,
  type IField
} from '../../models/requestform.ts';
import type { Json } from '../../models/tensors.ts';
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
  return <AskingModel key={model.id} {...parts} model={model} />;
}

interface IAsked extends IPageParts {
  readonly endpoint: Endpoint;
  readonly model: ModelVersion;
}

function AskingModel(parts: IAsked) {
  const { endpoint, trans } = parts;
  const request = useRequest(parts);
  return (
    <>
      <Part title={trans.__('Ask the model')}>
        <form
          className="lbd-Asking"
          onSubmit={event => {
            event.preventDefault();
            void request.ask();
          }}
        >
          <Inputs {...parts} request={request} />
          <div className="lbd-Asking-answer" aria-live="polite" aria-busy={request.asking}>
            <Answer given={request.given} endpoint={endpoint} trans={trans} />
          </div>
        </form>
      </Part>
      <Part title={trans.__('From a program')}>
        <Program endpoint={endpoint} body={request.body} trans={trans} />
      </Part>
    </>
  );
}

type Request = ReturnType<typeof useRequest>;

/** The request as it stands in the form, and what was answered to the last one. */
function useRequest({ page, endpoint, model, trans }: IAsked) {
  const form = React.useMemo(
    () => requestForm(model.signature ?? {}, model.sample ?? null),
    [model]
  );
  const begun = (at: number): Record<string, Json> =>
    Object.fromEntries(form.fields.map(field => [field.name, firstValue(form, field, at)]));
  const [row, setRow] = React.useState(0);
  const [values, setValues] = React.useState(() => begun(0));
  const [broken, setBroken] = React.useState<Readonly<Record<string, string>>>({});
  const [asking, setAsking] = React.useState(false);
  const [given, setGiven] = React.useState<IPrediction | Error | null>(null);
  const body = requestBody(form, values);
  const ask = async (): Promise<void> => {
    setAsking(true);
    const { project, name } = endpoint;
    setGiven(
      await page.serving.service
        .predict(project, name, body)
        .catch(error => (error instanceof Error ? error : new Error(String(error))))
    );
    setAsking(false);
  };
  return {
    ...{ form, row, values, body, asking, given, ask },
    problem: (field: IField): string | null => {
      const found = misfit(field, values[field.name] ?? null);
      return broken[field.name] ?? (found && misfitSentence(found, trans));
    },
    change: (name: string, value: Json): void => {
      setValues(old => ({ ...old, [name]: value }));
      setBroken(({ [name]: _, ...others }) => others);
    },
    refuse: (name: string, why: string): void => setBroken(old => ({ ...old, [name]: why })),
    choose: (at: number): void => {
      setRow(at);
      setValues(begun(at));
      setBroken({});
    }
  };
}

function Inputs({ endpoint, model, trans, request }: IAsked & { request: Request }) {
  const { form, row, values, asking, problem } = request;
  const ready = serving(endpoint) !== undefined;
  const whole = form.fields.every(field => problem(field) === null);
  return (
    <div className="lbd-Asking-inputs">
      <Origin model={model} rows={form.rows} row={row} onChoose={request.choose} trans={trans} />
      {form.fields.map(field => (
        <FieldEditor
          key={`${field.name} ${row}`}
          field={field}
          value={values[field.name] ?? null}
          problem={problem(field)}
          trans={trans}
          onChange={value => request.change(field.name, value)}
          onBroken={why => request.refuse(field.name, why)}
        />
      ))}
      <button className="jp-mod-styled jp-mod-accept" disabled={!ready || !whole || asking}>
        {asking ? trans.__('Sending …') : trans.__('Send')}
      </button>
      {!ready && <p className="lbd-Form-note">{trans.__('It can be asked once it serves.')}</p>}
    </div>
  );
}

/** Where the values come from, and which row of the sample they are. */
function Origin(props: {
  model: ModelVersion;
  rows: number;
  row: number;
  onChoose: (row: number) => void;
  trans: TranslationBundle;
}) {
  const { model, rows, row, onChoose, trans } = props;
  const id = React.useId();
  const words = !model.sample
    ? trans.__('No sample was kept of this model: fill in an input of your own.')
    : model.sample.made
      ? trans.__('The sample was made up to fit the model.')
      : trans.__('The sample is of what the model was trained with.');
  return (
    <>
      <p className="lbd-Form-note">{words}</p>
      {rows > 1 && (
        <div className="lbd-Choice">
          <label htmlFor={id}>{trans.__('Row')}</label>
          <HTMLSelect
            id={id}
            value={row}
            onChange={event => onChoose(Number(event.currentTarget.value))}
          >
            {Array.from({ length: rows }, (_, at) => (
              <option key={at} value={at}>
                {trans.__('%1 of %2', at + 1, rows)}
              </option>
            ))}
          </HTMLSelect>
        </div>
      )}
    </>
  );
}

/** How programs send the request, in tabs. */
function Program(props: { endpoint: Endpoint; body: unknown; trans: TranslationBundle }) {
  const { endpoint, body, trans } = props;
  const [at, setAt] = React.useState(0);
  const address = hubAddress(hubPlace(), endpoint.url);
  const ways = callings(endpoint, address, body);
  const way = ways[at];
  const id = React.useId();
  const go = (event: React.KeyboardEvent<HTMLElement>): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step !== 0) {
      const next = (at + step + ways.length) % ways.length;
      setAt(next);
      event.currentTarget.querySelectorAll('button')[next]?.focus();
    }
  };
  return (
    <div className="lbd-Program">
      <div
        className="lbd-Tabs"
        role="tablist"
        aria-label={trans.__('Ways to send it')}
        onKeyDown={go}
      >
        {ways.map((one, index) => (
          <button
            key={one.title}
            role="tab"
            id={`${id}-${index}`}
            aria-selected={index === at}
            aria-controls={`${id}-panel`}
            tabIndex={index === at ? 0 : -1}
            onClick={() => setAt(index)}
          >
            {one.title}
          </button>
        ))}
      </div>
      {way && (
        <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${at}`}>
          <CodeText text={way.text} label={way.title} trans={trans} />
        </div>
      )}
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
