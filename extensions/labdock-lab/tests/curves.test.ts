import assert from 'node:assert/strict';
import { test } from 'node:test';

import { curvesOf, grouped, joined, nearest, ticks } from '../src/models/curves.ts';
import type { MetricPoint } from '../src/service/types.ts';

const point = (fit: number, epoch: number, metrics: Record<string, number>): MetricPoint => ({
  time: 0,
  fit,
  epoch,
  metrics
});

test('a second training is drawn behind the first', () => {
  const [loss] = curvesOf('a', [
    point(1, 1, { loss: 3 }),
    point(1, 2, { loss: 2 }),
    point(2, 1, { loss: 1 })
  ]);
  assert.deepEqual(loss?.points, [
    [1, 3],
    [2, 2],
    [3, 1]
  ]);
});

test('points that were there already do not come again', () => {
  const before = [point(1, 1, {}), point(1, 2, {})];
  const all = joined(before, [
    point(1, 2, {}),
    point(1, 1.5, {}),
    point(1, 3, {}),
    point(2, 1, {})
  ]);
  assert.deepEqual(
    all.map(one => [one.fit, one.epoch]),
    [
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 1]
    ]
  );
});

test('a metric and its validation are in one picture, the loss first', () => {
  const groups = grouped(curvesOf('a', [point(1, 1, { accuracy: 1, loss: 1, val_loss: 2 })]));
  assert.deepEqual(
    groups.map(group => [group.name, group.curves.map(curve => curve.metric)]),
    [
      ['loss', ['loss', 'val_loss']],
      ['accuracy', ['accuracy']]
    ]
  );
});

test('an axis has round numbers around all values', () => {
  assert.deepEqual(ticks(0.03, 0.97), [0, 0.5, 1]);
  assert.deepEqual(ticks(1, 10, 6), [0, 2, 4, 6, 8, 10]);
  assert.equal(ticks(5, 5).length >= 2, true);
});

test('the nearest value is told', () => {
  const curve = {
    job: 'a',
    metric: 'loss',
    points: [
      [1, 10],
      [3, 30]
    ] as const
  };
  assert.deepEqual(nearest(curve, 1.9), [1, 10]);
  assert.deepEqual(nearest(curve, 9), [3, 30]);
});
