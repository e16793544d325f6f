import type { Connection } from './connection.ts';
import type { AcquireRequest, ReleaseRequest, ServerFigures, ServerLease } from './types.ts';

/** What the person's own server says of itself, and does with its GPUs. All throw a Problem. */
export class NotebookServer {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
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

  #ask<T>(path: string, body?: object): Promise<T> {
    return this.#connection.json(this.#connection.url(path), body);
  }
}
