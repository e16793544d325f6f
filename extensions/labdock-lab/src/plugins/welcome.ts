import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification, SemanticCommand } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import { DocumentWidget } from '@jupyterlab/docregistry';
import { ILauncher } from '@jupyterlab/launcher';
import { IMainMenu } from '@jupyterlab/mainmenu';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, type TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs } from '../commands.ts';
import { labdockIcon } from '../icons.ts';
import { Tour, tourState, type Step } from '../models/tour.ts';
import { sentenceOf } from '../service/problem.ts';
import { answered, type Service } from '../service/service.ts';
import type { JobList } from '../models/jobs.ts';
import { IJobs, IService } from '../tokens.ts';
import type { IGuide } from '../tour/bubble.tsx';

const KEPT = 'labdock-lab:tour';
const NOTEBOOK = 'welcome/examples/01-digits/digits.ipynb';

/** Commands of other parts that a step is about; a step without its command is left out. */
const COMMANDS: Partial<Record<Step, string>> = {
  submitted: CommandIDs.train,
  watched: CommandIDs.openJobs,
  drawn: CommandIDs.openTensorBoard,
  deployed: CommandIDs.deploy,
  asked: CommandIDs.openEndpoint
};

/** Jobs among which the one is that a person has just submitted. */
const LATEST = 50;

const RUNS = /^(notebook:(run|restart-run)|runmenu:run)/;

/** A first morning in JupyterLab: from a notebook to a model that answers. */
export const welcomePlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:welcome',
  description: 'A short tour from a notebook to a model that answers.',
  autoStart: true,
  requires: [IService, IJobs, ITranslator, IStateDB],
  optional: [ILauncher, IMainMenu, ICommandPalette],
  activate
};

function activate(
  app: JupyterFrontEnd,
  service: Service,
  jobs: JobList,
  translator: ITranslator,
  state: IStateDB,
  launcher: ILauncher | null,
  menus: IMainMenu | null,
  palette: ICommandPalette | null
): void {
  if (PageConfig.getOption('labdockProject')) {
    return; // a project's own server has no examples
  }
  const trans = translator.load('labdock');
  const { commands } = app;
  const tour = new Tour(PageConfig.getOption('hubUser'), step => {
    const command = COMMANDS[step];
    return command === undefined || commands.hasCommand(command);
  });
  commands.addCommand(CommandIDs.startTour, {
    label: args =>
      args['cwd'] === undefined ? trans.__('Labdock: Take the Tour') : trans.__('Start here'),
    caption: trans.__('From a notebook to a model that answers, in ten minutes'),
    icon: labdockIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => tour.begin()
  });
  launcher?.add({ command: CommandIDs.startTour, category: trans.__('Labdock'), rank: 0 });
  menus?.helpMenu.addGroup([{ command: CommandIDs.startTour }], 0);
  palette?.addItem({ command: CommandIDs.startTour, category: trans.__('Labdock') });
  listen(app, service, jobs, tour);
  void keep(app, service, tour, state, trans);
}

/** Go on where the tour was, or offer it once; and keep how far it is. */
async function keep(
  app: JupyterFrontEnd,
  service: Service,
  tour: Tour,
  state: IStateDB,
  trans: TranslationBundle
): Promise<void> {
  let before = false;
  tour.changed.connect(() => {
    void state.save(KEPT, { ...tour.state });
    const { active } = tour.state;
    if (active && !before) {
      void show(app, service, tour, trans);
    } else if (!active && before && tour.answered) {
      Notification.success(trans.__('You have trained a model, and it answers. That was it.'), {
        autoClose: 20_000
      });
    }
    before = active;
  });
  await app.restored;
  const kept = await state.fetch(KEPT).catch(() => undefined);
  const known = tourState(kept);
  if (known?.active) {
    tour.resume(known);
    void catchUp(service, tour);
  } else if (known === null && isFresh(app)) {
    await state.save(KEPT, { ...tour.state }); // it is offered once
    offer(tour, trans);
  }
}

let shown = false;

async function show(
  app: JupyterFrontEnd,
  service: Service,
  tour: Tour,
  trans: TranslationBundle
): Promise<void> {
  service.live.begin();
  if (!shown) {
    shown = true;
    const { TourBubble } = await import('../tour/bubble.tsx');
    new TourBubble(tour, guide(app, service, tour), trans);
  }
}

