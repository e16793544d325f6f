import { Problem } from '../service/problem.ts';
import type { Job, JobRequest, Parameter } from '../service/types.ts';
import { valueText, type Words } from './wording.ts';

/** A request for a job like another, with other parameters. */
export function changedRequest(
  job: Job,
  name: string,
  parameters: Record<string, unknown>
): JobRequest {
  const { snapshot, workers, resources, max_attempts, time_limit, backup_every } = job;
  return {
    snapshot,
    workers,
    resources,
    max_attempts,
    parameters,
    name: name.trim() || null,
    arguments: job.arguments,
    disable: job.disable,
    time_limit,
    backup_every: backup_every ?? null,
    secrets: job.secrets ?? []
  };
}

/**
 * The values that a person wrote, without those that are the notebook's own.
 *
 * Throws a Problem that names the field.
 */
export function readValues(
  written: Readonly<Record<string, string>>,
  known: readonly Parameter[],
  before: Readonly<Record<string, unknown>>,
  trans: Words
): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(written)) {
    const parameter = known.find(one => one.name === name);
    if (name in before && text === valueText(before[name])) {
      found[name] = before[name];
    } else if (name in before || text !== (parameter?.text ?? '')) {
      found[name] = readValue(name, text, parameter, trans);
    }
  }
  return found;
}

const WORDS = new Map<string, unknown>([
  ['True', true],
  ['False', false],
  ['None', null]
]);

function readValue(
  name: string,
  text: string,
  parameter: Parameter | undefined,
  trans: Words
): unknown {
  const kind = parameter?.kind ?? 'any';
  const plain = text.trim();
  if (WORDS.has(plain) && !(kind === 'str' && plain !== 'None')) {
    return WORDS.get(plain);
  }
  if (kind === 'str') {
    return unquoted(text);
  }
  try {
    return JSON.parse(plain);
  } catch {
    if (kind === 'any') {
      return unquoted(text);
    }
    const detail = wrongKind(kind, name, plain, trans);
    throw new Problem({ error: 'invalid', detail, field: `parameters.${name}` });
  }
}

/** Why a text is no value of a kind, in a sentence. */
function wrongKind(
  kind: Exclude<Parameter['kind'], 'str' | 'any'>,
  name: string,
  text: string,
  trans: Words
): string {
  switch (kind) {
    case 'bool':
      return trans.__("'%1' takes true or false, not '%2'.", name, text);
    case 'int':
      return trans.__("'%1' takes a whole number, not '%2'.", name, text);
    case 'float':
      return trans.__("'%1' takes a number, not '%2'.", name, text);
    case 'list':
      return trans.__("'%1' takes a list, as [1, 2], not '%2'.", name, text);
    case 'dict':
      return trans.__("'%1' takes a dictionary, as {\"a\": 1}, not '%2'.", name, text);
  }
}

/** Text without the quotation marks of Python around it. */
function unquoted(text: string): string {
  const match = /^(['"])(.*)\1$/.exec(text.trim());
  return match?.[2] ?? text;
}
