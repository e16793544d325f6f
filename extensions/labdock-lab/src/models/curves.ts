import type { MetricPoint } from '../service/types.ts';

/** A metric of a job: where and how much. */
export interface ICurve {
  readonly job: string;
  readonly metric: string;
  readonly points: readonly (readonly [epoch: number, value: number])[];
}

/** Metrics that belong into one picture: `loss` and `val_loss`. */
export interface ICurveGroup {
  readonly name: string;
  readonly curves: readonly ICurve[];
}

/** Epochs that make a curve by themselves. */
const ENOUGH = 8;

export function isValidation(metric: string): boolean {
  return metric.startsWith('val_');
}

/** Add points that came later; one that does not go on from the last replaces nothing. */
export function joined(
  before: readonly MetricPoint[],
  after: readonly MetricPoint[]
): MetricPoint[] {
  const points = [...before];
  for (const point of after) {
    const last = points.at(-1);
    const further =
      last === undefined ||
      point.fit > last.fit ||
      (point.fit === last.fit && point.epoch > last.epoch);
    if (further) {
      points.push(point);
    }
  }
  return points;
}

/** The curves of a job, those of a second call of `fit` behind those of the first. */
export function curvesOf(job: string, points: readonly MetricPoint[]): ICurve[] {
  const found = new Map<string, [number, number][]>();
  let fit = 1;
  let offset = 0;
  let reached = 0;
  for (const point of smooth(points)) {
    if (point.fit !== fit) {
      fit = point.fit;
      offset = reached;
    }
    reached = Math.max(reached, offset + point.epoch);
    for (const [metric, value] of Object.entries(point.metrics)) {
      const curve = found.get(metric) ?? [];
      curve.push([offset + point.epoch, value]);
      found.set(metric, curve);
    }
  }
  return [...found].map(([metric, drawn]) => ({ job, metric, points: drawn }));
}

/** Ends of epochs alone, where they make a curve: within an epoch a mean is still young. */
function smooth(points: readonly MetricPoint[]): readonly MetricPoint[] {
  const ends = points.filter(point => Number.isInteger(point.epoch));
  return ends.length >= ENOUGH ? ends : points;
}

/** Curves by what they measure, the loss first. */
export function grouped(curves: readonly ICurve[]): ICurveGroup[] {
  const groups = new Map<string, ICurve[]>();
  for (const curve of curves) {
    const name = curve.metric.replace(/^val_/, '');
    groups.set(name, [...(groups.get(name) ?? []), curve]);
  }
  return [...groups]
    .map(([name, members]) => ({ name, curves: members }))
    .sort((one, other) => Number(other.name === 'loss') - Number(one.name === 'loss'));
}

/** Round numbers that cover a range, about so many. */
export function ticks(low: number, high: number, about = 4): number[] {
  const range = high - low || Math.abs(high) || 1;
  const raw = range / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(one => one * power).find(one => one >= raw) ?? raw;
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12))
  );
}

/** The value of a curve nearest to an epoch. */
export function nearest(
  curve: ICurve,
  epoch: number
): readonly [epoch: number, value: number] | null {
  let best: readonly [number, number] | null = null;
  for (const point of curve.points) {
    if (best === null || Math.abs(point[0] - epoch) < Math.abs(best[0] - epoch)) {
      best = point;
    }
  }
  return best;
}
