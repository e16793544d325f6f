import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { EventSourceMessage } from 'eventsource-parser';

import { plainText, spans } from '../src/models/ansi.ts';
import { found, textOf, TextLog } from '../src/models/textlog.ts';
import { Problem } from '../src/service/problem.ts';
import { settled } from './fakes.ts';

function line(number: number, text = `line ${number}`): EventSourceMessage {
  const data = { time: number, stream: 'stdout', text, attempt: 1, rank: 0, cursor: `1:${number}` };
  return { event: 'line', id: undefined, data: JSON.stringify(data) };
}

const end: EventSourceMessage = { event: 'end', id: undefined, data: '{}' };

async function* saying(...messages: (EventSourceMessage | Error)[]) {
  for (const message of messages) {
    if (message instanceof Error) {
      throw message;
    }
    yield message;
  }
}

const texts = (log: TextLog) => log.lines.map(one => one.text);

test('a log goes on where its stream was cut off, until the job ends', async () => {
  const asked: (string | null)[] = [];
  const streams = [saying(line(1), new Error('cut')), saying(line(2), end)];
  const log = new TextLog(async after => {
    asked.push(after);
    return streams.shift() ?? saying(end);
  }, settled);
  log.follow();
  for (let turn = 0; turn < 6; turn += 1) {
    await settled();
  }
  assert.deepEqual([texts(log), asked, log.ended], [['line 1', 'line 2'], [null, '1:1'], true]);
  assert.equal(await log.all(), 'line 1\nline 2\n');
  log.again();
  await settled();
  assert.deepEqual(asked.at(-1), '1:2');
  log.dispose();
});

test('a copy of a log that is still coming ends when the page is closed', async () => {
  const asked: AbortSignal[] = [];
  const log = new TextLog(async (_after, _follow, signal) => {
    asked.push(signal);
    return saying(line(1), end);
  });
  assert.equal(await log.all(), 'line 1\n');
  log.dispose();
  assert.deepEqual(
    asked.map(signal => signal.aborted),
    [true]
  );
});

test('a log that nobody looks at is not read', async () => {
  let opened = 0;
  const log = new TextLog(async (_after, _follow, signal) => {
    opened += 1;
    return (async function* () {
      yield line(opened);
      await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()));
    })();
  }, settled);
  log.follow();
  log.follow();
  await settled();
  log.rest();
  await settled();
  assert.deepEqual([opened, texts(log)], [1, ['line 1']]);
  log.follow();
  await settled();
  assert.deepEqual([opened, texts(log)], [2, ['line 1', 'line 2']]);
  log.dispose();
});

test('a log that is refused is not asked for again, and one whose service is away is', async () => {
  const answers = ['unavailable', 'unknown', 'not_found', 'not_found'];
  const pauses: number[] = [];
  const log = new TextLog(
    () => Promise.reject(new Problem({ error: answers.shift() ?? '', detail: 'No.' })),
    async milliseconds => void pauses.push(milliseconds)
  );
  log.follow();
  for (let turn = 0; turn < 6; turn += 1) {
    await settled();
  }
  assert.deepEqual([answers.length, pauses, log.problem?.message], [1, [2_000, 4_000], 'No.']);
  log.follow();
  await settled();
  assert.equal(answers.length, 0);
  log.dispose();
});

test('colours become the classes of JupyterLab, and other orders to a terminal go', () => {
  assert.deepEqual(spans('\x1b[1;31merror\x1b[0m: \x1b[92mok\x1b[39m\x1b[2K.'), [
    { text: 'error', classes: 'ansi-bold ansi-red-fg' },
    { text: ': ', classes: '' },
    { text: 'ok', classes: 'ansi-green-intense-fg' },
    { text: '.', classes: '' }
  ]);
  assert.deepEqual(spans('\x1b[38;5;1ma\x1b[48;2;1;2;3mb'), [
    { text: 'a', classes: 'ansi-red-fg' },
    { text: 'b', classes: 'ansi-red-fg' }
  ]);
});

test('of a line that was written over, the last is shown', () => {
  assert.equal(plainText('10%\r50%\r\x1b[32m100%\x1b[0m\r'), '100%');
});

test('lines are found without regard to capitals and colours', () => {
  const lines = [line(1, 'An \x1b[31mError\x1b[0m'), line(2, 'fine'), line(3, 'error')].map(one =>
    JSON.parse(one.data)
  );
  assert.deepEqual(found(lines, 'an error'), [0]);
  assert.deepEqual(found(lines, 'ERROR'), [0, 2]);
  assert.deepEqual(found(lines, ''), []);
  assert.equal(textOf(lines), 'An Error\nfine\nerror\n');
});
