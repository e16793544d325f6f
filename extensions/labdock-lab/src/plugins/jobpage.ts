import {
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification, WidgetTracker } from '@jupyterlab/apputils';
import { ITranslator, type TranslationBundle } from '@jupyterlab/translation';
import { launchIcon } from '@jupyterlab/ui-components';

import { CommandIDs } from '../commands.ts';
import type { JobView } from '../mainviews/job/page.tsx';
import type { JobList } from '../models/jobs.ts';
import type { IJobPageSource, JobPage } from '../models/jobpage.ts';
import { PARTS, readPageState, type IPageState } from '../models/pagestate.ts';
import { fetchCopy, fileUrl, readFile } from '../service/files.ts';
import { logOf } from '../service/logs.ts';
import { sentenceOf } from '../service/problem.ts';
import { answered, type Service } from '../service/service.ts';
import { IJobs, IService } from '../tokens.ts';

/** Opens a job's page as a tab, and has it there again after a reload. */
export const jobPagePlugin: JupyterFrontEndPlugin<void> = {
  id: 'labdock-lab:job-page',
  description: 'The page of a job.',
  autoStart: true,
  requires: [IService, IJobs, ITranslator],
  optional: [ILayoutRestorer],
  activate
};

function activate(
  app: JupyterFrontEnd,
  service: Service,
  jobs: JobList,
  translator: ITranslator,
  restorer: ILayoutRestorer | null
): void {
  const trans = translator.load('labdock');
  const tracker = new WidgetTracker<JobView>({ namespace: 'labdock-job' });
  let restored = false; // until then the layout says what is in front
  void app.restored.then(() => (restored = true));
  const open = async (id: string, left: IPageState) => {
    const parts = await importParts(trans);
    if (parts === null) {
      return undefined;
    }
    // there is no await from this look until the tracker has it: nobody else adds it meanwhile
    const there = tracker.find(view => view.page.id === id);
    const view = there ?? makeView(parts, app, service, jobs, trans, id);
    if (there === undefined) {
      leaveAs(view.page, left);
      await tracker.add(view);
      view.page.arranged.connect(() => void tracker.save(view));
      app.shell.add(view, 'main', { type: 'Labdock' });
    }
    if (restored) {
      app.shell.activateById(view.id);
    }
    return view;
  };
  app.commands.addCommand(CommandIDs.openJob, {
    label: trans.__('Open'),
    icon: launchIcon,
    describedBy: { args: DESCRIBED },
    execute: args => {
      const row = app.contextMenuHitTest(node => node.matches('.lbd-JobRow'));
      const id = typeof args['id'] === 'string' ? args['id'] : row?.dataset['job'];
      return id === undefined ? undefined : open(id, readPageState(args));
    }
  });
  void restorer?.restore(tracker, {
    command: CommandIDs.openJob,
    args: ({ page }) => ({ id: page.id, part: page.part, over: [...page.over] }),
    name: view => view.page.id
  });
}

const DESCRIBED = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    part: { type: 'string', enum: [...PARTS] },
    over: { type: 'array', items: { type: 'string' } }
  }
} as const;

type Parts = Pick<typeof import('../models/jobpage.ts'), 'JobPage'> &
  Pick<typeof import('../mainviews/job/page.tsx'), 'JobView'>;

/** What a page is made of; null where it could not be loaded, which is told. */
async function importParts(trans: TranslationBundle): Promise<Parts | null> {
  try {
    const [{ JobPage }, { JobView }] = await Promise.all([
      import('../models/jobpage.ts'),
      import('../mainviews/job/page.tsx')
    ]);
    return { JobPage, JobView };
  } catch {
    Notification.error(
      trans.__('The page of the job could not be loaded. Reload JupyterLab in the browser.'),
      { autoClose: false }
    );
    return null;
  }
}

function makeView(
  { JobPage, JobView }: Parts,
  app: JupyterFrontEnd,
  service: Service,
  jobs: JobList,
  trans: TranslationBundle,
  id: string
): JobView {
  const page = new JobPage(id, sourceOf(service));
  page.changed.connect(({ job }) => job && jobs.know(job)); // before its toolbar looks
  const view = new JobView({
    page,
    jobs,
    live: service.live,
    commands: app.commands,
    trans,
    url: path => fileUrl(service, id, path),
    read: path => readFile(service, id, path),
    onOpen: path => void openCopy(app, service, id, path)
  });
  view.disposed.connect(() => jobs.forget(id));
  return view;
}

/** Have a page as it was left. */
function leaveAs(page: JobPage, { part, over }: IPageState): void {
  page.part = part;
  over.forEach(id => void page.draw(id));
}

async function openCopy(
  app: JupyterFrontEnd,
  service: Service,
  job: string,
  path: string
): Promise<void> {
  try {
    const copy = await fetchCopy(service, { job, path });
    await app.commands.execute('docmanager:open', { path: copy.path });
  } catch (error) {
    Notification.error(sentenceOf(error));
  }
}

function sourceOf(service: Service): IJobPageSource {
  const { api, live } = service;
  const path = (id: string) => ({ params: { path: { id } } });
  /** A job that can be restored is among the deleted ones alone. */
  const deleted = async (id: string, error: unknown) => {
    const params = { query: { deleted: true, limit: 200 } };
    const found = await answered(api.GET('/jobs', { params })).catch(() => []);
    const job = found.find(one => one.id === id);
    if (job === undefined) {
      throw error;
    }
    return job;
  };
  return {
    live,
    job: id => answered(api.GET('/jobs/{id}', path(id))).catch(error => deleted(id, error)),
    files: id => answered(api.GET('/jobs/{id}/files', path(id))),
    snapshot: id => answered(api.GET('/snapshots/{id}', path(id))),
    source: id => answered(api.GET('/snapshots/{id}/source', path(id))),
    metrics: (id, after) =>
      answered(api.GET('/jobs/{id}/metrics', { params: { path: { id }, query: { after } } })),
    events: (job, after) =>
      answered(
        api.GET('/events', { params: { query: { job, after, limit: 1_000, progress: false } } })
      ).then(found => (Array.isArray(found) ? found : [])),
    log: (id, rank) => logOf(service, `jobs/${id}/logs`, { rank: String(rank) })
  };
}
