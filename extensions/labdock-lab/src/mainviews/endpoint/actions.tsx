import { Dialog, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import { deleteIcon, linkIcon, undoIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

import { CommandIDs } from '../../commands.ts';
import { servingIcon } from '../../icons.ts';
import { versionName } from '../../components/states.ts';
import { newest, undoTarget } from '../../models/endpoints.ts';
import type { Endpoint } from '../../service/types.ts';
import type { IPageParts } from './view.tsx';

/** What is done with the whole endpoint. */
export function Actions({ page, commands, trans, endpoint }: IPageParts & { endpoint: Endpoint }) {
  const [busy, setBusy] = React.useState(false);
  const { serving, project } = page;
  const before = undoTarget(endpoint);
  const name = (id: string): string => versionName(id, serving.models.models, trans);
  const run = async (what: Promise<void>): Promise<void> => {
    setBusy(true);
    await what.catch(error => showErrorMessage(trans.__('That could not be done'), error));
    setBusy(false);
  };
  const undo = async (): Promise<void> => {
    if (before === undefined) {
      return;
    }
    const asked = await showDialog({
      title: trans.__('Go back?'),
      body: trans.__(
        'Endpoint %1 goes back to revision %2, %3. What it serves now goes on until that one answers.',
        endpoint.name,
        before.number,
        name(before.model)
      ),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Go Back') })]
    });
    if (asked.button.accept) {
      await run(serving.undo(endpoint));
    }
  };
  const remove = async (): Promise<void> => {
    const asked = await showDialog({
      title: trans.__('Delete endpoint %1?', endpoint.name),
      body: trans.__(
        'Programs that use it get no answer any more, and its keys are gone. Its models stay.'
      ),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })]
    });
    if (asked.button.accept) {
      await run(serving.delete(endpoint));
    }
  };
  const model = newest(endpoint)?.model;
  return (
    <div className="lbd-Endpoint-actions">
      <button
        className="jp-mod-styled"
        disabled={busy}
        onClick={() => void commands.execute(CommandIDs.deploy, model ? { model } : {})}
      >
        <servingIcon.react tag="span" />
        {trans.__('Deploy a Version')}
      </button>
      <button
        className="jp-mod-styled"
        disabled={busy || !before}
        title={
          before
            ? trans.__('Go back to revision %1, %2', before.number, name(before.model))
            : trans.__('There is no revision before this one.')
        }
        onClick={() => void undo()}
      >
        <undoIcon.react tag="span" />
        {trans.__('Undo')}
      </button>
      <button
        className="jp-mod-styled"
        onClick={() => void commands.execute(CommandIDs.copyLink, { project, name: endpoint.name })}
      >
        <linkIcon.react tag="span" />
        {trans.__('Copy Link')}
      </button>
      <button className="jp-mod-styled" disabled={busy} onClick={() => void remove()}>
        <deleteIcon.react tag="span" />
        {trans.__('Delete')}
      </button>
    </div>
  );
}