/** Whether nothing is open but launchers. */
function isFresh(app: JupyterFrontEnd): boolean {
  return [...app.shell.widgets('main')].every(widget => widget.id.startsWith('launcher'));
}

function offer(tour: Tour, trans: TranslationBundle): void {
  Notification.info(
    trans.__('New here? In ten minutes you have trained a model, and it answers.'),
    {
      autoClose: false,
      actions: [
        { label: trans.__('Take the tour'), displayType: 'accent', callback: () => tour.begin() },
        { label: trans.__('Not now'), callback: () => undefined }
      ]
    }
  );
}

/** Hear of what a person does, wherever they do it. */
function listen(app: JupyterFrontEnd, service: Service, jobs: JobList, tour: Tour): void {
  const means = new Map<string, Step>([
    [CommandIDs.openJobs, 'watched'],
    [CommandIDs.openJob, 'watched'],
    [CommandIDs.openTensorBoard, 'drawn']
  ]);
  app.commands.commandExecuted.connect((_, { id }) => {
    const step = RUNS.test(id) ? 'ran' : means.get(id);
    if (step !== undefined) {
      tour.happened(step);
    }
  });
  jobs.changed.connect(() => tour.sawJobs(jobs.jobs.slice(0, LATEST)));
  service.live.changed.connect((_, changes) => {
    tour.sawEndpoints(changes.endpoints ?? []);
    if (changes.everything && tour.state.active) {
      void catchUp(service, tour);
    }
  });
  service.predicted.connect(() => tour.happened('asked'));
}

/** Take what has become of the tour's job and of endpoints while nobody listened. */
async function catchUp({ api }: Service, tour: Tour): Promise<void> {
  const { job: id } = tour.state;
  const params = { path: { id: id ?? '' } };
  const jobs =
    id === null ? [] : [await answered(api.GET('/jobs/{id}', { params })).catch(() => null)];
  tour.sawJobs(jobs.filter(job => job !== null));
  tour.sawEndpoints(await answered(api.GET('/endpoints')).catch(() => []));
}

function guide(app: JupyterFrontEnd, service: Service, tour: Tour): IGuide {
  const { commands } = app;
  const job = () => (tour.state.job === null ? {} : { job: tour.state.job });
  const actions: Partial<Record<Step, () => Promise<unknown>>> = {
    opened: () => commands.execute('docmanager:open', { path: NOTEBOOK }),
    ran: async () => {
      const opened: unknown = await commands.execute('docmanager:open', { path: NOTEBOOK });
      if (opened instanceof DocumentWidget) {
        await opened.context.sessionContext.ready;
        await commands.execute('notebook:run-all-cells', { [SemanticCommand.WIDGET]: opened.id });
      }
    },
    submitted: () => commands.execute(CommandIDs.train, { path: NOTEBOOK }),
    watched: () => commands.execute(CommandIDs.openJobs),
    drawn: async () => {
      const id = tour.state.job;
      const asked = id && service.api.GET('/jobs/{id}', { params: { path: { id } } });
      const project = asked ? (await answered(asked)).project : PageConfig.getOption('hubUser');
      await commands.execute(CommandIDs.openTensorBoard, { project });
    },
    deployed: () => commands.execute(CommandIDs.deploy, job())
  };
  return {
    act: step => {
      actions[step]?.().catch((error: unknown) => {
        Notification.error(sentenceOf(error));
      });
    },
    about: step => PLACES[step] ?? [],
    look: step => {
      const current = app.shell.currentWidget;
      if (step === 'opened' && current?.title.label === 'digits.ipynb') {
        tour.happened(step);
      } else if (step === 'watched' && document.querySelector('#labdock-jobs')?.checkVisibility()) {
        tour.happened(step);
      }
    }
  };
}

const JOBS_TAB = '.jp-SideBar [data-id="labdock-jobs"]';

const PLACES: Partial<Record<Step, string[]>> = {
  ran: ['.jp-NotebookPanel [data-command="notebook:restart-run-all"]'],
  submitted: [`.jp-NotebookPanel [data-command="${CommandIDs.train}"]`],
  watched: [JOBS_TAB],
  drawn: [`[data-command="${CommandIDs.openTensorBoard}"]`, JOBS_TAB],
  deployed: [`[data-command="${CommandIDs.deploy}"]`, JOBS_TAB],
  asked: ['.lbd-Asking .jp-mod-accept', '.lbd-Asking']
};
