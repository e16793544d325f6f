import assert from 'node:assert/strict';
import { test } from 'node:test';

import { defaultText } from '../src/models/parametertext.ts';
import { readChoice, USUAL, type ITrainChoice } from '../src/models/trainchoice.ts';
import { TrainForm, type ITrainSource } from '../src/models/trainform.ts';
import { Problem } from '../src/service/problem.ts';
import type {
  Environment,
  Parameter,
  TrainingEntry,
  TrainingRequest
} from '../src/service/types.ts';
import { job, trans } from './fakes.ts';

function parameter(name: string, kind: Parameter['kind'], value: unknown, text: string): Parameter {
  return { name, kind, default: value, text, optional: false };
}

const EPOCHS = parameter('epochs', 'int', 10, '10');
const RATE = parameter('rate', 'float', 0.001, '0.001');
const TITLE = parameter('title', 'str', 'first', "'first'");
const SHUFFLE = parameter('shuffle', 'bool', true, 'True');
const LAYERS = parameter('layers', 'list', [64, 32], '[64, 32]');
const SEED = parameter('seed', 'any', null, 'int(time())');

function environment(name: string, more: Partial<Environment> = {}): Environment {
  return {
    name,
    digest: `sha256:${name}`,
    title: name,
    kind: 'image',
    python: '3.11',
    packages: {},
    default: false,
    gpu: false,
    unavailable: null,
    verified: true,
    ...more
  };
}

/** A form over a notebook, and what was asked of the service and of the person's server. */
async function formOf(choice: Partial<ITrainChoice> = {}, more: Partial<ITrainSource> = {}) {
  const asked: string[] = [];
  const submitted: TrainingRequest[] = [];
  const source: ITrainSource = {
    environments: async () => [
      environment('tf', { default: true }),
      environment('gpu', { unavailable: 'It needs a GPU.' }),
      environment('old')
    ],
    projects: async () => [
      { id: 'p1', name: 'ada', personal: true, role: 'admin' },
      { id: 'p2', name: 'vision', personal: false, role: 'member' }
    ],
    secrets: async project => (project === 'vision' ? ['DB', 'TOKEN'] : ['TOKEN']),
    entry: async path =>
      path === 'work'
        ? { path, kind: 'folder', entries: ['a.ipynb', 'train.py'], parameters: null }
        : path.endsWith('.py')
          ? { path, kind: 'script', parameters: null }
          : {
              path,
              kind: 'notebook',
              parameters: [EPOCHS, RATE, TITLE, SHUFFLE, LAYERS, SEED]
            },
    check: async request => {
      asked.push(`check ${JSON.stringify(request.parameters)}`);
      return request.parameters?.['epochs'] === 'many'
        ? [{ field: 'parameters.epochs', detail: 'epochs is a whole number.' }]
        : [];
    },
    forecast: async (workers, each) => {
      asked.push(`forecast ${workers} ${JSON.stringify(each)}`);
      return { seconds: 0, message: 'Starts at once.', before: 0 };
    },
    preview: async (path, name) => {
      asked.push(`preview ${path} ${name}`);
      return {
        source: 'sha256:s',
        entry: path,
        files: [],
        count: 0,
        size: 0,
        requirements: { lines: [], origin: 'none' },
        left_out: [],
        left_out_count: 0,
        warnings: [],
        git: null
      };
    },
    submit: async request => {
      submitted.push(request);
      return job('j1', 1);
    },
    ...more
  };
  const form = new TrainForm('digits.ipynb', { ...USUAL, ...choice }, source, trans, 0);
  await form.load();
  await passed();
  asked.splice(0);
  return { form, asked, submitted, source };
}

/** Let the pause after a change pass, and what is asked be answered. */
function passed(): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, 20));
}

test('what nobody changed is submitted as labdock.train() submits it', async () => {
  const { form, submitted } = await formOf();
  assert.equal((await form.submit())?.id, 'j1');
  assert.deepEqual(submitted, [
    {
      path: 'digits.ipynb',
      environment: null,
      project: null,
      name: null,
      workers: 1,
      resources: { cpus: 1, memory: 0, gpus: 0 },
      parameters: {},
      arguments: '',
      secrets: []
    }
  ]);
});

test('fields show the cell’s values, and only what differs is given', async () => {
  const { form, submitted } = await formOf();
  assert.deepEqual(form.parameters.map(defaultText), [
    '10',
    '0.001',
    'first',
    'true',
    '[64,32]',
    ''
  ]);
  form.setParameter(EPOCHS, '20');
  form.setParameter(TITLE, 'second');
  form.setParameter(TITLE, 'first');
  form.setParameter(SHUFFLE, 'false');
  await form.submit();
  assert.deepEqual(submitted[0]?.parameters, { epochs: '20', shuffle: 'false' });
});

