import { URLExt } from '@jupyterlab/coreutils';

import type { Service } from './service.ts';
import type { FetchedFile, FetchRequest } from './types.ts';

/** The address of a job's file, to download it. */
export function fileUrl(service: Service, job: string, path: string): string {
  return service.url(`jobs/${job}/files/${URLExt.encodeParts(path)}`);
}

/** The text of a job's file. Throws a Problem. */
export async function readFile(service: Service, job: string, path: string): Promise<string> {
  return (await service.connection.request(fileUrl(service, job, path))).text();
}

/** Have a job's file as a copy in the person's home. Throws a Problem. */
export function fetchCopy({ connection }: Service, asked: FetchRequest): Promise<FetchedFile> {
  return connection.json(connection.url('labdock/copies'), asked);
}
