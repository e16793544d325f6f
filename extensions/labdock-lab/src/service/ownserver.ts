import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { problemOf } from './problem.ts';
import { AWAY } from './service.ts';
import { readEvents } from './sse.ts';
import type {
  FieldProblem,
  ImagePreview,
  Job,
  TrainingEntry,
  TrainingRequest,
  TrainingStep
} from './types.ts';

const TRAINING = 'labdock/training';

/** What the person's own server does with the files that lie there. All throw a Problem. */
export class OwnServer {
  readonly #settings: ServerConnection.ISettings;

  constructor(settings = ServerConnection.makeSettings()) {
    this.#settings = settings;
  }

  /** What lies at a path, and what can be set of it. */
  async entry(path: string): Promise<TrainingEntry> {
    const answer = await this.#ask(`entry?${new URLSearchParams({ path })}`);
    return (await answer.json()) as TrainingEntry;
  }

  /** What a job would take along. */
  async preview(
    path: string,
    environment: string | null,
    signal: AbortSignal
  ): Promise<ImagePreview> {
    const query = new URLSearchParams({ path, environment: environment ?? '' });
    const answer = await this.#ask(`preview?${query}`, { signal });
    return (await answer.json()) as ImagePreview;
  }

  /** What cannot be used of what was typed. */
  async check(request: TrainingRequest, signal: AbortSignal): Promise<FieldProblem[]> {
    const answer = await this.#ask('check', { ...posted(request), signal });
    return (await answer.json()) as FieldProblem[];
  }

  /** Submit a job. It is submitted to its end even where this page does not stay for it. */
  async submit(request: TrainingRequest, report: (step: TrainingStep) => void): Promise<Job> {
    const answer = await this.#ask('jobs', posted(request));
    if (answer.body !== null) {
      for await (const { event, data } of readEvents(answer.body)) {
        if (event === 'step') {
          report(JSON.parse(data) as TrainingStep);
        } else if (event === 'job') {
          return JSON.parse(data) as Job;
        } else {
          throw problemOf(JSON.parse(data), AWAY);
        }
      }
    }
    throw problemOf(null, AWAY);
  }

  async #ask(path: string, init: RequestInit = {}): Promise<Response> {
    const url = URLExt.join(this.#settings.baseUrl, TRAINING, path);
    const answer = await this.#request(url, init);
    if (!answer.ok) {
      throw problemOf(await answer.json().catch(() => null), AWAY);
    }
    return answer;
  }

  async #request(url: string, init: RequestInit): Promise<Response> {
    try {
      return await ServerConnection.makeRequest(url, init, this.#settings);
    } catch (error) {
      throw init.signal?.aborted ? error : problemOf(null, AWAY);
    }
  }
}

function posted(request: TrainingRequest): RequestInit {
  return { method: 'POST', body: JSON.stringify(request) };
}
