import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DeployChoice } from '../src/mainviews/deploy/choice.ts';
import { classesOf, outputsOf, readable } from '../src/models/answers.ts';
import { callings } from '../src/models/calling.ts';
import {
  isEndpointName,
  likelyEndpoint,
  offeredModels,
  proposedName
} from '../src/models/deployment.ts';
import { EndpointList, comingUp, serving, undoTarget } from '../src/models/endpoints.ts';
import { hubAddress, isElsewhere, tensorBoardPath } from '../src/models/hubaddress.ts';
import { frameOf, imageValue, inverted, rangeOf } from '../src/models/imageinput.ts';
import { ModelVersionList } from '../src/models/modelversions.ts';
import {
  firstValue,
  misfit,
  requestBody,
  requestForm,
  typeName
} from '../src/models/requestform.ts';
import { columnsOf, gridOf, pictureOf, withNumber, type Json } from '../src/models/tensors.ts';
import { Problem } from '../src/service/problem.ts';
import type { Endpoint, ModelVersion, Revision, Sample, Signature } from '../src/service/types.ts';
import { FakeLive, job, settled, trans } from './fakes.ts';

function revision(number: number, state: Revision['state'], model = `m${number}`): Revision {
  const id = `r${number}`;
  return { id, endpoint: 'e1', number, model, state, created: number, message: '', server: '' };
}

function endpoint(name: string, more: Partial<Endpoint> = {}): Endpoint {
  const url = `/services/endpoints/ada/${name}`;
  return { id: name, project: 'ada', name, url, traffic: [], revisions: [], created: 1, ...more };
}

function model(id: string, more: Partial<ModelVersion> = {}): ModelVersion {
  return {
    id,
    project: 'ada',
    name: 'digits',
    version: 1,
    job: 'j1',
    digest: '',
    size: 1,
    created: 1,
    check: { state: 'equal', reason: '' },
    ...more
  };
}

const DIGITS: Signature = {
  inputs: { x: { dtype: 'float32', shape: [null, 64] } },
  outputs: { y: { dtype: 'float32', shape: [null, 10] } }
};

function sample(inputs: Sample['inputs']): Sample {
  return { inputs, made: false };
}

test('endpoints follow the stream, and what comes while they are read counts', async () => {
  const live = new FakeLive();
  let answer: (found: Endpoint[]) => void = () => undefined;
  const list = new EndpointList({ live, list: () => new Promise(resolve => (answer = resolve)) });
  list.begin();
  live.changed.emit({
    at: 2,
    everything: false,
    endpoints: [endpoint('b')],
    deleted_endpoints: ['c']
  });
  answer([endpoint('c'), endpoint('a')]);
  await settled();
  assert.deepEqual(
    list.endpoints.map(one => one.name),
    ['a', 'b']
  );
  live.changed.emit({ at: 3, everything: false, deleted_endpoints: ['a'] });
  assert.deepEqual(
    list.endpoints.map(one => one.name),
    ['b']
  );
});

test('endpoints that could not be read are read once the stream is open again', async () => {
  const live = new FakeLive();
  const answers = [Promise.reject(new Error('Labdock does not answer.')), [endpoint('a')]];
  const list = new EndpointList({ live, list: async () => answers.shift() ?? [] });
  list.begin();
  await settled();
  assert.equal(list.problem?.message, 'Labdock does not answer.');
  live.stateChanged.emit('open');
  await settled();
  assert.deepEqual([list.endpoints.length, list.problem], [1, null]);
  live.stateChanged.emit('open');
  assert.equal(answers.length, 0);
});

test('an endpoint that is deployed while they are read is not lost', async () => {
  const live = new FakeLive();
  let answer: (found: Endpoint[]) => void = () => undefined;
  const list = new EndpointList({ live, list: () => new Promise(resolve => (answer = resolve)) });
  list.begin();
  await list.answer(Promise.resolve(endpoint('b')));
  answer([endpoint('a')]);
  await settled();
  assert.deepEqual(
    list.endpoints.map(one => one.name),
    ['a', 'b']
  );
  list.remove('a');
  assert.equal(list.find('ada', 'a'), undefined);
});

