import { Signal, type ISignal } from '@lumino/signaling';
import createClient, { type Client } from 'openapi-fetch';

import { posted, type Connection } from './connection.ts';
import { LiveChanges } from './live.ts';
import type { paths } from './schema.ts';
import { readEvents } from './sse.ts';

const API = 'labdock/api';

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
  readonly connection: Connection;
  /** One function for each method; paths, bodies and answers have the types of the API. */
  readonly api: Client<paths>;
  /** What changes, as it happens. */
  readonly live: LiveChanges;
  readonly #predicted = new Signal<this, IPrediction>(this);

  constructor(connection: Connection) {
    this.connection = connection;
    this.api = createClient<paths>({
      baseUrl: connection.url(API),
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
    return `${this.connection.url(API)}/${path}`;
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
    const { body } = await this.connection.request(this.url(path), { headers, signal });
    if (body === null) {
      throw this.connection.problem(null);
    }
    return readEvents(body, this.connection.problem(null));
  }

  /** Ask an endpoint's model through the person's server, which has the key. Throws a Problem. */
  async predict(project: string, name: string, body: unknown): Promise<IPrediction> {
    const place = [project, name].map(encodeURIComponent);
    const url = this.connection.url('labdock/predict', ...place);
    const begun = performance.now();
    const response = await this.connection.request(url, posted(body));
    const answer: unknown = await response.json().catch(() => null);
    const milliseconds = performance.now() - begun;
    const revision = response.headers.get('Labdock-Revision');
    const prediction = { answer, revision, milliseconds };
    this.#predicted.emit(prediction);
    return prediction;
  }

  async #fetch(request: Request): Promise<Response> {
    const body = request.method === 'GET' ? null : await request.text();
    return this.connection.request(request.url, {
      method: request.method,
      headers: Object.fromEntries(request.headers),
      signal: request.signal,
      ...(body ? { body } : {})
    });
  }
}

/** What a call answered. Throws a Problem. */
export async function answered<T>(call: Promise<{ data?: T }>): Promise<T> {
  return (await call).data as T;
}
