import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { problemOf } from './problem.ts';
import type { Service } from './service.ts';
import type { FetchedFile, FetchRequest } from './types.ts';

const COPIES = 'labdock/copies';

/** The address of a job's file, to download it. */
export function fileUrl(service: Service, job: string, path: string): string {
  return service.url(`jobs/${job}/files/${URLExt.encodeParts(path)}`);
}

/** The text of a job's file. Throws a Problem. */
export async function readFile(service: Service, job: string, path: string): Promise<string> {
  const settings = ServerConnection.makeSettings();
  const url = fileUrl(service, job, path);
  return (await checked(await ServerConnection.makeRequest(url, {}, settings))).text();
}

/** Have a job's file as a copy in the person's home. Throws a Problem. */
export async function fetchCopy(asked: FetchRequest): Promise<FetchedFile> {
  const settings = ServerConnection.makeSettings();
  const init = { method: 'POST', body: JSON.stringify(asked) };
  const url = URLExt.join(settings.baseUrl, COPIES);
  return (await checked(await ServerConnection.makeRequest(url, init, settings))).json();
}

async function checked(response: Response): Promise<Response> {
  if (!response.ok) {
    throw problemOf(await response.json().catch(() => null), response.statusText);
  }
  return response;
}
