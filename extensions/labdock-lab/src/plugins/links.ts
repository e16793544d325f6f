import { IRouter, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, Notification } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from '../commands.ts';
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
        Clipboard.copyToSystem(linkTo(linked, hub()));
        Notification.info(trans.__('The link is copied. It opens for members of the project.'), {
          autoClose: 5_000
        });
      }
    }
  });
}

async function open(app: JupyterFrontEnd, linked: Linked): Promise<void> {
  if (linked.kind === 'job') {
    await app.commands.execute('labdock:open-job', { id: linked.id });
  } else {
    const { project, name } = linked;
    await app.commands.execute('labdock:open-endpoint', { project, name });
  }
}

function linkedOf({ id, project, name }: ReadonlyPartialJSONObject): Linked | null {
  if (typeof id === 'string') {
    return { kind: 'job', id };
  }
  return typeof project === 'string' && typeof name === 'string'
    ? { kind: 'endpoint', project, name }
    : null;
}

/** The hub's address; with a domain people's servers have hosts of their own. */
function hub(): string {
  const host = PageConfig.getOption('hubHost') || window.location.origin;
  return `${host}${PageConfig.getOption('hubPrefix') || '/hub/'}`;
}