test('an endpoint knows what serves, what comes up and what undoing goes back to', () => {
  const first = revision(1, 'serving');
  const second = revision(2, 'warming');
  const one = endpoint('a', {
    revisions: [first, second],
    traffic: [{ revision: 'r1', weight: 100 }],
    before: 'r1'
  });
  assert.equal(serving(one), first);
  assert.equal(comingUp(one), second);
  assert.equal(undoTarget(one), first);
  assert.equal(undoTarget(endpoint('b')), undefined);
});

test('models are read again, once, when jobs have ended with others than are known', async context => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const live = new FakeLive();
  let read = 0;
  const list = new ModelVersionList({ live, list: async () => (read++, [model('m1')]) });
  list.begin();
  await settled();
  live.changed.emit({ at: 1, everything: false, jobs: [job('j1', 1)] });
  await settled();
  assert.equal(read, 1);
  const ended = (id: string, models: string[]) => job(id, 1, { state: 'succeeded', models });
  live.say({ jobs: [ended('j1', ['m1']), ended('j2', [])] });
  context.mock.timers.tick(10_000);
  await settled();
  assert.equal(read, 1);
  live.say({ jobs: [ended('j3', ['m3'])] });
  live.say({ jobs: [ended('j3', ['m3']), ended('j4', ['m4'])] });
  context.mock.timers.tick(10_000);
  await settled();
  assert.equal(read, 2);
  live.say({ jobs: [ended('j3', ['m3'])] });
  context.mock.timers.tick(10_000);
  assert.equal(read, 2);
});

test('names of endpoints', () => {
  assert.equal(proposedName('My Model.v2'), 'my-model-v2');
  assert.equal(proposedName('__'), 'model');
  assert.equal(proposedName('x'.repeat(62) + '-y'), 'x'.repeat(62));
  for (const name of ['a', 'a-b', 'x'.repeat(63)]) {
    assert.ok(isEndpointName(name), name);
  }
  for (const name of ['', '-a', 'a-', 'A', 'ü', 'x'.repeat(64)]) {
    assert.ok(!isEndpointName(name), name);
  }
});

test('a model likely goes where an older version of it serves', () => {
  const models = [model('m1'), model('m2', { version: 2 }), model('m3', { name: 'other' })];
  const live = endpoint('live', {
    revisions: [revision(1, 'serving')],
    traffic: [{ revision: 'r1', weight: 100 }]
  });
  const named = endpoint('digits');
  assert.equal(likelyEndpoint(model('m2'), [named, live], models), live);
  assert.equal(likelyEndpoint(model('m2'), [named], models), named);
  assert.equal(likelyEndpoint(model('m2', { project: 'vision' }), [named], models), undefined);
});

test('a dialog offers the models of a job, or the versions of a model, or all', () => {
  const models = [
    model('m2', { version: 2, job: 'j2', created: 2 }),
    model('m1'),
    model('m3', { name: 'other', created: 3 })
  ];
  const ids = (asked: { job?: string; model?: string }) =>
    offeredModels(models, asked).map(one => one.id);
  assert.deepEqual(ids({ job: 'j2' }), ['m2']);
  assert.deepEqual(ids({ job: 'j9' }), []);
  assert.deepEqual(ids({ model: 'm1' }), ['m2', 'm1']);
  assert.deepEqual(ids({}), ['m3', 'm2', 'm1']);
});

test('a version that is not what was trained needs a tick', () => {
  const check = { state: 'different', reason: 'It differs.' } as const;
  const choice = new DeployChoice(model('m1', { check }), undefined);
  assert.equal(choice.name, 'digits');
  assert.equal(choice.check(trans), false);
  assert.equal(choice.now.field, 'anyway');
  choice.set({ anyway: true, fresh: 'Digits' });
  assert.equal(choice.check(trans), false);
  assert.equal(choice.now.field, 'name');
  choice.set({ fresh: 'digits', gigabytes: 0.5 });
  assert.equal(choice.check(trans), true);
  const resources = { cpus: 1, memory: 500_000_000, gpus: 0 };
  assert.deepEqual(choice.request(), { model: 'm1', anyway: true, resources });
  choice.fail(new Problem({ error: 'invalid', detail: 'No.', field: 'name' }));
  assert.deepEqual([choice.now.problem, choice.now.field], ['No.', 'name']);
  assert.equal(new DeployChoice(model('m1'), endpoint('live')).name, 'live');
});

