import { IRouter, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, Notification } from '@jupyterlab/apputils';
import { ITranslator } from '@jupyterlab/translation';
import { linkIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from '../commands.ts';
import { hubPlace } from '../hubplace.ts';
import { hubAddress } from '../models/hubaddress.ts';
import { LINK, linkedBy, linkTo, type Linked } from '../models/links.ts';

const FOLLOW = 'labdock:follow-link';

/** Opens what a link leads to, and makes such links. */
export const linksPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:links',
  description: 'Links to jobs and endpoints that open for members of their project.',
  autoStart: true,
  requires: [IRouter, ITranslator],
  activate
};

function activate(app: JupyterFrontEnd, router: IRouter, translator: ITranslator): void {
  const trans = translator.load('labdock');
  const { commands } = app;
  const linkedOf = (args: ReadonlyPartialJSONObject) =>
    namedBy(args) ?? namedBy(rowOf(app.contextMenuHitTest(isRow)));
  commands.addCommand(FOLLOW, {
    label: trans.__('Follow a Link of Labdock'),
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      const linked = linkedBy(router.current.search ?? '');
      await app.restored; // what was open before comes first, and this on top of it
      if (linked !== null) {
        const { pathname } = window.location;
        window.history.replaceState({}, '', pathname); // a reload opens it no second time
        await open(app, linked);
      }
    }
  });
  router.register({ command: FOLLOW, pattern: LINK });
  commands.addCommand(CommandIDs.copyLink, {
    label: trans.__('Copy Link'),
    icon: linkIcon,
    caption: trans.__('Copy a link that opens this for members of its project'),
    describedBy: {
      args: {
        type: 'object',
        properties: {
          id: { type: 'string', description: trans.__('A job.') },
          project: { type: 'string' },
          name: { type: 'string', description: trans.__('An endpoint of the project.') }
        }
      }
    },
    isEnabled: args => linkedOf(args) !== null,
    execute: args => {
      const linked = linkedOf(args);
      if (linked !== null) {
        Clipboard.copyToSystem(linkTo(linked, hubAddress(hubPlace(), '/hub/')));
        Notification.info(trans.__('The link is copied. It opens for members of the project.'), {
          autoClose: 5_000
        });
      }
    }
  });
}

async function open(app: JupyterFrontEnd, linked: Linked): Promise<void> {
  if (linked.kind === 'job') {
    await app.commands.execute(CommandIDs.openJob, { id: linked.id });
  } else {
    const { project, name } = linked;
    await app.commands.execute(CommandIDs.openEndpoint, { project, name });
  }
}

/** What the arguments name. */
function namedBy({ id, project, name }: ReadonlyPartialJSONObject): Linked | null {
  if (typeof id === 'string') {
    return ofJob(id);
  }
  return typeof project === 'string' && typeof name === 'string'
    ? { kind: 'endpoint', project, name }
    : null;
}

function ofJob(id: string | undefined): Linked | null {
  return id === undefined ? null : { kind: 'job', id };
}

function isRow(node: HTMLElement): boolean {
  return node.matches('.lbd-JobRow, .lbd-ServingRow');
}

function rowOf(row: HTMLElement | undefined): ReadonlyPartialJSONObject {
  const { job, project, name } = row?.dataset ?? {};
  return job === undefined ? { project, name } : { id: job };
}
