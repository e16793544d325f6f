import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { Words } from '../models/wording.ts';
import { problemOf } from './problem.ts';

/** The person's own server: what is asked of it, and its problems as sentences. */
export class Connection {
  readonly #settings: ServerConnection.ISettings;
  readonly #away: string;
  readonly #lost: string;

  constructor(settings: ServerConnection.ISettings, trans: Words) {
    this.#settings = settings;
    this.#away = trans.__('Your server does not answer: it may have been stopped.');
    this.#lost = trans.__(
      'Your server stopped answering. The job may have been submitted all the same: look among your jobs before you train again.'
    );
  }

  /** The address of something on the server. */
  url(...parts: string[]): string {
    return URLExt.join(this.#settings.baseUrl, ...parts);
  }

  /** Ask for an address. Throws a Problem, also where nothing answers. */
  async request(url: string, init: RequestInit = {}): Promise<Response> {
    const answer = await this.#send(url, init);
    if (!answer.ok) {
      throw this.problem(await answer.json().catch(() => null));
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
