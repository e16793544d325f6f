import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { problemOf } from './problem.ts';
import type { AcquireRequest, ReleaseRequest, ServerFigures, ServerLease } from './types.ts';

const AWAY = 'Your server does not answer: it may have been stopped.';

/** What the person's own server says of itself, and does with its GPUs. */
export class NotebookServer {
  readonly #settings: ServerConnection.ISettings;

  constructor(settings: ServerConnection.ISettings) {
    this.#settings = settings;
  }

  figures(): Promise<ServerFigures> {
    return this.#ask('labdock/figures');
  }

  lease(): Promise<ServerLease> {
    return this.#ask('labdock/gpus');
  }

  release(body: ReleaseRequest): Promise<ServerLease> {
    return this.#ask('labdock/gpus/release', body);
  }

  acquire(body: AcquireRequest): Promise<ServerLease> {
    return this.#ask('labdock/gpus/acquire', body);
  }

  async #ask<T>(path: string, body?: object): Promise<T> {
    const url = URLExt.join(this.#settings.baseUrl, path);
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await ServerConnection.makeRequest(url, init, this.#settings);
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok) {
      throw problemOf(answer, AWAY);
    }
    return answer as T;
  }
}
