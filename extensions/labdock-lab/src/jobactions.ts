import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { JobList } from './models/jobs.ts';
import { losesWork } from './models/progress.ts';
import { sentenceOf } from './service/problem.ts';
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

  /** Stop jobs; it is asked for first where work would be lost. */
  async stop(jobs: readonly Job[]): Promise<void> {
    const losing = jobs.filter(losesWork);
    if (losing.length === 0 || (await this.#sure(losing))) {
      const { api } = this.#service;
      const done = await this.#each(jobs, params => api.POST('/jobs/{id}/stop', { params }));
      this.#tell(done, (count, name) =>
        this.#trans._n('%2 is being stopped.', '%1 jobs are being stopped.', count, name)
      );
    }
  }

  /** Let jobs go on that have failed or were stopped. */
  async retry(jobs: readonly Job[]): Promise<void> {
    const { api } = this.#service;
    const done = await this.#each(jobs, params => api.POST('/jobs/{id}/retry', { params }));
    this.#tell(done, (count, name) =>
      this.#trans._n(
        '%2 goes on from its last checkpoint.',
        '%1 jobs go on from their last checkpoints.',
        count,
        name
      )
    );
  }

  /** Delete jobs, and offer to have them back. */
  async delete(jobs: readonly Job[]): Promise<void> {
    const trans = this.#trans;
    const { api } = this.#service;
    const done = await this.#each(jobs, params => api.DELETE('/jobs/{id}', { params }));
    const undo = { label: trans.__('Undo'), callback: () => void this.restore(done) };
    this.#tell(
      done,
      (count, name) =>
        trans._n(
          '%2 is deleted. It can be had back for 7 days.',
          '%1 jobs are deleted. They can be had back for 7 days.',
          count,
          name
        ),
      { autoClose: UNDO, actions: [undo] }
    );
  }

  /** Have deleted jobs back. */
  async restore(jobs: readonly Job[]): Promise<void> {
    const { api } = this.#service;
    const done = await this.#each(jobs, params => api.POST('/jobs/{id}/restore', { params }));
    this.#tell(done, (count, name) =>
      this.#trans._n('%2 is back.', '%1 jobs are back.', count, name)
    );
  }

  /** Ask something of each job; those that took it. Why others did not is shown to the person. */
  async #each(
    jobs: readonly Job[],
    ask: (params: { path: { id: string } }) => Parameters<typeof answered<Job>>[0]
  ): Promise<Job[]> {
    const done: Job[] = [];
    const refused = new Set<string>();
    for (const { id } of jobs) {
      try {
        done.push(await this.#jobs.answer(answered(ask({ path: { id } }))));
      } catch (error) {
        refused.add(sentenceOf(error));
      }
    }
    refused.forEach(sentence => Notification.error(sentence));
    return done;
  }

  #tell(
    done: readonly Job[],
    sentence: (count: number, name: string) => string,
    more: Notification.IOptions<null> = { autoClose: 5_000 }
  ): void {
    const [first] = done;
    if (first !== undefined) {
      Notification.info(sentence(done.length, first.name), more);
    }
  }

  async #sure(losing: readonly Job[]): Promise<boolean> {
    const trans = this.#trans;
    const name = losing[0]?.name ?? '';
    const answer = await showDialog({
      title: trans._n('Stop %2?', 'Stop %1 jobs?', losing.length, name),
      body: trans._n(
        'It keeps nothing yet that a retry could go on from: what it has computed is lost.',
        'They keep nothing yet that a retry could go on from: what they have computed is lost.',
        losing.length
      ),
      buttons: [
        Dialog.cancelButton({
          label: trans._n('Let it run', 'Let them run', losing.length)
        }),
        Dialog.warnButton({ label: trans.__('Stop') })
      ]
    });
    return answer.button.accept;
  }
}
