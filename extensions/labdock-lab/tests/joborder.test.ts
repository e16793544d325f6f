import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compared, differences, packages } from '../src/models/differences.ts';
import { cellSource, executedNotebook } from '../src/models/executed.ts';
import { changedRequest, readValues } from '../src/models/joborder.ts';
import { duration, figure, roughly, size } from '../src/models/wording.ts';
import { Problem } from '../src/service/problem.ts';
import type { Parameter } from '../src/service/types.ts';
import { job, trans } from './fakes.ts';

const known: Parameter[] = [
  { name: 'epochs', kind: 'int', text: '3', default: 3, optional: false },
  { name: 'rate', kind: 'float', text: '0.1', default: 0.1, optional: false },
  { name: 'title', kind: 'str', text: "'x'", default: 'x', optional: false },
  { name: 'deep', kind: 'bool', text: 'False', default: false, optional: false }
];

test('what is as the notebook has it is left to the notebook', () => {
  const written = { epochs: '3', rate: '0.5', title: "'x'", deep: 'True' };
  assert.deepEqual(readValues(written, known, {}, trans), { rate: 0.5, deep: true });
});

test('what a job was given is given again', () => {
  const before = { epochs: 7, title: '7' };
  assert.deepEqual(readValues({ epochs: '7', title: '7' }, known, before, trans), before);
  assert.deepEqual(readValues({ epochs: '8', title: 'y' }, known, before, trans), {
    epochs: 8,
    title: 'y'
  });
});

test('a mistake is at its field', () => {
  assert.throws(
    () => readValues({ epochs: 'many' }, known, {}, trans),
    (error: unknown) => error instanceof Problem && error.field === 'parameters.epochs'
  );
});

test('a job like another keeps what it ran with', () => {
  const request = changedRequest(job('a', 1, { workers: 2, arguments: ['-v'] }), ' new ', { a: 1 });
  assert.deepEqual(
    [request.name, request.workers, request.arguments, request.parameters],
    ['new', 2, ['-v'], { a: 1 }]
  );
});

test('locks are compared by versions', () => {
  const lock = [
    'numpy==2.1.0 \\',
    '    --hash=sha256:aa',
    'keras[x]==3.1 ; python_version>"3"',
    '# c'
  ];
  assert.deepEqual(packages(lock), { numpy: '2.1.0', keras: '3.1' });
  assert.deepEqual(compared({ a: '1', b: '2' }, { b: '3', c: '4' }), [
    { name: 'a', one: '1', other: null },
    { name: 'b', one: '2', other: '3' },
    { name: 'c', one: null, other: '4' }
  ]);
});

test('two jobs differ in parameters and metrics, also where nothing else is kept', () => {
  const none = { snapshot: null, source: null };
  const one = {
    job: job('a', 1, { parameters: { lr: 0.1 }, progress: { metrics: { loss: 1 } } }),
    ...none
  };
  const other = {
    job: job('b', 2, { parameters: { lr: 0.2 }, progress: { metrics: { loss: 1 } } }),
    ...none
  };
  const found = differences(one, other);
  assert.deepEqual(found.parameters, [{ name: 'lr', one: '0.1', other: '0.2' }]);
  assert.deepEqual([found.metrics, found.files, found.settings], [[], [], []]);
});

test('the failing cell is found by its number among a person’s code cells', () => {
  const code = (source: string, tags: string[] = []) => ({
    cell_type: 'code',
    source: [source],
    metadata: { tags }
  });
  const cells = [
    { cell_type: 'markdown', source: '# t' },
    code('a'),
    code('b', ['injected-parameters']),
    code('c')
  ];
  assert.equal(cellSource(JSON.stringify({ cells }), 2), 'c');
  assert.equal(cellSource('{}', 1), null);
});

test('the executed notebook lies beside the entry', () => {
  const file = { path: 'sub/a.executed.ipynb', size: 1, modified: 1 };
  assert.equal(executedNotebook(job('a', 1, { entry: 'sub/a.ipynb' }), [file]), file.path);
  assert.equal(executedNotebook(job('a', 1, { entry: 'train.py' }), [file]), null);
});

test('times, sizes and numbers are short', () => {
  assert.deepEqual(
    [0.4, 8, 200, 3600, 7500, 90_000].map(one => duration(one, trans)),
    ['0 s', '8 s', '3 min 20 s', '1 h', '2 h 5 min', '1 d 1 h']
  );
  assert.deepEqual(
    [0.4, 100, 200, 3600, 90_000, 200_000].map(one => roughly(one, trans)),
    ['0 s', '100 s', '3 min', '60 min', '25 h', '2 d']
  );
  assert.deepEqual(
    [0, 512, 1500, 2.5e9].map(bytes => size(bytes, trans)),
    ['0 B', '512 B', '1.5 kB', '2.5 GB']
  );
  assert.deepEqual([0, 0.12345, 1e-7, 123456].map(figure), ['0', '0.1235', '1.00e-7', '123500']);
});
