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

export function isValidation(metric: string): boolean {
  return metric.startsWith('val_');
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

/** The least and the greatest of numbers, however many there are. */
export function range(values: Iterable<number>): [low: number, high: number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}
