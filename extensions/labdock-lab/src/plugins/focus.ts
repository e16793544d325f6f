import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { CommandIDs } from '../commands.ts';

/** The side bar that a command shows. */
const SHOWN = new Map<string, string>([
  [CommandIDs.openJobs, 'labdock-jobs'],
  [CommandIDs.openServing, 'labdock-serving']
]);

/** Puts the focus where somebody without a mouse goes on, and JupyterLab leaves it elsewhere. */
export const focusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:focus',
  description: 'Keeps the focus in the side bars for keyboards.',
  autoStart: true,
  activate: (app: JupyterFrontEnd) => {
    app.commands.commandExecuted.connect((_, { id }) => {
      const panel = SHOWN.get(id);
      if (panel !== undefined) {
        // The palette gives the focus to the tab in front, once its command is under way.
        requestAnimationFrame(() => app.shell.activateById(panel));
      }
    });
    let before: Element | null = null;
    app.contextMenu.opened.connect(() => (before = document.activeElement));
    app.contextMenu.menu.aboutToClose.connect(() => {
      const owner = before;
      requestAnimationFrame(() => {
        if (document.activeElement === document.body && owner instanceof HTMLElement) {
          owner.focus();
        }
      });
    });
  }
};
