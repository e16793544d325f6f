import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Picture } from '../../components/picture.tsx';
import { readable } from '../../models/answers.ts';
import { asJson, isNumeric, isWhole, typeName, type IField } from '../../models/requestform.ts';
import {
  columnsOf,
  gridOf,
  pictureOf,
  withNumber,
  type IGrid,
  type Json
} from '../../models/tensors.ts';
import { ImageChoice } from './imagechoice.tsx';

interface IEditor {
  readonly field: IField;
  readonly value: Json;
  readonly problem: string | null;
  readonly trans: TranslationBundle;
  readonly onChange: (value: Json) => void;
  readonly onBroken: (why: string) => void;
}

/** One input: a number, a grid of numbers or JSON; with a drawing where it looks like a picture. */
export function FieldEditor(props: IEditor) {
  const { field, value, problem, trans } = props;
  const id = React.useId();
  const [replaced, replace] = React.useReducer((count: number) => count + 1, 0);
  const picture = pictureOf(value);
  const grid = isNumeric(field.dtype) ? gridOf(value) : null;
  const [inCells] = React.useState(grid !== null); // who types JSON goes on with that
  return (
    <div className="lbd-Input">
      <label htmlFor={id}>
        <b>{field.name}</b> <span className="lbd-Input-type">{typeName(field, trans)}</span>
      </label>
      <div className="lbd-Input-row">
        {picture && <Picture picture={picture} label={trans.__('%1, drawn', field.name)} />}
        {inCells && grid ? (
          <Numbers key={replaced} {...props} id={id} grid={grid} />
        ) : (
          <Single key={replaced} {...props} id={id} />
        )}
      </div>
      {isNumeric(field.dtype) && (
        <ImageChoice
          field={field}
          value={value}
          trans={trans}
          onChange={image => {
            props.onChange(image);
            replace(); // what was typed is of the one before
          }}
        />
      )}
      {problem && (
        <p id={`${id}-told`} className="lbd-Problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

/** Numbers in a grid, in rows as they lie in the tensor or in a picture. */
function Numbers(props: IEditor & { id: string; grid: IGrid }) {
  const { field, problem, trans, onChange, id, grid } = props;
  const columns = columnsOf(grid);
  const numbers = grid.rows.flat();
  return (
    <div
      className="lbd-Numbers"
      role="group"
      aria-label={field.name}
      style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, maxWidth: columns * 64 }}
    >
      {numbers.map((number, at) => (
        <NumberCell
          key={at}
          id={at === 0 ? id : undefined}
          label={trans.__('%1, number %2', field.name, at + 1)}
          value={number}
          told={problem === null ? undefined : `${id}-told`}
          step={isWhole(field.dtype) ? 1 : 'any'}
          onChange={next => onChange(withNumber(grid, at, next))}
        />
      ))}
    </div>
  );
}

/** A number; what is typed stands as it is until it is one. */
function NumberCell(props: {
  id: string | undefined;
  label: string;
  value: number;
  /** The id of what is told of a problem. */
  told: string | undefined;
  step: number | 'any';
  onChange: (value: number) => void;
}) {
  const { id, label, value, told, step, onChange } = props;
  const [text, setText] = React.useState(shortest(value));
  return (
    <input
      id={id}
      type="number"
      step={step}
      aria-label={label}
      aria-invalid={told !== undefined}
      aria-describedby={told}
      value={text}
      required
      onChange={event => {
        setText(event.currentTarget.value);
        const number = event.currentTarget.valueAsNumber;
        if (Number.isFinite(number)) {
          onChange(number);
        }
      }}
    />
  );
}

function shortest(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** A text as it is, else JSON. */
function Single({
  field,
  value,
  problem,
  trans,
  onChange,
  onBroken,
  id
}: IEditor & { id: string }) {
  const plain = field.dtype === 'string' && typeof value === 'string';
  const [text, setText] = React.useState(() =>
    typeof value === 'string' && plain ? value : readable(value)
  );
  const [asText] = React.useState(plain);
  const take = (typed: string): void => {
    setText(typed);
    if (asText) {
      onChange(typed);
      return;
    }
    try {
      onChange(asJson(JSON.parse(typed)));
    } catch {
      onBroken(trans.__('This is no JSON yet.'));
    }
  };
  return (
    <textarea
      id={id}
      className="lbd-Json"
      spellCheck={false}
      rows={Math.min(12, text.split('\n').length + 1)}
      value={text}
      aria-invalid={problem !== null}
      aria-describedby={problem === null ? undefined : `${id}-told`}
      onChange={event => take(event.currentTarget.value)}
    />
  );
}