test('a change asks only what follows from it, and of several the last', async () => {
  const { form, asked } = await formOf();
  form.set('workers', '2');
  form.set('workers', '3');
  form.set('memory', '1.5');
  await passed();
  assert.deepEqual(asked.splice(0), ['forecast 3 {"cpus":1,"memory":1500000000,"gpus":0}']);
  form.set('environment', 'old');
  await passed();
  assert.deepEqual(asked.splice(0), ['preview digits.ipynb old']);
  form.setParameter(RATE, '0.01');
  await passed();
  assert.deepEqual(asked.splice(0), ['check {"rate":"0.01"}']);
  form.set('name', 'mine');
  await passed();
  assert.deepEqual(asked, []);
});

test('an answer to an older question is passed over', async () => {
  const answers: ((seconds: number) => void)[] = [];
  const { form } = await formOf(
    {},
    {
      forecast: () =>
        new Promise(resolve =>
          answers.push(seconds => resolve({ seconds, message: '', before: 0 }))
        )
    }
  );
  form.set('workers', '2');
  await passed();
  form.set('workers', '3');
  await passed();
  answers[2]?.(3);
  await passed();
  answers[1]?.(2);
  await passed();
  assert.equal(form.forecast.value?.seconds, 3);
  assert.equal(form.forecast.asking, false);
});

test('what is no number is said at its field, and neither asked nor submitted', async () => {
  const { form, asked, submitted } = await formOf();
  form.set('workers', '0');
  form.set('cpus', 'two');
  form.set('memory', '-1');
  form.set('gpus', '');
  await passed();
  assert.deepEqual(asked, []);
  assert.match(form.problem('workers') ?? '', /1 or more/);
  assert.match(form.problem('resources.cpus') ?? '', /more than 0/);
  assert.match(form.problem('resources.memory') ?? '', /gigabytes/);
  assert.match(form.problem('resources.gpus') ?? '', /0 or more/);
  assert.equal(await form.submit(), null);
  assert.equal(form.refusals, 1);
  assert.deepEqual(submitted, []);
});

test('a parameter’s problem is the library’s sentence, until it is typed anew', async () => {
  const { form } = await formOf();
  form.setParameter(EPOCHS, 'many');
  await passed();
  assert.equal(form.problem('parameters.epochs'), 'epochs is a whole number.');
  form.setParameter(EPOCHS, '20');
  await passed();
  assert.equal(form.anyProblem, null);
});

test('what the service refuses is said at its field, or else below all', async () => {
  const refused = (field: string | null) => async () => {
    throw new Problem({ error: 'invalid', detail: `No: ${field}.`, field });
  };
  const secrets = await formOf({ secrets: ['TOKEN'] }, { submit: refused('secrets') });
  assert.equal(await secrets.form.submit(), null);
  assert.equal(secrets.form.problem('secrets'), 'No: secrets.');
  assert.equal(secrets.form.step, null);
  secrets.form.setSecret('TOKEN', false);
  assert.equal(secrets.form.problem('secrets'), null);

  const other = await formOf({}, { submit: refused('snapshot') });
  await other.form.submit();
  assert.equal(other.form.problem(''), 'No: snapshot.');

  const large = await formOf({}, { forecast: refused('resources') });
  assert.equal(large.form.problem('resources'), 'No: resources.');
  const many = await formOf({}, { forecast: refused('gpus') });
  assert.equal(many.form.problem('resources.gpus'), 'No: gpus.');
});

test('a folder is trained by one of its notebooks and scripts', async () => {
  const { source, submitted } = await formOf();
  const form = new TrainForm('work', USUAL, source, trans, 0);
  await form.load();
  assert.equal(form.choice.entry, 'a.ipynb');
  assert.equal(form.parameters.length, 6);
  form.setParameter(EPOCHS, '20');
  form.set('entry', 'train.py');
  await passed();
  assert.equal(form.entry?.kind, 'script');
  form.set('arguments', '--epochs 3');
  await form.submit();
  assert.equal(submitted[0]?.path, 'work/train.py');
  assert.equal(submitted[0]?.arguments, '--epochs 3');
  assert.deepEqual(submitted[0]?.parameters, {});
});

