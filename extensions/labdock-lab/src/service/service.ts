import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { Signal, type ISignal } from '@lumino/signaling';
import createClient, { type Client } from 'openapi-fetch';

import { LiveChanges } from './live.ts';
import { problemOf } from './problem.ts';
import type { paths } from './schema.ts';
import { readEvents } from './sse.ts';

const API = 'labdock/api';
export const AWAY = 'Your server does not answer: it may have been stopped.';

interface IAnswer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What a model answered. */
export interface IPrediction {
  readonly answer: unknown;
  /** The id of the revision that answered. */
  readonly revision: string | null;
  /** From the page to the model and back. */
  readonly milliseconds: number;
}

/** Labdock's service, through the person's own Jupyter server: the page holds no token. */
export class Service {
  readonly #settings: ServerConnection.ISettings;
  /** One function for each method; paths, bodies and answers have the types of the API. */
  readonly api: Client<paths>;
  /** What changes, as it happens. */
  readonly live: LiveChanges;
  readonly #predicted = new Signal<this, IPrediction>(this);

  constructor(settings = ServerConnection.makeSettings()) {
    this.#settings = settings;
    this.api = createClient<paths>({
      baseUrl: URLExt.join(settings.baseUrl, API),
      fetch: request => this.#fetch(request)
    });
    this.live = new LiveChanges(async (after, signal) =>
      this.events('changes?follow=true', signal, after)
    );
  }

  /** Emitted when a model has answered. */
  get predicted(): ISignal<this, IPrediction> {
    return this.#predicted;
  }

  /** The address of something of the API, such as a file to download. */
  url(path: string): string {
    return URLExt.join(this.#settings.baseUrl, API) + '/' + path;
  }

  /** Open a stream of events. Throws a Problem. */
  async events(
    path: string,
    signal: AbortSignal,
    after?: string
  ): Promise<ReturnType<typeof readEvents>> {
    const headers: Record<string, string> = { Accept: 'text/event-stream' };
    if (after !== undefined) {
      headers['Last-Event-ID'] = after;
    }
    const response = await this.#request(this.url(path), { headers, signal });
    if (!response.ok || response.body === null) {
      throw problemOf(await response.json().catch(() => null), AWAY);
    }
    return readEvents(response.body);
  }

  /** Ask an endpoint's model through the person's server, which has the key. Throws a Problem. */
  async predict(project: string, name: string, body: unknown): Promise<IPrediction> {
    const path = `labdock/predict/${encodeURIComponent(project)}/${encodeURIComponent(name)}`;
    const url = URLExt.join(this.#settings.baseUrl, path);
    const begun = performance.now();
    const response = await this.#request(url, { method: 'POST', body: JSON.stringify(body) });
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok) {
      throw problemOf(answer, AWAY);
    }
    const milliseconds = performance.now() - begun;
    const revision = response.headers.get('Labdock-Revision');
    const prediction = { answer, revision, milliseconds };
    this.#predicted.emit(prediction);
    return prediction;
  }

  async #fetch(request: Request): Promise<Response> {
    const body = request.method === 'GET' ? null : await request.text();
    return this.#request(request.url, {
      method: request.method,
      headers: Object.fromEntries(request.headers),
      signal: request.signal,
      ...(body ? { body } : {})
    });
  }

  async #request(url: string, init: RequestInit): Promise<Response> {
    try {
      return await ServerConnection.makeRequest(url, init, this.#settings);
    } catch (error) {
      throw init.signal?.aborted ? error : problemOf(null, AWAY);
    }
  }
}

/** What a call answered. Throws the service's Problem where it answered one. */
export async function answered<T>(call: Promise<IAnswer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) {
    throw problemOf(error, AWAY);
  }
  return data as T;
}
