import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Course, MOST_POINTS } from '../src/models/course.ts';
import { grouped, nearest, ticks } from '../src/models/curves.ts';
import type { MetricPoint } from '../src/service/types.ts';

const point = (fit: number, epoch: number, metrics: Record<string, number>): MetricPoint => ({
  time: 0,
  fit,
  epoch,
  metrics
});

function curvesOf(job: string, ...answers: MetricPoint[][]) {
  const course = new Course();
  answers.forEach(points => course.take(points));
  return course.curves(job);
}

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
  const [loss] = curvesOf(
    'a',
    [point(1, 1, { loss: 4 }), point(1, 2, { loss: 3 })],
    [
      point(1, 2, { loss: 9 }),
      point(1, 1.5, { loss: 9 }),
      point(1, 2.5, { loss: 2 }),
      point(2, 1, { loss: 1 })
    ]
  );
  assert.deepEqual(loss?.points, [
    [1, 4],
    [2, 3],
    [2.5, 2],
    [4, 1]
  ]);
});

test('of very many points the first, the last and the extremes stay', () => {
  const course = new Course();
  for (let epoch = 1; epoch <= 10 * MOST_POINTS; epoch += 1) {
    const loss = epoch === 777 ? 50 : epoch === 1778 ? -50 : 1 / epoch;
    course.take([point(1, epoch - 0.5, { loss: 7 }), point(1, epoch, { loss })]);
    assert.ok(course.size <= MOST_POINTS);
  }
  const points = course.curves('a')[0]?.points ?? [];
  assert.ok(points.length > MOST_POINTS / 3);
  assert.deepEqual([points[0]?.[0], points.at(-1)?.[0]], [1, 10 * MOST_POINTS]);
  assert.ok(points.some(one => one[1] === 50) && points.some(one => one[1] === -50));
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
