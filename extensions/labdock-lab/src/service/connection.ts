import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { Words } from '../models/wording.ts';
import { LOGGED_OUT, problemOf } from './problem.ts';
import type { ErrorBody } from './types.ts';

/** The person's own server: what is asked of it, and its problems as sentences. */
export class Connection {
  readonly #settings: ServerConnection.ISettings;
  readonly #trans: Words;
  readonly #away: ErrorBody;
  readonly #lost: ErrorBody;

  constructor(settings: ServerConnection.ISettings, trans: Words) {
    this.#settings = settings;
    this.#trans = trans;
    const detail = trans.__('Your server does not answer: it may have been stopped.');
    this.#away = { error: 'unknown', detail };
    const lost = trans.__(
      'Your server stopped answering. The job may have been submitted all the same: look among your jobs before you train again.'
    );
    this.#lost = { error: 'unknown', detail: lost };
  }

  /** The address of something on the server. */
  url(...parts: string[]): string {
    return URLExt.join(this.#settings.baseUrl, ...parts);
  }

  /** Ask for an address. Throws a Problem, also where nothing answers. */
  async request(url: string, init: RequestInit = {}): Promise<Response> {
    const answer = await this.#send(url, init);
    if (!answer.ok) {
      const body: unknown = await answer.json().catch(() => null);
      throw problemOf(body, this.#unexplained(answer.status));
    }
    return answer;
  }

  /** Ask for JSON; with a body it is sent. Throws a Problem. */
  async json<T>(url: string, body?: object, init: RequestInit = {}): Promise<T> {
    const sent = body === undefined ? init : { ...init, ...posted(body) };
    return (await (await this.request(url, sent)).json()) as T;
  }

  /** The problem that an answer tells of. */
  problem(answer: unknown): Error {
    return problemOf(answer, this.#away);
  }

  /** What a status says where Labdock has said nothing: it was not reached. */
  #unexplained(status: number): ErrorBody {
    const trans = this.#trans;
    switch (status) {
      case 401:
      case 403:
        return { error: LOGGED_OUT, detail: trans.__('Your login has ended. Log in again.') };
      case 404:
        return {
          error: 'unknown',
          detail: trans.__(
            'Your server has no Labdock, or an older one. Stop it and start it again.'
          )
        };
      case 500:
        return { error: 'internal', detail: trans.__('Your server failed. Its log says why.') };
      default:
        return this.#away;
    }
  }

  /** The problem where the answer to a submission broke off. */
  lost(): Error {
    return problemOf(null, this.#lost);
  }

  async #send(url: string, init: RequestInit): Promise<Response> {
    try {
      return await ServerConnection.makeRequest(url, init, this.#settings);
    } catch (error) {
      throw init.signal?.aborted ? error : this.problem(null);
    }
  }
}

/** What sends a body as JSON. */
export function posted(body: unknown): RequestInit {
  return { method: 'POST', body: JSON.stringify(body) };
}