test('a form asks for one row, which begins with one of the sample', () => {
  const rows = [Array(64).fill(1), Array(64).fill(2)];
  const form = requestForm(DIGITS, sample({ x: rows }));
  const [field] = form.fields;
  assert.ok(field);
  assert.equal(form.rows, 2);
  assert.equal(typeName(field, trans), 'float32 [64]');
  assert.deepEqual(firstValue(form, field, 1), rows[1]);
  assert.deepEqual(requestBody(form, { x: [3] }), { inputs: { x: [[3]] } });
  const empty = requestForm(DIGITS, null);
  assert.deepEqual(firstValue(empty, field), Array(64).fill(0));
});

test('named inputs, scalars and texts have fields of their own', () => {
  const form = requestForm(
    {
      inputs: {
        age: { dtype: 'int64', shape: [null, 1] },
        name: { dtype: 'string', shape: [null] },
        all: { dtype: 'float32', shape: null }
      },
      outputs: {}
    },
    sample({ age: [[1]], name: ['ada'], all: 3 })
  );
  assert.equal(form.byRow, false);
  const values = Object.fromEntries(
    form.fields.map(field => [field.name, firstValue(form, field)])
  );
  assert.deepEqual(requestBody(form, values), {
    inputs: { age: [[1]], name: ['ada'], all: 3 }
  });
  const bare = requestForm({ inputs: {}, outputs: {} }, sample({ q: [1] }));
  assert.deepEqual(
    bare.fields.map(field => field.name),
    ['q']
  );
});

test('what does not fit is known before it is sent', () => {
  const field = { name: 'x', dtype: 'int32', shape: [2] };
  assert.equal(misfit(field, [1, 2]), null);
  assert.deepEqual(misfit(field, 1), { kind: 'axes', wanted: 1 });
  assert.deepEqual(misfit(field, [1]), { kind: 'length', wanted: 2, found: 1 });
  assert.deepEqual(misfit(field, [1, 'a']), { kind: 'number' });
  assert.deepEqual(misfit(field, [1, 0.5]), { kind: 'whole' });
  assert.deepEqual(misfit({ ...field, shape: [] }, [1]), { kind: 'axes', wanted: 0 });
  assert.equal(misfit({ ...field, dtype: 'string', shape: [] }, 'a'), null);
  assert.equal(misfit({ ...field, shape: null }, 'anything'), null);
});

test('few numbers are a grid, and more are not', () => {
  const grid = gridOf([1, 2, 3]);
  assert.ok(grid);
  assert.deepEqual(withNumber(grid, 1, 9), [1, 9, 3]);
  const table = gridOf([
    [1, 2],
    [3, 4]
  ]);
  assert.ok(table);
  assert.deepEqual(withNumber(table, 2, 9), [
    [1, 2],
    [9, 4]
  ]);
  const digits = gridOf(Array(64).fill(0));
  assert.ok(digits);
  assert.equal(columnsOf(digits), 8);
  assert.equal(gridOf(Array(65).fill(0)), null);
  assert.equal(gridOf([[1], [2, 3]]), null);
  assert.equal(gridOf('a'), null);
});

test('pictures are drawn from dark to light, flat or with channels', () => {
  const flat = pictureOf(Array.from({ length: 64 }, (_, at) => at));
  assert.ok(flat);
  assert.deepEqual([flat.width, flat.height], [8, 8]);
  assert.deepEqual([flat.points[0], flat.points[63]], [0, 1]);
  const channels = pictureOf(Array.from({ length: 28 }, () => Array(28).fill([0, 128, 255])));
  assert.deepEqual([channels?.width, channels?.height], [28, 28]);
  assert.equal(pictureOf(Array(63).fill(0)), null);
  assert.equal(pictureOf([[1, 2]]), null);
});

