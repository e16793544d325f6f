import { posted, type Connection } from './connection.ts';
import { Problem } from './problem.ts';
import { readEvents } from './sse.ts';
import type {
  FieldProblem,
  ImagePreview,
  Job,
  TrainingEntry,
  TrainingRequest,
  TrainingStep
} from './types.ts';

type Asks = Pick<Connection, 'url' | 'request' | 'json' | 'problem' | 'lost'>;

/** What the person's own server does with the files that lie there. All throw a Problem. */
export class TrainingServer {
  readonly #connection: Asks;

  constructor(connection: Asks) {
    this.#connection = connection;
  }

  /** What lies at a path, and what can be set of it. */
  entry(path: string): Promise<TrainingEntry> {
    return this.#connection.json(this.#url('entry', { path }));
  }

  /** What a job would take along. */
  preview(path: string, environment: string | null, signal: AbortSignal): Promise<ImagePreview> {
    const url = this.#url('preview', { path, environment: environment ?? '' });
    return this.#connection.json(url, undefined, { signal });
  }

  /** What cannot be used of what was typed. */
  check(request: TrainingRequest, signal: AbortSignal): Promise<FieldProblem[]> {
    return this.#connection.json(this.#url('check'), request, { signal });
  }

  /**
   * Submit a job. It is submitted to its end even where this page does not stay for it: a stream
   * that is cut off says so.
   */
  async submit(request: TrainingRequest, report: (step: TrainingStep) => void): Promise<Job> {
    const answer = await this.#connection.request(this.#url('jobs'), posted(request));
    const lost = this.#connection.lost();
    if (answer.body === null) {
      throw lost;
    }
    try {
      for await (const { event, data } of readEvents(answer.body, lost)) {
        if (event === 'step') {
          report(JSON.parse(data) as TrainingStep);
        } else if (event === 'job') {
          return JSON.parse(data) as Job;
        } else {
          throw this.#connection.problem(JSON.parse(data));
        }
      }
    } catch (error) {
      throw error instanceof Problem ? error : lost;
    }
    throw lost;
  }

  #url(path: string, query: Readonly<Record<string, string>> = {}): string {
    const asked = new URLSearchParams(query);
    return this.#connection.url('labdock/training', path) + (asked.size > 0 ? `?${asked}` : '');
  }
}
