import { MainAreaWidget } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { CommandToolbarButton, ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import * as React from 'react';

import { CommandIDs } from '../../commands.ts';
import { keepReachable } from '../../components/toolbarkeys.ts';
import { servingIcon } from '../../icons.ts';
import { EndpointPage } from '../../models/endpointpage.ts';
import type { Serving } from '../../models/serving.ts';
import { EndpointView } from './view.tsx';

const BUTTONS = [
  CommandIDs.deployVersion,
  CommandIDs.undoDeploy,
  CommandIDs.deleteEndpoint,
  CommandIDs.copyLink
];

/** An endpoint's tab. */
export class EndpointWidget extends MainAreaWidget<ReactWidget> {
  readonly page: EndpointPage;

  constructor(
    serving: Serving,
    commands: CommandRegistry,
    trans: TranslationBundle,
    place: { project: string; name: string }
  ) {
    const page = new EndpointPage(serving, place.project, place.name);
    const content = ReactWidget.create(
      <UseSignal signal={page.changed}>
        {() => <EndpointView page={page} commands={commands} trans={trans} />}
      </UseSignal>
    );
    super({ content });
    for (const id of BUTTONS) {
      this.toolbar.addItem(id, new CommandToolbarButton({ commands, id, args: { ...place } }));
    }
    keepReachable(this.toolbar.node);
    this.page = page;
    this.id = `labdock-endpoint-${place.project}/${place.name}`;
    this.title.label = place.name;
    this.title.caption = trans.__('Endpoint %1 of project %2', place.name, place.project);
    this.title.icon = servingIcon;
    this.title.closable = true;
    content.addClass('lbd-Endpoint');
    content.node.setAttribute('role', 'region');
    content.node.setAttribute('aria-label', this.title.caption);
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.page.shown = true;
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.page.shown = this.isVisible;
  }

  protected override onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    this.page.shown = false;
  }

  override dispose(): void {
    this.page.dispose();
    super.dispose();
  }
}
