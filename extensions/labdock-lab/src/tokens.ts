import { Token } from '@lumino/coreutils';

import type { JobList } from './models/jobs.ts';
import type { JobsView } from './models/jobsview.ts';
import type { Service } from './service/service.ts';

/** The one way to Labdock's service: calls, and what changes. */
export const IService = new Token<Service>(
  'labdock-lab:IService',
  'Calls of the service of Labdock.'
);

/** The jobs that the person sees, kept up to date. */
export const IJobs = new Token<JobList>('labdock-lab:IJobs', 'The jobs of a person, live.');

/** Which of them are shown and selected in the side bar. */
export const IJobsView = new Token<JobsView>(
  'labdock-lab:IJobsView',
  'What is shown and selected of the jobs.'
);
