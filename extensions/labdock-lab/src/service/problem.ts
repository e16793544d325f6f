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

/** The problem that an answer tells of; `fallback` where it tells of none. */
export function problemOf(body: unknown, fallback: string): Problem {
  return isErrorBody(body)
    ? new Problem(body)
    : new Problem({ error: 'unknown', detail: fallback });
}

function isErrorBody(body: unknown): body is ErrorBody {
  return typeof body === 'object' && body !== null && 'error' in body && 'detail' in body;
}
