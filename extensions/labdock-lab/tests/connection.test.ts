import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ServerConnection } from '@jupyterlab/services';

import { Connection } from '../src/service/connection.ts';
import { trans } from './fakes.ts';

function connectionTo(status: number, body: unknown): Connection {
  const fetch = async () => Response.json(body, { status });
  const settings = ServerConnection.makeSettings({ baseUrl: 'http://lab.example/', fetch });
  return new Connection(settings, trans);
}

async function problemOf(status: number, body: unknown): Promise<unknown> {
  return connectionTo(status, body)
    .request('http://lab.example/labdock/api/me')
    .catch((error: unknown) => error);
}

test('an answer that is not of Labdock is explained by its status', async () => {
  const message = { message: 'Forbidden', reason: null };
  const said = async (status: number) => String(await problemOf(status, message));
  assert.match(await said(403), /Log in again/);
  assert.match(await said(404), /no Labdock/);
  assert.match(await said(500), /failed/);
  assert.match(await said(503), /does not answer/);
  assert.match(await said(424), /does not answer/);
});

test('what Labdock says counts, whatever the status', async () => {
  const body = { error: 'forbidden', detail: 'You are no member of vision.' };
  assert.match(String(await problemOf(403, body)), /no member of vision/);
});
