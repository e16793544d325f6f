import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Problem, problemOf } from '../src/service/problem.ts';
import { TrainingServer } from '../src/service/trainingserver.ts';
import type { TrainingRequest } from '../src/service/types.ts';

const ASKED = { path: 'digits.ipynb' } as TrainingRequest;
const STEP = 'event: step\ndata: {"message": "Sending", "share": null}\n\n';

const unknown = (detail: string) => ({ error: 'unknown', detail });

/** A server whose answer has this text, and then ends or breaks off. */
function serverOf(text: string, broken = false): TrainingServer {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (text !== '') {
        controller.enqueue(new TextEncoder().encode(text));
        text = '';
      } else if (broken) {
        controller.error(new TypeError('network error'));
      } else {
        controller.close();
      }
    }
  });
  return new TrainingServer({
    url: (...parts) => parts.join('/'),
    request: async () => new Response(body),
    json: async () => assert.fail('Nothing else is asked.'),
    problem: answer => problemOf(answer, unknown('away')),
    lost: () => problemOf(null, unknown('It may have been submitted.'))
  });
}

test('a submission whose answer breaks off may have been submitted, and says so', async () => {
  for (const server of [serverOf(STEP), serverOf(STEP, true), serverOf('')]) {
    const steps: string[] = [];
    const submitting = server.submit(ASKED, step => steps.push(step.message));
    await assert.rejects(submitting, { name: 'Problem', message: 'It may have been submitted.' });
  }
});

test('what the server refuses is its own sentence, and a job is the job', async () => {
  const refusal = 'event: error\ndata: {"error": "Mistake", "detail": "No.", "field": null}\n\n';
  await assert.rejects(
    serverOf(STEP + refusal).submit(ASKED, () => undefined),
    error => error instanceof Problem && error.message === 'No.'
  );
  const job = await serverOf(`${STEP}event: job\ndata: {"id": "j1"}\n\n`).submit(
    ASKED,
    () => undefined
  );
  assert.equal(job.id, 'j1');
});
