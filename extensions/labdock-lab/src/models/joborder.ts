import { Problem } from '../service/problem.ts';
import type { Job, JobRequest, Parameter } from '../service/types.ts';
import { valueText } from './wording.ts';

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
  before: Readonly<Record<string, unknown>>
): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(written)) {
    const parameter = known.find(one => one.name === name);
    if (name in before && text === valueText(before[name])) {
      found[name] = before[name];
    } else if (name in before || text !== (parameter?.text ?? '')) {
      found[name] = readValue(name, text, parameter);
    }
  }
  return found;
}

const WORDS = new Map<string, unknown>([
  ['True', true],
  ['False', false],
  ['None', null]
]);

function readValue(name: string, text: string, parameter: Parameter | undefined): unknown {
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
    const detail = `'${name}' takes ${KINDS[kind]}, not '${plain}'.`;
    throw new Problem({ error: 'invalid', detail, field: `parameters.${name}` });
  }
}

const KINDS = {
  bool: 'true or false',
  int: 'a whole number',
  float: 'a number',
  list: 'a list, as [1, 2]',
  dict: 'a dictionary, as {"a": 1}'
} as const;

/** Text without the quotation marks of Python around it. */
function unquoted(text: string): string {
  const match = /^(['"])(.*)\1$/.exec(text.trim());
  return match?.[2] ?? text;
}
