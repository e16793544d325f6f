import assert from 'node:assert/strict';
import { test } from 'node:test';

import { begun, carriedOver, typed, valuesOf } from '../src/models/filling.ts';
import { requestForm } from '../src/models/requestform.ts';

const number = { dtype: 'float32', shape: [null] };
const pair = { dtype: 'float32', shape: [null, 2] };

function formOf(
  inputs: Record<string, { dtype: string; shape: (number | null)[] }>,
  sample: number
) {
  const values = Object.fromEntries(Object.keys(inputs).map(name => [name, [sample, sample + 1]]));
  return requestForm({ inputs, outputs: {} }, { inputs: values, made: false });
}

test('another version of a model takes over what was typed, and the rest from its sample', () => {
  const first = formOf({ a: number, b: number }, 1);
  const filling = typed(begun(first, 'm1'), 'a', { value: 7 });
  const next = carriedOver(filling, first, formOf({ a: number, b: number }, 5), 'm2');
  assert.deepEqual(valuesOf(next), { a: 7, b: 5 });
  assert.deepEqual([next['a']?.from, next['b']?.from], ['m1 0', 'm2 0']);
});

test('what was typed for an input of another shape does not stay', () => {
  const first = formOf({ a: number }, 1);
  const filling = typed(begun(first, 'm1'), 'a', { value: 7 });
  const next = carriedOver(filling, first, formOf({ a: pair }, 5), 'm2');
  assert.deepEqual([next['a']?.typed, next['a']?.from], [false, 'm2 0']);
});

test('what is no value yet keeps the one before, until it is one', () => {
  const form = formOf({ a: number }, 1);
  const broken = typed(begun(form, 'm1', 1), 'a', { broken: 'No JSON.' });
  assert.deepEqual([valuesOf(broken), broken['a']?.broken], [{ a: 2 }, 'No JSON.']);
  assert.equal(typed(broken, 'a', { value: 3 })['a']?.broken, null);
});
