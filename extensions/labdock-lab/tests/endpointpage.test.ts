import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ServerConnection } from '@jupyterlab/services';

import { EndpointPage } from '../src/models/endpointpage.ts';
import { Serving } from '../src/models/serving.ts';
import { Connection } from '../src/service/connection.ts';
import { Service } from '../src/service/service.ts';
import type { Endpoint, Revision } from '../src/service/types.ts';
import { trans } from './fakes.ts';

const AWAY = { error: 'unavailable', detail: 'Labdock does not answer.' };

/** A page over a service that answers what `answers` has for `METHOD path`, else that it is away. */
function pageOver(answers: Record<string, unknown>) {
  const fetch = async (input: RequestInfo | URL) => {
    const { method, url } = new Request(input);
    const body = answers[`${method} ${new URL(url).pathname.split('/labdock/api')[1]}`];
    return Response.json(body ?? AWAY, { status: body === undefined ? 503 : 200 });
  };
  const settings = ServerConnection.makeSettings({ baseUrl: 'http://lab.example/', fetch });
  const service = new Service(new Connection(settings, trans));
  const serving = new Serving(service);
  service.live.begin = () => undefined;
  return new EndpointPage(serving, 'ada', 'digits');
}

const KEY = { id: 'k1', title: 'website', created: 1, created_by: 'ada' };

test('a key that could not be revoked is told of, and stays', async () => {
  const page = pageOver({ 'GET /endpoints/ada/digits/keys': [KEY] });
  await page.readKeys();
  await assert.rejects(page.revokeKey('k1'), /Labdock does not answer/);
  assert.deepEqual(
    page.keys?.map(key => key.id),
    ['k1']
  );
});

test('keys that could not be read are a problem until they can', async () => {
  const answers: Record<string, unknown> = { 'GET /endpoints': [] };
  const page = pageOver(answers);
  await page.readKeys();
  assert.match(page.problem?.message ?? '', /Labdock does not answer/);
  answers['GET /endpoints/ada/digits/keys'] = [KEY];
  const read = new Promise<void>(resolve => page.changed.connect(() => page.keys && resolve()));
  page.retry();
  await read;
  assert.equal(page.problem, null);
});

test('who listens hears that a model has answered, and not that it was asked in vain', async () => {
  let status = 503;
  const fetch = async () => Response.json(status === 200 ? { outputs: [1] } : AWAY, { status });
  const settings = ServerConnection.makeSettings({ baseUrl: 'http://lab.example/', fetch });
  const service = new Service(new Connection(settings, trans));
  const heard: unknown[] = [];
  service.predicted.connect((_, { answer }) => heard.push(answer));
  await assert.rejects(service.predict('ada', 'digits', {}), /Labdock does not answer/);
  status = 200;
  await service.predict('ada', 'digits', {});
  assert.deepEqual(heard, [{ outputs: [1] }]);
});

function revision(state: Revision['state']): Revision {
  return {
    id: 'r1',
    endpoint: 'e1',
    number: 1,
    model: 'm1',
    state,
    created: 1,
    message: '',
    server: ''
  };
}

function endpointWith(state: Revision['state']): Endpoint {
  const url = '/services/endpoints/ada/digits';
  const revisions = [revision(state)];
  return { id: 'e1', project: 'ada', name: 'digits', url, traffic: [], revisions, created: 1 };
}

test('a revision that one goes back to has settled when it serves again, or is given up', async () => {
  const { serving } = pageOver({});
  const put = (state: Revision['state']) =>
    serving.endpoints.answer(Promise.resolve(endpointWith(state)));
  const after = async (...states: Revision['state'][]) => {
    await put('retired');
    const end = serving.settled(endpointWith('retired'), 'r1');
    for (const state of states) {
      await put(state);
    }
    return (await end)?.state;
  };
  assert.equal(await after('starting', 'warming', 'serving'), 'serving');
  assert.equal(await after('starting', 'failed'), 'failed');
  assert.equal(await after('starting', 'retired'), 'retired');
});
