import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import {
  isValidation,
  nearest,
  range,
  ticks,
  type ICurve,
  type ICurveGroup
} from '../models/curves.ts';
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

interface IChartProps {
  group: ICurveGroup;
  /** The jobs that are drawn, in order: each has its colour. */
  jobs: readonly { readonly id: string; readonly name: string }[];
  trans: TranslationBundle;
}

/** What the parts of a picture share. */
interface IDrawing {
  readonly curves: readonly ICurve[];
  readonly epochs: readonly number[];
  readonly x: IScale;
  readonly y: IScale;
  readonly colour: (curve: ICurve) => number;
  readonly title: (curve: ICurve) => string;
}

/** The colour of a job by its place among those that are drawn, as `data-colour` takes it. */
export function colourOf(place: number): number {
  return place % COLOURS;
}

/** Curves of one metric: hover or the arrow keys tell the values, and a table has them all. */
export function CurveChart({ group, jobs, trans }: IChartProps) {
  const drawing = React.useMemo(() => drawingOf(group, jobs), [group, jobs]);
  const [at, look] = React.useState<number | null>(null);
  const [told, tell] = React.useState('');
  const { epochs, x } = drawing;
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
      const next = epochs[Math.min(epochs.length - 1, Math.max(0, now + by))] ?? null;
      look(next);
      tell(next === null ? '' : sentence(drawing, next, trans));
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
        <Curves drawing={drawing} />
        {at !== null && <Cursor drawing={drawing} at={at} />}
      </svg>
      <span className="lbd-Hidden" role="status">
        {told}
      </span>
      <Legend drawing={drawing} at={at} trans={trans} />
      <CurveTable name={group.name} drawing={drawing} trans={trans} />
    </figure>
  );
}

function drawingOf({ curves }: ICurveGroup, jobs: IChartProps['jobs']): IDrawing {
  const points = curves.flatMap(curve => curve.points);
  const epochs = [...new Set(points.map(point => point[0]))].sort((one, other) => one - other);
  return {
    curves,
    epochs,
    x: scale(epochs, LEFT, WIDTH - RIGHT, 6),
    y: scale(
      points.map(point => point[1]),
      HEIGHT - BOTTOM,
      TOP,
      4
    ),
    colour: curve => colourOf(jobs.findIndex(job => job.id === curve.job)),
    title: curve =>
      jobs.length > 1
        ? `${jobs.find(job => job.id === curve.job)?.name ?? curve.job} · ${curve.metric}`
        : curve.metric
  };
}

/** The values at an epoch, to be said. */
function sentence({ curves, title }: IDrawing, at: number, trans: TranslationBundle): string {
  const values = curves.map(curve => {
    const value = nearest(curve, at);
    return value ? `${title(curve)} ${figure(value[1])}` : '';
  });
  return [trans.__('epoch %1', figure(at)), ...values.filter(Boolean)].join(', ');
}

const Curves = React.memo(function Curves({ drawing }: { drawing: IDrawing }) {
  const { curves, x, y, colour } = drawing;
  return (
    <>
      <Axes x={x} y={y} />
      {curves.map(curve => (
        <path
          key={`${curve.job} ${curve.metric}`}
          className="lbd-Chart-curve"
          data-colour={colour(curve)}
          data-validation={isValidation(curve.metric)}
          d={pathOf(curve, x, y)}
        />
      ))}
    </>
  );
});

/** Which curve is which, with its value at an epoch, or else its last one. */
function Legend(props: { drawing: IDrawing; at: number | null; trans: TranslationBundle }) {
  const { drawing, at, trans } = props;
  const { curves, colour, title } = drawing;
  return (
    <ul className="lbd-Chart-legend">
      {at !== null && <li className="lbd-Chart-epoch">{trans.__('epoch %1', figure(at))}</li>}
      {curves.map(curve => {
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

function Cursor({ drawing, at }: { drawing: IDrawing; at: number }) {
  const { curves, x, y, colour } = drawing;
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

function CurveTable(props: { name: string; drawing: IDrawing; trans: TranslationBundle }) {
  const { name, drawing, trans } = props;
  const [open, setOpen] = React.useState(false);
  return (
    <details onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{trans.__('%1 as a table', name)}</summary>
      {open && <Values drawing={drawing} trans={trans} />}
    </details>
  );
}

function Values({ drawing, trans }: { drawing: IDrawing; trans: TranslationBundle }) {
  const { curves, epochs, title } = drawing;
  const values = curves.map(curve => ({ name: title(curve), at: new Map(curve.points) }));
  return (
    <table className="lbd-Table">
      <thead>
        <tr>
          <th scope="col">{trans.__('epoch')}</th>
          {values.map(({ name }) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {epochs.map(epoch => (
          <tr key={epoch}>
            <th scope="row">{figure(epoch)}</th>
            {values.map(({ name, at }) => {
              const value = at.get(epoch);
              return <td key={name}>{value === undefined ? '' : figure(value)}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function scale(values: readonly number[], from: number, to: number, about: number): IScale {
  const marks = ticks(...range(values), about);
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
