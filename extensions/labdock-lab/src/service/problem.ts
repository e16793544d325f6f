import { isRecord } from './records.ts';
import type { ErrorBody } from './types.ts';

/** What went wrong, as the service's own sentence for the person; `field` says at which field. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: string;
  readonly field: string | null;

  constructor(body: ErrorBody) {
    super(body.detail);
    this.code = body.error;
    this.field = body.field ?? null;
  }
}

/** The code of a problem that ends when the person logs in again. */
export const LOGGED_OUT = 'logged_out';

/** The problem that an answer tells of; `fallback` where it tells of none. */
export function problemOf(body: unknown, fallback: ErrorBody): Problem {
  return new Problem(isErrorBody(body) ? body : fallback);
}

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** What was thrown, as a sentence. */
export function sentenceOf(thrown: unknown): string {
  return asError(thrown).message;
}

function isErrorBody(body: unknown): body is ErrorBody {
  return isRecord(body) && 'error' in body && 'detail' in body;
}
