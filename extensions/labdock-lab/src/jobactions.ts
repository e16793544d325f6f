import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { JobList } from './models/jobs.ts';
import { losesWork } from './models/progress.ts';
import { answered, type Service } from './service/service.ts';
import type { Job } from './service/types.ts';

/** Milliseconds that an offer to undo is shown; after that it is in the notifications. */
const UNDO = 15_000;

/** What people do with jobs; each tells of what it did, and of what went wrong. */
export class JobActions {
  readonly #service: Service;
  readonly #jobs: JobList;
  readonly #trans: TranslationBundle;

  constructor(service: Service, jobs: JobList, trans: TranslationBundle) {
    this.#service = service;
    this.#jobs = jobs;
    this.#trans = trans;
  }

  /** A job by id, from the list or the service. Throws a Problem. */
  async job(id: string): Promise<Job> {
    const params = { path: { id } };
    return this.#jobs.job(id) ?? answered(this.#service.api.GET('/jobs/{id}', { params }));
  }

  /** Stop a job; it is asked for first where work would be lost. */
  async stop(job: Job): Promise<void> {
    const trans = this.#trans;
    if (losesWork(job) && !(await this.#sure(job))) {
      return;
    }
    await this.#told(async () => {
      const params = { path: { id: job.id } };
      await this.#jobs.answer(answered(this.#service.api.POST('/jobs/{id}/stop', { params })));
      Notification.info(trans.__('%1 is being stopped.', job.name), { autoClose: 5_000 });
    });
  }

  async retry(job: Job): Promise<void> {
    await this.#told(async () => {
      const params = { path: { id: job.id } };
      await this.#jobs.answer(answered(this.#service.api.POST('/jobs/{id}/retry', { params })));
      const said = this.#trans.__('%1 goes on from its last checkpoint.', job.name);
      Notification.info(said, { autoClose: 5_000 });
    });
  }

  /** Delete a job, and offer to have it back. Whether it was deleted. */
  async delete(job: Job): Promise<boolean> {
    const trans = this.#trans;
    return this.#told(async () => {
      const params = { path: { id: job.id } };
      await this.#jobs.answer(answered(this.#service.api.DELETE('/jobs/{id}', { params })));
      Notification.info(trans.__('%1 is deleted. It can be had back for 7 days.', job.name), {
        autoClose: UNDO,
        actions: [{ label: trans.__('Undo'), callback: () => void this.restore(job) }]
      });
    });
  }

  /** Have a deleted job back. */
  async restore(job: Job): Promise<void> {
    await this.#told(async () => {
      const params = { path: { id: job.id } };
      await this.#jobs.answer(answered(this.#service.api.POST('/jobs/{id}/restore', { params })));
      Notification.success(this.#trans.__('%1 is back.', job.name), { autoClose: 5_000 });
    });
  }

  /** Run a function; what it throws is shown to the person. Whether it went well. */
  async #told(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      Notification.error(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  async #sure(job: Job): Promise<boolean> {
    const trans = this.#trans;
    const answer = await showDialog({
      title: trans.__('Stop %1?', job.name),
      body: trans.__(
        'It keeps nothing yet that a retry could go on from: what it has computed is lost.'
      ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Let it run') }),
        Dialog.warnButton({ label: trans.__('Stop') })
      ]
    });
    return answer.button.accept;
  }
}
