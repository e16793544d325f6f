import { MainAreaWidget, type IThemeManager } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { IFrame, ToolbarButton, launchIcon, refreshIcon } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';

import { curvesIcon } from '../../icons.ts';
import {
  hubAddress,
  isElsewhere,
  tensorBoardPath,
  type IHubPlace
} from '../../models/hubaddress.ts';

/** What a tab of TensorBoard shows: a project's runs, or those of some jobs and grids alone. */
export interface IBoard {
  readonly project: string;
  readonly runs: readonly string[];
}

/** TensorBoard in a tab, in the colours of JupyterLab. */
export class TensorBoardWidget extends MainAreaWidget<IFrame> {
  readonly board: IBoard;
  readonly #place: IHubPlace;
  readonly #themes: IThemeManager | null;
  readonly #told = new Widget();
  readonly #trans: TranslationBundle;

  constructor(
    board: IBoard,
    place: IHubPlace,
    themes: IThemeManager | null,
    trans: TranslationBundle
  ) {
    const content = new IFrame({
      // Its scripts are TensorBoard's own, and it is asked for as the person who is logged in.
      sandbox: [
        'allow-scripts',
        'allow-same-origin',
        'allow-downloads',
        'allow-popups',
        'allow-forms'
      ],
      referrerPolicy: 'same-origin'
    });
    super({ content });
    this.board = board;
    this.#place = place;
    this.#themes = themes;
    this.#trans = trans;
    this.id = tensorBoardId(board);
    this.addClass('lbd-TensorBoard');
    this.title.label = trans.__('TensorBoard');
    this.title.caption = this.#caption();
    this.title.icon = curvesIcon;
    this.title.closable = true;
    content.title.label = this.title.label;
    this.#frame?.setAttribute('title', this.title.caption);
    this.#frame?.addEventListener('load', () => this.#look());
    this.#addTools();
    themes?.themeChanged.connect(this.load, this);
    this.load();
  }

  override dispose(): void {
    this.#themes?.themeChanged.disconnect(this.load, this);
    super.dispose();
  }

  /** Load it, or load it again. */
  load(): void {
    this.#told.node.textContent = '';
    this.content.url = this.#address();
  }

  #addTools(): void {
    this.toolbar.addItem(
      'reload',
      new ToolbarButton({
        icon: refreshIcon,
        tooltip: this.#trans.__('Reload TensorBoard'),
        onClick: () => this.load()
      })
    );
    this.toolbar.addItem(
      'open',
      new ToolbarButton({
        icon: launchIcon,
        tooltip: this.#trans.__('Open TensorBoard in a browser tab'),
        onClick: () => void window.open(this.#address(), '_blank', 'noopener')
      })
    );
    this.#told.addClass('lbd-TensorBoard-told');
    this.#told.node.setAttribute('role', 'status');
    this.toolbar.addItem('told', this.#told);
  }

  get #frame(): HTMLIFrameElement | null {
    return this.content.node.querySelector('iframe');
  }

  #address(): string {
    const { project, runs } = this.board;
    const theme = this.#themes?.theme ?? null;
    const dark = theme !== null && this.#themes?.isLight(theme) === false;
    return hubAddress(this.#place, tensorBoardPath(project, runs, dark));
  }

  #caption(): string {
    const { project, runs } = this.board;
    return runs.length > 0
      ? this.#trans.__('TensorBoard of project %1: %2', project, runs.join(', '))
      : this.#trans.__('TensorBoard of project %1', project);
  }

  /** A login that has ended shows a page that no frame may show: say so, where that can be seen. */
  #look(): void {
    if (!isElsewhere(this.#place) && this.#frame?.src && !this.#frame.contentDocument) {
      this.#told.node.textContent = this.#trans.__(
        'TensorBoard cannot be shown here now: open it in a browser tab, and log in there.'
      );
    }
  }
}

/** The id of the tab that shows this. */
export function tensorBoardId({ project, runs }: IBoard): string {
  return ['labdock-tensorboard', project, ...runs].join('-');
}
