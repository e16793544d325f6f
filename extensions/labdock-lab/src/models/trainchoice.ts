import type { ReadonlyPartialJSONObject, ReadonlyPartialJSONValue } from '@lumino/coreutils';

/** What a person chose for a job, as it was typed; kept for each path and offered again. */
export interface ITrainChoice {
  /** Of a folder, the notebook or script in it. */
  readonly entry: string;
  /** An environment's name; empty for the default one. */
  readonly environment: string;
  /** A project's name; empty for one's own. */
  readonly project: string;
  readonly name: string;
  readonly workers: string;
  readonly gpus: string;
  /** Processors of each worker. */
  readonly cpus: string;
  /** Gigabytes of each worker; empty for no limit. */
  readonly memory: string;
  /** A script's, as in a terminal. */
  readonly arguments: string;
  /** What differs from the notebook's own values, by name. */
  readonly parameters: { readonly [name: string]: string };
  readonly secrets: readonly string[];
}

export const USUAL: ITrainChoice = {
  entry: '',
  environment: '',
  project: '',
  name: '',
  workers: '1',
  gpus: '0',
  cpus: '1',
  memory: '',
  arguments: '',
  parameters: {},
  secrets: []
};

/** What was kept, as far as it can be read. */
export function readChoice(kept: ReadonlyPartialJSONValue | undefined): ITrainChoice {
  const from = isObject(kept) ? kept : {};
  const text = (name: keyof ITrainChoice, usual: string): string => {
    const value = from[name];
    return typeof value === 'string' ? value : usual;
  };
  return {
    entry: text('entry', USUAL.entry),
    environment: text('environment', USUAL.environment),
    project: text('project', USUAL.project),
    name: text('name', USUAL.name),
    workers: text('workers', USUAL.workers),
    gpus: text('gpus', USUAL.gpus),
    cpus: text('cpus', USUAL.cpus),
    memory: text('memory', USUAL.memory),
    arguments: text('arguments', USUAL.arguments),
    parameters: texts(from['parameters']),
    secrets: Array.isArray(from['secrets']) ? from['secrets'].filter(isText) : []
  };
}

function texts(value: ReadonlyPartialJSONValue | undefined): Record<string, string> {
  const pairs = isObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(
    pairs.flatMap(([name, text]) => (isText(text) ? [[name, text] as const] : []))
  );
}

function isObject(value: ReadonlyPartialJSONValue | undefined): value is ReadonlyPartialJSONObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