test('a probability vector is classes, the likeliest first', () => {
  assert.deepEqual(
    classesOf([0.1, 0.7, 0.2])?.map(one => one.index),
    [1, 2, 0]
  );
  assert.equal(classesOf([0.1, 0.7, 0.5]), null);
  assert.equal(classesOf([1.5, -0.5]), null);
  assert.equal(classesOf([1]), null);
  assert.deepEqual(outputsOf({ outputs: [[0.25, 0.75]] })[0]?.classes?.[0], {
    index: 1,
    share: 0.75
  });
  const named = outputsOf({ outputs: { a: [[1]], b: ['x'] } });
  assert.deepEqual(
    named.map(one => one.name),
    ['a', 'b']
  );
  assert.equal(outputsOf({ predictions: [3] })[0]?.classes, null);
  assert.deepEqual(outputsOf('nonsense'), []);
  assert.equal(readable([[1, 2]]), '[\n  [1, 2]\n]');
  const row = Array(6).fill([7]);
  assert.equal(readable([row, row]).split('\n').length, 4);
  assert.deepEqual(JSON.parse(readable([row, row])), [row, row]);
  assert.equal(readable([Array(6).fill([1, 2, 3])]).split('\n').length, 3);
});

test('programs get the request as it stands in the form', () => {
  const body = { inputs: { x: ["it's"] } };
  const [curl, python, notebook] = callings(endpoint('digits'), 'http://hub/e/digits', body, trans);
  assert.match(curl?.text ?? '', /^curl -i http:\/\/hub\/e\/digits:predict/);
  assert.match(curl?.text ?? '', /it'\\''s/);
  assert.match(python?.text ?? '', /it\\'s/);
  assert.match(notebook?.text ?? '', /labdock\.endpoint\("ada\/digits"\)/);
  const [long] = callings(endpoint('digits'), 'http://hub', Array(5000).fill(1), trans);
  assert.match(long?.text ?? '', /@request\.json/);
});

test('the hub is found with a prefix, and at a host of its own', () => {
  const own = { host: '', prefix: '/hub/', origin: 'http://lab' };
  assert.equal(hubAddress(own, '/services/x'), 'http://lab/services/x');
  assert.equal(
    hubAddress({ ...own, prefix: '/team/hub/' }, '/services/x'),
    'http://lab/team/services/x'
  );
  const domain = { host: 'https://hub.org', prefix: '/hub/', origin: 'https://ada.hub.org' };
  assert.equal(hubAddress(domain, '/services/x'), 'https://hub.org/services/x');
  assert.deepEqual([isElsewhere(own), isElsewhere(domain)], [false, true]);
});

test('TensorBoard shows the runs that were chosen', () => {
  assert.equal(tensorBoardPath('ada', [], false), '/services/tensorboard/ada/');
  assert.equal(
    tensorBoardPath('a b', ['j1', 'j2'], true),
    '/services/tensorboard/a%20b/?darkMode=true&runFilter=j1%7Cj2'
  );
});

test('an input that holds an image is known by its shape, or by what is in it', () => {
  const frame = (shape: (number | null)[] | null, value: Json = null) => frameOf(shape, value);
  assert.deepEqual(frame([64]), { width: 8, height: 8, channels: 0, flat: true });
  assert.deepEqual(frame([32, 48, 3]), { width: 48, height: 32, channels: 3, flat: false });
  const open = Array.from({ length: 6 }, () => Array(7).fill([0]));
  assert.deepEqual(frame([null, null, 1], open), {
    width: 7,
    height: 6,
    channels: 1,
    flat: false
  });
  assert.deepEqual(
    [frame([13]), frame([4, 4]), frame([28, 28, 2]), frame(null, 3)],
    Array(4).fill(null)
  );
});

test('an image becomes numbers as the model knows them', () => {
  const pixels = [255, 255, 255, 255, 0, 0, 0, 255];
  const frame = { width: 2, height: 1, channels: 0, flat: false } as const;
  assert.deepEqual(imageValue(pixels, frame, [0, 1], false), [[1, 0]]);
  assert.deepEqual(imageValue(pixels, { ...frame, flat: true }, [0, 255], true), [255, 0]);
  assert.deepEqual(imageValue(pixels, { ...frame, channels: 3 }, [-1, 1], false), [
    [
      [1, 1, 1],
      [-1, -1, -1]
    ]
  ]);
  assert.deepEqual(rangeOf([[0, 0.5]], false), [0, 1]);
  assert.deepEqual(rangeOf([[-0.2]], false), [-1, 1]);
  assert.deepEqual(rangeOf([[0, 16]], false), [0, 16]);
  assert.deepEqual([rangeOf([[0, 201]], false), rangeOf([0, 1], true)], Array(2).fill([0, 255]));
  assert.deepEqual(inverted([[0.25, 1]], [0, 1]), [[0.75, 0]]);
});
