import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import {
  ICommandPalette,
  IThemeManager,
  WidgetTracker,
  type MainAreaWidget
} from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { ITranslator } from '@jupyterlab/translation';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { CommandIDs } from '../commands.ts';
import { hubPlace } from '../hubplace.ts';
import { curvesIcon } from '../icons.ts';
import type { IBoard } from '../mainviews/tensorboard/widget.ts';

/** Opens TensorBoard in tabs. */
export const tensorBoardPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:tensorboard',
  description: 'TensorBoard of a project, or of some jobs, in a tab.',
  autoStart: true,
  requires: [ITranslator],
  optional: [ICommandPalette, ILayoutRestorer, IThemeManager],
  activate
};

function activate(
  app: JupyterFrontEnd,
  translator: ITranslator,
  palette: ICommandPalette | null,
  restorer: ILayoutRestorer | null,
  themes: IThemeManager | null
): void {
  const trans = translator.load('labdock');
  const boards = new WeakMap<MainAreaWidget, IBoard>();
  const tracker = new WidgetTracker<MainAreaWidget>({ namespace: 'labdock-tensorboards' });
  app.commands.addCommand(CommandIDs.openTensorBoard, {
    label: trans.__('Open TensorBoard'),
    icon: curvesIcon,
    describedBy: { args: DESCRIBED },
    execute: async args => {
      const board = boardOf(args);
      const { TensorBoardWidget, tensorBoardId } =
        await import('../mainviews/tensorboard/widget.ts');
      const open = tracker.find(one => one.id === tensorBoardId(board));
      if (!open) {
        const widget = new TensorBoardWidget(board, hubPlace(), themes, trans);
        boards.set(widget, board);
        await tracker.add(widget);
        app.shell.add(widget, 'main', { type: 'Labdock' });
      }
      app.shell.activateById(tensorBoardId(board));
    }
  });
  palette?.addItem({ command: CommandIDs.openTensorBoard, category: trans.__('Labdock') });
  void restorer?.restore(tracker, {
    command: CommandIDs.openTensorBoard,
    args: widget => argsOf(boards.get(widget)),
    name: widget => widget.id
  });
}

const DESCRIBED = {
  type: 'object',
  properties: {
    project: { type: 'string' },
    jobs: { type: 'array', items: { type: 'string' } },
    grid: { type: 'string' }
  }
} as const;

function boardOf(args: ReadonlyPartialJSONObject): IBoard {
  const { project, jobs, grid } = args;
  const named = Array.isArray(jobs) ? jobs.filter(job => typeof job === 'string') : [];
  return {
    project:
      (typeof project === 'string' && project) ||
      PageConfig.getOption('labdockProject') ||
      PageConfig.getOption('hubUser'),
    runs: typeof grid === 'string' && grid ? [...named, grid] : named
  };
}

function argsOf(board: IBoard | undefined): ReadonlyPartialJSONObject {
  return board ? { project: board.project, jobs: [...board.runs] } : {};
}
