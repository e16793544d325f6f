import type { MetricPoint } from '../service/types.ts';
import type { ICurve } from './curves.ts';

/** Points that are kept of a job; beyond that they are thinned out. */
export const MOST_POINTS = 2_000;
/** Epochs that make a curve by themselves. */
const ENOUGH = 8;

interface IPlaced {
  /** The epoch, those of a second call of `fit` behind those of the first. */
  readonly at: number;
  readonly metrics: MetricPoint['metrics'];
}

/** What a job told of its metrics so far. */
export class Course {
  #points: IPlaced[] = [];
  #fit = 1;
  #epoch = 0;
  #offset = 0;

  /** Points that are kept. */
  get size(): number {
    return this.#points.length;
  }

  /** Add points that came later; what does not go on from the last is passed over. */
  take(points: readonly MetricPoint[]): void {
    for (const { fit, epoch, metrics } of points) {
      if (fit > this.#fit) {
        this.#offset += Math.ceil(this.#epoch);
        this.#epoch = 0;
        this.#fit = fit;
      }
      if (fit === this.#fit && epoch > this.#epoch) {
        this.#epoch = epoch;
        this.#points.push({ at: this.#offset + epoch, metrics });
      }
    }
    if (this.#points.length > MOST_POINTS) {
      this.#points = this.#drawn();
    }
    while (this.#points.length > MOST_POINTS) {
      this.#points = halved(this.#points);
    }
  }

  /** The curves, one for each metric. */
  curves(job: string): ICurve[] {
    const found = new Map<string, [number, number][]>();
    for (const { at, metrics } of this.#drawn()) {
      for (const [metric, value] of Object.entries(metrics)) {
        const curve = found.get(metric) ?? [];
        curve.push([at, value]);
        found.set(metric, curve);
      }
    }
    return [...found].map(([metric, points]) => ({ job, metric, points }));
  }

  /** Ends of epochs alone, where they make a curve: within an epoch a mean is still young. */
  #drawn(): IPlaced[] {
    const ends = this.#points.filter(point => Number.isInteger(point.at));
    return ends.length >= ENOUGH ? ends : this.#points;
  }
}

/** Every second point, and with them the first, the last, and the extremes of each metric. */
function halved(points: readonly IPlaced[]): IPlaced[] {
  const kept = new Set<IPlaced | undefined>([points.at(-1)]);
  const names = new Set(points.flatMap(point => Object.keys(point.metrics)));
  for (const name of names) {
    const having = points.filter(point => point.metrics[name] !== undefined);
    const value = (point: IPlaced) => point.metrics[name] ?? 0;
    kept.add(having.reduce((one, other) => (value(other) < value(one) ? other : one)));
    kept.add(having.reduce((one, other) => (value(other) > value(one) ? other : one)));
  }
  return points.filter((point, index) => index % 2 === 0 || kept.has(point));
}
