import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

import { JobList } from '../models/jobs.ts';
import { answered, type Service } from '../service/service.ts';
import { IJobs, IService } from '../tokens.ts';

/** Provides the jobs that the person sees. */
export const jobsPlugin: JupyterFrontEndPlugin<JobList> = {
  id: 'labdock-lab:jobs',
  description: 'The jobs of a person, live.',
  autoStart: true,
  provides: IJobs,
  requires: [IService],
  activate
};

function activate(app: JupyterFrontEnd, { api, live }: Service): JobList {
  const jobs = new JobList({
    live,
    list: (limit, before) =>
      answered(api.GET('/jobs', { params: { query: { limit, ...(before ? { before } : {}) } } }))
  });
  void app.restored.then(() => jobs.begin());
  return jobs;
}
