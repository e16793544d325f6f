import * as React from 'react';

import { range } from '../models/curves.ts';

const WIDTH = 56;
const HEIGHT = 18;
const EDGE = 1.5;

/** A curve as small as a word; `label` says it to those who do not see it. */
export function Sparkline(props: { curve: readonly (readonly number[])[]; label: string }) {
  const points = props.curve.flatMap(([x, y]) => (x != null && y != null ? [{ x, y }] : []));
  if (points.length < 2) {
    return null;
  }
  const [left, right] = span(points.map(point => point.x));
  const [low, high] = span(points.map(point => point.y));
  const place = points.map(({ x, y }) => ({
    x: EDGE + ((x - left) / (right - left)) * (WIDTH - 2 * EDGE),
    y: EDGE + ((high - y) / (high - low)) * (HEIGHT - 2 * EDGE)
  }));
  const last = place.at(-1);
  return (
    <svg
      className="lbd-Sparkline"
      role="img"
      aria-label={props.label}
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
    >
      <polyline points={place.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')} />
      {last && <circle cx={last.x} cy={last.y} r={EDGE} />}
    </svg>
  );
}

/** From the least to the greatest, and never nothing. */
function span(values: number[]): [number, number] {
  const [low, high] = range(values);
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}
