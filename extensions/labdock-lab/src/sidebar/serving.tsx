import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, SidePanel, UseSignal } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { CommandIDs } from '../commands.ts';
import { moveByArrows } from '../components/arrowkeys.ts';
import { useEveryMinute } from '../components/everyminute.ts';
import { endpointMark, endpointSentence } from '../components/states.ts';
import { Trouble } from '../components/trouble.tsx';
import { servingIcon } from '../icons.ts';
import type { Serving } from '../models/serving.ts';
import { figure, timeAgo } from '../models/wording.ts';
import type { Endpoint, ModelVersion } from '../service/types.ts';

const FIRST_MODELS = 50;

interface IParts {
  readonly serving: Serving;
  readonly commands: CommandRegistry;
  readonly trans: TranslationBundle;
}

/** The side bar of endpoints and of the models that may go behind them. */
export class ServingPanel extends SidePanel {
  readonly #serving: Serving;

  constructor(serving: Serving, commands: CommandRegistry, trans: TranslationBundle) {
    super();
    this.#serving = serving;
    this.id = 'labdock-serving';
    this.addClass('lbd-Serving');
    this.title.icon = servingIcon;
    this.title.caption = trans.__('Models and Endpoints');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Models and Endpoints'));
    const parts = { serving, commands, trans };
    this.header.addWidget(ReactWidget.create(<Troubles {...parts} />));
    this.addWidget(section(trans.__('Endpoints'), <Endpoints {...parts} />));
    this.addWidget(section(trans.__('Models'), <Models {...parts} />));
  }

  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    const row = this.node.querySelector<HTMLElement>('[data-row]');
    (row ?? this.node.querySelector<HTMLElement>('.jp-AccordionPanel-title'))?.focus();
  }

  protected override onBeforeShow(msg: Message): void {
    super.onBeforeShow(msg);
    this.#serving.begin();
  }
}

function section(title: string, content: React.ReactElement): ReactWidget {
  const widget = ReactWidget.create(content);
  widget.title.label = title;
  widget.addClass('lbd-Serving-section');
  return widget;
}

/** Above both lists, so that it is seen whichever of them is open. */
function Troubles({ serving, trans }: IParts) {
  const { endpoints, models, service } = serving;
  return (
    <UseSignal signal={models.changed}>
      {() => (
        <UseSignal signal={endpoints.changed}>
          {() => (
            <Trouble
              live={service.live}
              problem={endpoints.problem ?? models.problem}
              trans={trans}
              onRetry={() => serving.retry()}
            />
          )}
        </UseSignal>
      )}
    </UseSignal>
  );
}

function Endpoints({ serving, commands, trans }: IParts) {
  return (
    <UseSignal signal={serving.models.changed}>
      {() => (
        <UseSignal signal={serving.endpoints.changed}>
          {() => (
            <>
              {serving.endpoints.loaded && serving.endpoints.endpoints.length === 0 && (
                <p className="lbd-Empty">
                  {trans.__('There are no endpoints yet. Deploy a model to make one.')}
                </p>
              )}
              <ul className="lbd-Serving-list" onKeyDown={moveByArrows}>
                {serving.endpoints.endpoints.map(endpoint => (
                  <EndpointRow
                    key={endpoint.id}
                    endpoint={endpoint}
                    models={serving.models.models}
                    trans={trans}
                    onOpen={() => void commands.execute(CommandIDs.openEndpoint, args(endpoint))}
                  />
                ))}
              </ul>
            </>
          )}
        </UseSignal>
      )}
    </UseSignal>
  );
}

function args({ project, name }: Endpoint) {
  return { project, name };
}

function EndpointRow(props: {
  endpoint: Endpoint;
  models: readonly ModelVersion[];
  trans: TranslationBundle;
  onOpen: () => void;
}) {
  const { endpoint, models, trans, onOpen } = props;
  return (
    <li>
      <button
        className="lbd-ServingRow"
        data-row
        data-endpoint={endpoint.id}
        data-project={endpoint.project}
        data-name={endpoint.name}
        onClick={onOpen}
      >
        <span className="lbd-Mark" data-state={endpointMark(endpoint)} aria-hidden="true" />
        <span className="lbd-ServingRow-name">{endpoint.name}</span>
        <span className="lbd-ServingRow-note">{endpoint.project}</span>
        <span className="lbd-ServingRow-more">{endpointSentence(endpoint, models, trans)}</span>
      </button>
    </li>
  );
}

function Models({ serving, commands, trans }: IParts) {
  const [shown, setShown] = React.useState(FIRST_MODELS);
  return (
    <UseSignal signal={serving.models.changed}>
      {() => {
        const { models, loaded } = serving.models;
        return (
          <>
            {loaded && models.length === 0 && (
              <p className="lbd-Empty">
                {trans.__('There are no models yet. A job that trains a Keras model saves it.')}
              </p>
            )}
            <ul className="lbd-Serving-list" onKeyDown={moveByArrows}>
              {models.slice(0, shown).map(model => (
                <ModelRow key={model.id} model={model} commands={commands} trans={trans} />
              ))}
            </ul>
            {models.length > shown && (
              <button
                className="jp-mod-styled lbd-More"
                onClick={() => setShown(shown + FIRST_MODELS)}
              >
                {trans.__('Show more models')}
              </button>
            )}
          </>
        );
      }}
    </UseSignal>
  );
}

const ModelRow = React.memo(function ModelRow(props: {
  model: ModelVersion;
  commands: CommandRegistry;
  trans: TranslationBundle;
}) {
  const { model, commands, trans } = props;
  useEveryMinute();
  const name = trans.__('%1 version %2', model.name, model.version);
  const deploy = (): void => void commands.execute(CommandIDs.deploy, { model: model.id });
  return (
    <li className="lbd-ModelRow" data-model={model.id}>
      <span className="lbd-ServingRow-name" title={name}>
        {name}
      </span>
      <button
        className="jp-mod-styled jp-mod-minimal lbd-ModelRow-deploy"
        data-row
        aria-label={trans.__('Deploy %1', name)}
        onClick={deploy}
      >
        {trans.__('Deploy')}
      </button>
      <span className="lbd-ServingRow-more">
        {[model.project, ...metrics(model), timeAgo(model.created)].join(' · ')}
      </span>
      {model.check.state === 'different' && (
        <span className="lbd-ServingRow-more lbd-Warning" title={model.check.reason}>
          {trans.__('It does not answer as the trained model did.')}
        </span>
      )}
    </li>
  );
});

/** The first metrics of a model, as a line has room for. */
function metrics(model: ModelVersion): string[] {
  return Object.entries(model.metrics ?? {})
    .slice(0, 2)
    .map(([name, value]) => `${name} ${figure(value)}`);
}
