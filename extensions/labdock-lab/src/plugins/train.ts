import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification, type Dialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { DocumentWidget, type DocumentRegistry } from '@jupyterlab/docregistry';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { Contents } from '@jupyterlab/services';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';

import { CommandIDs } from '../commands.ts';
import { labdockIcon } from '../icons.ts';
import type { JobList } from '../models/jobs.ts';
import { isWithin } from '../models/paths.ts';
import { readChoice } from '../models/trainchoice.ts';
import { TrainForm, type ITrainSource } from '../models/trainform.ts';
import { sentenceOf } from '../service/problem.ts';
import { answered, type Service } from '../service/service.ts';
import { TrainingServer } from '../service/trainingserver.ts';
import type { Job } from '../service/types.ts';
import { IJobs, IService } from '../tokens.ts';

const KEPT = 'labdock-lab:train:';
const SAVED_WITHIN = 5_000;
/** Milliseconds. */
const ENTRIES = ['.ipynb', '.py'];

/** Submits a notebook, a script or a folder by a dialog. */
export const trainPlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:train',
  description: 'Train, on notebooks, scripts and folders.',
  autoStart: true,
  requires: [IService, IJobs, ITranslator, IDocumentManager, IStateDB],
  optional: [ICommandPalette, IFileBrowserFactory],
  activate
};

function activate(
  app: JupyterFrontEnd,
  service: Service,
  jobs: JobList,
  translator: ITranslator,
  documents: IDocumentManager,
  state: IStateDB,
  palette: ICommandPalette | null,
  browsers: IFileBrowserFactory | null
): void {
  const trans = translator.load('labdock');
  const training = new Training(app, service, jobs, documents, state, trans);
  const pathArgs = {
    type: 'object',
    properties: {
      path: { type: 'string', description: trans.__('A notebook, a script or a folder.') }
    }
  } as const;

  const selected = (): Contents.IModel | null => {
    const items = [...(browsers?.tracker.currentWidget?.selectedItems() ?? [])];
    const one = items.length === 1 ? items[0] : undefined;
    return one && (one.type === 'directory' || isEntry(one.path)) ? one : null;
  };
  app.commands.addCommand(CommandIDs.train, {
    label: trans.__('Train…'),
    caption: trans.__('Run this notebook or script as a job, on one worker or many'),
    icon: labdockIcon,
    describedBy: { args: pathArgs },
    isEnabled: args => typeof args['path'] === 'string' || currentPath(app) !== null,
    execute: args => {
      const path = typeof args['path'] === 'string' ? args['path'] : currentPath(app);
      return path === null ? undefined : training.ask(path);
    }
  });
  app.commands.addCommand(CommandIDs.trainSelected, {
    label: trans.__('Train…'),
    caption: trans.__('Run what is selected in the file browser as a job'),
    icon: labdockIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    isEnabled: () => selected() !== null,
    execute: () => {
      const path = selected()?.path;
      return path === undefined ? undefined : training.ask(path);
    }
  });
  palette?.addItem({ command: CommandIDs.train, category: trans.__('Labdock') });
  const { contents } = app.serviceManager;
  contents.fileChanged.connect((_, change) => void training.follow(change));
  app.shell.currentChanged?.connect(() => app.commands.notifyCommandChanged(CommandIDs.train));
}

function isEntry(path: string): boolean {
  return ENTRIES.includes(PathExt.extname(path));
}

/** The path of the notebook or script that is looked at. */
function currentPath(app: JupyterFrontEnd): string | null {
  const { currentWidget } = app.shell;
  const path = currentWidget instanceof DocumentWidget ? currentWidget.context.path : '';
  return isEntry(path) ? path : null;
}

/** Saves, asks, submits, and tells of what was submitted. */
class Training {
  readonly #app: JupyterFrontEnd;
  readonly #source: ITrainSource;
  readonly #jobs: JobList;
  readonly #documents: IDocumentManager;
  readonly #state: IStateDB;
  readonly #trans: TranslationBundle;
  #asking = false;

  constructor(
    app: JupyterFrontEnd,
    service: Service,
    jobs: JobList,
    documents: IDocumentManager,
    state: IStateDB,
    trans: TranslationBundle
  ) {
    this.#app = app;
    this.#source = sourceOf(service, new TrainingServer(service.connection));
    this.#jobs = jobs;
    this.#documents = documents;
    this.#state = state;
    this.#trans = trans;
  }

  /** Open the dialog for a notebook, a script or a folder; one at a time. */
  async ask(path: string): Promise<void> {
    if (this.#asking) {
      return;
    }
    this.#asking = true;
    try {
      const unsaved = await this.#save(path);
      if (unsaved === null) {
        await this.#show(this.#app.serviceManager.contents.localPath(path));
      } else {
        Notification.error(unsaved, { autoClose: false });
      }
    } finally {
      this.#asking = false;
    }
  }