test('what was chosen last is offered again, as far as it is still there', async () => {
  const kept = { ...USUAL, workers: '2', environment: 'gone', project: 'vision' };
  const { form } = await formOf(readChoice(JSON.parse(JSON.stringify(kept))));
  assert.equal(form.choice.workers, '2');
  assert.equal(form.environment, null);
  assert.equal(form.choice.project, 'vision');
  assert.deepEqual(form.secrets, ['DB', 'TOKEN']);
  assert.equal((await formOf({ environment: 'gpu' })).form.environment, null);
  assert.deepEqual(readChoice(undefined), USUAL);
  assert.deepEqual(readChoice({ workers: 3, parameters: { a: 1, b: '2' }, secrets: 'x' }), {
    ...USUAL,
    parameters: { b: '2' }
  });
});

test('a list that could not be read changes no choice, and nothing is submitted until it is', async () => {
  let away = true;
  const refuse = async <T>(answer: T): Promise<T> => {
    if (away) {
      throw new Error('Labdock does not answer.');
    }
    return answer;
  };
  const { form, submitted } = await formOf(
    { environment: 'old', project: 'vision', secrets: ['DB'] },
    {
      environments: () => refuse([environment('old')]),
      projects: () => refuse([{ id: 'p2', name: 'vision', personal: false, role: 'member' }]),
      secrets: () => refuse(['DB'])
    }
  );
  assert.deepEqual([form.choice.environment, form.choice.project], ['old', 'vision']);
  assert.equal(form.problem('environment'), 'Labdock does not answer.');
  away = false;
  assert.equal(await form.submit(), null);
  assert.match(form.problem('') ?? '', /Not everything/);
  await passed();
  assert.deepEqual([submitted, form.anyProblem], [[], null]);
  await form.submit();
  const [{ environment: chosen, project, secrets } = {}] = submitted;
  assert.deepEqual([chosen, project, secrets], ['old', 'vision', ['DB']]);
});

test('who trains before the notebook is read is told to wait', async () => {
  const { source, submitted } = await formOf();
  const form = new TrainForm('digits.ipynb', USUAL, source, trans, 0);
  const loaded = form.load();
  assert.equal(await form.submit(), null);
  assert.match(form.problem('') ?? '', /still being read/);
  await loaded;
  assert.deepEqual([form.problem(''), submitted], [null, []]);
});

test('a form that was closed asks nothing more', async () => {
  const { form, asked } = await formOf();
  form.dispose();
  form.set('workers', '2');
  await passed();
  assert.deepEqual(asked, []);
});

test('a parameter that the notebook lost is not sent', async () => {
  const { form, submitted } = await formOf({ parameters: { gone: '1', epochs: '3' } });
  await form.submit();
  assert.deepEqual(submitted[0]?.parameters, { epochs: '3' });
});

test('steps are told while it is submitted, and it is not submitted twice', async () => {
  let finish: (() => void) | undefined;
  const { form } = await formOf(
    {},
    {
      submit: async (_, report) => {
        report({ message: 'Sending 3 MB', share: 0.5 });
        await new Promise<void>(resolve => (finish = resolve));
        return job('j2', 1);
      }
    }
  );
  const first = form.submit();
  assert.equal(form.step?.message, 'Sending 3 MB');
  assert.equal(await form.submit(), null);
  finish?.();
  assert.equal((await first)?.id, 'j2');
  assert.equal(form.step, null);
});

test('of a folder the last choice counts, also where an older answer comes later', async () => {
  const late = new Map<string, () => void>();
  const held = async <T>(name: string, answer: () => T) => {
    await new Promise<void>(resolve => late.set(name, resolve));
    return answer();
  };
  const script = (path: string): TrainingEntry => ({ path, kind: 'script', parameters: null });
  const { form } = await formOf(
    {},
    {
      entry: async path =>
        path === 'digits.ipynb'
          ? { path: 'work', kind: 'folder', entries: ['a.py', 'b.py', 'c.py'], parameters: null }
          : path === 'work/c.py'
            ? held('c', () => {
                throw new Error('It cannot be read.');
              })
            : path === 'work/b.py'
              ? held('b', () => script(path))
              : script(path),
      secrets: project =>
        project === 'vision' ? held('vision', () => ['DB']) : Promise.resolve(['TOKEN'])
    }
  );
  form.set('entry', 'b.py');
  form.set('entry', 'c.py');
  form.set('entry', 'a.py');
  form.set('project', 'vision');
  form.set('project', '');
  await passed();
  late.forEach(go => go());
  await passed();
  assert.deepEqual([form.entry?.path, form.anyProblem], ['work/a.py', null]);
  assert.deepEqual(form.secrets, ['TOKEN']);
});
