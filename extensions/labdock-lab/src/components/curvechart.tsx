import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { isValidation, nearest, ticks, type ICurve, type ICurveGroup } from '../models/curves.ts';
import { figure } from '../models/wording.ts';

const WIDTH = 480;
const HEIGHT = 220;
const LEFT = 52;
const RIGHT = 12;
const TOP = 10;
const BOTTOM = 26;
/** Colours that can be told apart; after the last they begin anew. */
const COLOURS = 6;

interface IScale {
  (value: number): number;
  ticks: number[];
}

/** Curves of one metric: hover or the arrow keys tell the values, and a table has them all. */
export function CurveChart(props: {
  group: ICurveGroup;
  /** The jobs that are drawn, in order: each has its colour. */
  jobs: readonly { readonly id: string; readonly name: string }[];
  trans: TranslationBundle;
}) {
  const { group, jobs, trans } = props;
  const [at, look] = React.useState<number | null>(null);
  const points = group.curves.flatMap(curve => curve.points);
  const x = scale(
    points.map(point => point[0]),
    LEFT,
    WIDTH - RIGHT,
    6
  );
  const y = scale(
    points.map(point => point[1]),
    HEIGHT - BOTTOM,
    TOP,
    4
  );
  const epochs = [...new Set(points.map(point => point[0]))].sort((one, other) => one - other);
  const colour = (curve: ICurve) => jobs.findIndex(job => job.id === curve.job) % COLOURS;
  const title = (curve: ICurve) =>
    jobs.length > 1
      ? `${jobs.find(job => job.id === curve.job)?.name ?? curve.job} · ${curve.metric}`
      : curve.metric;
  const hover = (event: React.PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * WIDTH;
    look(closest(epochs, place, x));
  };
  const press = (event: React.KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by !== undefined) {
      event.preventDefault();
      const now = at === null ? (by > 0 ? -1 : epochs.length) : epochs.indexOf(at);
      look(epochs[Math.min(epochs.length - 1, Math.max(0, now + by))] ?? null);
    } else if (event.key === 'Escape') {
      look(null);
    }
  };
  return (
    <figure className="lbd-Chart">
      <figcaption>{group.name}</figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={trans.__('%1 by epoch: arrow keys tell the values', group.name)}
        tabIndex={0}
        onPointerMove={hover}
        onPointerLeave={() => look(null)}
        onKeyDown={press}
        onBlur={() => look(null)}
      >
        <Axes x={x} y={y} />
        {group.curves.map(curve => (
          <path
            key={`${curve.job} ${curve.metric}`}
            className="lbd-Chart-curve"
            data-colour={colour(curve)}
            data-validation={isValidation(curve.metric)}
            d={pathOf(curve, x, y)}
          />
        ))}
        {at !== null && <Cursor at={at} curves={group.curves} x={x} y={y} colour={colour} />}
      </svg>
      <ul className="lbd-Chart-legend" aria-live="polite">
        {at !== null && <li className="lbd-Chart-epoch">{trans.__('epoch %1', figure(at))}</li>}
        {group.curves.map(curve => {
          const value = at === null ? curve.points.at(-1) : nearest(curve, at);
          return (
            <li key={`${curve.job} ${curve.metric}`}>
              <svg className="lbd-Chart-key" width="18" height="8" aria-hidden="true">
                <path
                  className="lbd-Chart-curve"
                  data-colour={colour(curve)}
                  data-validation={isValidation(curve.metric)}
                  d="M0 4H18"
                />
              </svg>
              {title(curve)} <b>{value ? figure(value[1]) : ''}</b>
            </li>
          );
        })}
      </ul>
      <CurveTable group={group} epochs={epochs} title={title} trans={trans} />
    </figure>
  );
}

function Axes(props: { x: IScale; y: IScale }) {
  const { x, y } = props;
  return (
    <g className="lbd-Chart-axes" aria-hidden="true">
      {y.ticks.map(tick => (
        <React.Fragment key={tick}>
          <path d={`M${LEFT} ${y(tick)}H${WIDTH - RIGHT}`} />
          <text x={LEFT - 6} y={y(tick)} textAnchor="end" dominantBaseline="middle">
            {figure(tick)}
          </text>
        </React.Fragment>
      ))}
      {x.ticks.map(tick => (
        <text key={tick} x={x(tick)} y={HEIGHT - 8} textAnchor="middle">
          {figure(tick)}
        </text>
      ))}
    </g>
  );
}

function Cursor(props: {
  at: number;
  curves: readonly ICurve[];
  x: IScale;
  y: IScale;
  colour: (curve: ICurve) => number;
}) {
  const { at, curves, x, y, colour } = props;
  return (
    <g className="lbd-Chart-cursor">
      <path d={`M${x(at)} ${TOP}V${HEIGHT - BOTTOM}`} />
      {curves.map(curve => {
        const point = nearest(curve, at);
        return (
          point && (
            <circle
              key={`${curve.job} ${curve.metric}`}
              className="lbd-Chart-dot"
              data-colour={colour(curve)}
              cx={x(point[0])}
              cy={y(point[1])}
              r={3}
            />
          )
        );
      })}
    </g>
  );
}

function CurveTable(props: {
  group: ICurveGroup;
  epochs: readonly number[];
  title: (curve: ICurve) => string;
  trans: TranslationBundle;
}) {
  const { group, epochs, title, trans } = props;
  const [open, setOpen] = React.useState(false);
  return (
    <details onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{trans.__('%1 as a table', group.name)}</summary>
      {open && (
        <table className="lbd-Table">
          <thead>
            <tr>
              <th scope="col">{trans.__('epoch')}</th>
              {group.curves.map(curve => (
                <th key={title(curve)} scope="col">
                  {title(curve)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {epochs.map(epoch => (
              <tr key={epoch}>
                <th scope="row">{figure(epoch)}</th>
                {group.curves.map(curve => {
                  const value = curve.points.find(point => point[0] === epoch);
                  return <td key={title(curve)}>{value ? figure(value[1]) : ''}</td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}

function scale(values: readonly number[], from: number, to: number, about: number): IScale {
  const marks = ticks(Math.min(...values), Math.max(...values), about);
  const low = marks[0] ?? 0;
  const high = marks.at(-1) ?? 1;
  const place = (value: number) => from + ((value - low) / (high - low)) * (to - from);
  return Object.assign(place, { ticks: marks });
}

function pathOf(curve: ICurve, x: IScale, y: IScale): string {
  const places = curve.points.map(
    ([epoch, value]) => `${x(epoch).toFixed(1)} ${y(value).toFixed(1)}`
  );
  return places.length === 1 ? `M${places[0]}h0.01` : `M${places.join('L')}`;
}

function closest(epochs: readonly number[], place: number, x: IScale): number | null {
  let best: number | null = null;
  for (const epoch of epochs) {
    if (best === null || Math.abs(x(epoch) - place) < Math.abs(x(best) - place)) {
      best = epoch;
    }
  }
  return best;
}