  /** A choice stays with its file, also where that gets another name. */
  async follow({ type, oldValue, newValue }: Contents.IChangedArgs): Promise<void> {
    if (type === 'rename' && oldValue?.path && newValue?.path) {
      const kept = await this.#state.fetch(KEPT + oldValue.path);
      if (kept !== undefined) {
        await this.#state.save(KEPT + newValue.path, kept);
        await this.#state.remove(KEPT + oldValue.path);
      }
    }
  }

  async #show(path: string): Promise<void> {
    const [{ TrainDialog }, kept] = await Promise.all([
      import('../dialogs/train.tsx'),
      this.#state.fetch(KEPT + path)
    ]);
    const form = new TrainForm(path, readChoice(kept), this.#source, this.#trans);
    const name = PathExt.basename(path) || this.#trans.__('this folder');
    const dialog: Dialog<null> = new TrainDialog(
      form,
      () => this.#submit(form, dialog),
      name,
      this.#trans
    );
    void form.load();
    await dialog.launch();
    if (form.step === null) {
      form.dispose();
    }
  }

  /** Submit, and tell of it: also of what went wrong, where the dialog was closed meanwhile. */
  async #submit(form: TrainForm, dialog: IDisposable): Promise<Job | null> {
    const { parameters, secrets, ...others } = form.choice;
    await this.#state.save(KEPT + form.path, {
      ...others,
      parameters: { ...parameters },
      secrets: [...secrets]
    });
    const job = await form.submit();
    if (job !== null) {
      this.#jobs.add(job);
      this.#tell(job);
    } else if (dialog.isDisposed && form.anyProblem !== null) {
      Notification.error(form.anyProblem, { autoClose: false });
    }
    return job;
  }

  #tell(job: Job): void {
    const { commands } = this.#app;
    const showsJob = commands.hasCommand(CommandIDs.openJob);
    const action = showsJob
      ? {
          label: this.#trans.__('Show job'),
          callback: () => void commands.execute(CommandIDs.openJob, { id: job.id })
        }
      : {
          label: this.#trans.__('Show jobs'),
          callback: () => void commands.execute(CommandIDs.openJobs)
        };
    Notification.success(this.#trans.__('%1 was submitted.', job.name), {
      autoClose: 8000,
      actions: [action]
    });
  }

  /** Save what is open of this path, or below it; a sentence where that is not possible. */
  async #save(path: string): Promise<string | null> {
    const { shell } = this.#app;
    const open = ['main', 'left', 'right', 'down'].flatMap(area => [...shell.widgets(area)]);
    const found = open.map(widget => this.#documents.contextForWidget(widget));
    const contexts = new Set(found.filter(context => context !== undefined));
    for (const context of contexts) {
      const problem = isWithin(context.path, path) ? await this.#saveOne(context) : null;
      if (problem !== null) {
        return problem;
      }
    }
    return null;
  }

  async #saveOne(context: DocumentRegistry.Context): Promise<string | null> {
    if (context.model.collaborative) {
      await savedByServer(context.model);
    }
    if (!context.model.dirty) {
      return null;
    }
    const name = PathExt.basename(context.path);
    if (!context.contentsModel?.writable) {
      return this.#trans.__(
        '%1 has changes and cannot be written, so nothing was submitted: save it under another name.',
        name
      );
    }
    try {
      await context.save();
      return null;
    } catch (error) {
      const why = sentenceOf(error);
      return this.#trans.__('%1 was not saved (%2), so nothing was submitted.', name, why);
    }
  }
}

/** What several people have open its server saves by itself, a second after the last change. */
async function savedByServer(model: DocumentRegistry.IModel): Promise<void> {
  await new Promise<void>(resolve => {
    const look = () => {
      if (!model.dirty) {
        finish();
      }
    };
    const timer = setTimeout(finish, SAVED_WITHIN);
    model.stateChanged.connect(look);
    look();
    function finish() {
      model.stateChanged.disconnect(look);
      clearTimeout(timer);
      resolve();
    }
  });
}

function sourceOf(service: Service, own: TrainingServer): ITrainSource {
  const { api } = service;
  return {
    environments: () => answered(api.GET('/environments')),
    projects: async () => (await answered(api.GET('/me'))).projects,
    secrets: async project => {
      const query = project ? { project } : {};
      const found = await answered(api.GET('/secrets', { params: { query } }));
      return [...new Set(found.map(secret => secret.name))].sort();
    },
    forecast: (workers, each, signal) =>
      answered(api.GET('/start-forecast', { params: { query: { workers, ...each } }, signal })),
    entry: path => own.entry(path),
    check: (request, signal) => own.check(request, signal),
    preview: (path, environment, signal) => own.preview(path, environment, signal),
    submit: (request, report) => own.submit(request, report)
  };
}
