import type { Sample, Signature, Tensor } from '../service/types.ts';
import type { Json } from './tensors.ts';
import type { Words } from './wording.ts';

/** Values larger than this in JSON are not made up. */
const MOST_MADE = 10_000;

/** One input of a model, as a form asks for it. */
export interface IField {
  readonly name: string;
  readonly dtype: string;
  /** Without the axis of rows, where the model takes several at once. */
  readonly shape: readonly (number | null)[] | null;
}

/** What a form of requests is made of. */
export interface IRequestForm {
  readonly fields: readonly IField[];
  /** Whether the model takes several rows; then the form asks for one. */
  readonly byRow: boolean;
  /** Rows that the sample has. */
  readonly rows: number;
  readonly sample: Sample | null;
}

/** The form for a model: by its signature, or by the names in its sample where it has none. */
export function requestForm(signature: Signature, sample: Sample | null): IRequestForm {
  const inputs = Object.entries(signature.inputs ?? {});
  if (inputs.length === 0) {
    const names = Object.keys(sample?.inputs ?? {});
    return { fields: names.map(unknownField), byRow: false, rows: names.length && 1, sample };
  }
  const byRow = inputs.every(([, { shape }]) => shape != null && shape[0] === null);
  const counts = Object.values(sample?.inputs ?? {}).map(part =>
    Array.isArray(part) ? part.length : 0
  );
  return {
    fields: inputs.map(([name, tensor]) => fieldOf(name, tensor, byRow)),
    byRow,
    rows: byRow ? Math.min(...(counts.length ? counts : [0])) : (sample && 1) || 0,
    sample
  };
}

function unknownField(name: string): IField {
  return { name, dtype: '', shape: null };
}

function fieldOf(name: string, { dtype, shape }: Tensor, byRow: boolean): IField {
  return { name, dtype, shape: (byRow ? shape?.slice(1) : shape) ?? null };
}

/** What the form begins with: a row of the sample, or the least that fits. */
export function firstValue(form: IRequestForm, field: IField, row = 0): Json {
  const kept = asJson(form.sample?.inputs[field.name]);
  if (kept === null || form.rows === 0) {
    return madeUp(field);
  }
  return form.byRow && Array.isArray(kept) ? (kept[row] ?? madeUp(field)) : kept;
}

/** The request's body, in the form of TensorFlow Serving with an entry for each input. */
export function requestBody(
  form: IRequestForm,
  values: Readonly<Record<string, Json>>
): { inputs: Record<string, Json> } {
  const inputs = form.fields.map(({ name }): [string, Json] => {
    const value = values[name] ?? null;
    return [name, form.byRow ? [value] : value];
  });
  return { inputs: Object.fromEntries(inputs) };
}

/** What is wrong with a value, as a code for the view to say; none where it fits. */
export type Misfit =
  | { readonly kind: 'axes'; readonly wanted: number }
  | { readonly kind: 'length'; readonly wanted: number; readonly found: number }
  | { readonly kind: 'number' }
  | { readonly kind: 'whole' };

/** How a value does not fit its input. */
export function misfit(field: IField, value: Json): Misfit | null {
  if (field.shape === null) {
    return null;
  }
  return within(field.dtype, field.shape, field.shape.length, value);
}

function within(
  dtype: string,
  shape: readonly (number | null)[],
  axes: number,
  value: Json
): Misfit | null {
  const [length, ...inner] = shape;
  if (length === undefined) {
    return Array.isArray(value) ? { kind: 'axes', wanted: axes } : ofType(dtype, value);
  }
  if (!Array.isArray(value)) {
    return { kind: 'axes', wanted: axes };
  }
  if (length !== null && value.length !== length) {
    return { kind: 'length', wanted: length, found: value.length };
  }
  for (const part of value) {
    const found = within(dtype, inner, axes, part);
    if (found) {
      return found;
    }
  }
  return null;
}

function ofType(dtype: string, value: Json): Misfit | null {
  if (!isNumeric(dtype)) {
    return null;
  }
  if (typeof value !== 'number') {
    return { kind: 'number' };
  }
  return isWhole(dtype) && !Number.isInteger(value) ? { kind: 'whole' } : null;
}

export function isNumeric(dtype: string): boolean {
  return /^(u?int|float|half|bfloat|double)/.test(dtype);
}

export function isWhole(dtype: string): boolean {
  return /^u?int/.test(dtype);
}

/** An input's type as people read it: float32 [64]. */
export function typeName(field: IField, trans: Words): string {
  const axes = field.shape?.map(size => (size === null ? trans.__('any') : String(size)));
  return axes?.length ? `${field.dtype} [${axes.join(', ')}]` : field.dtype;
}

function madeUp(field: IField): Json {
  const shape = (field.shape ?? []).map(size => size ?? 1);
  const least: Json = field.dtype === 'string' ? '' : field.dtype === 'bool' ? false : 0;
  const size = shape.reduce((product, axis) => product * axis, 1);
  return size > MOST_MADE ? [] : filled(shape, least);
}

function filled(shape: readonly number[], least: Json): Json {
  const [length, ...inner] = shape;
  return length === undefined ? least : Array.from({ length }, () => filled(inner, least));
}

/** What came as JSON, as that. */
export function asJson(value: unknown): Json {
  if (Array.isArray(value)) {
    return value.map(asJson);
  }
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    case 'object':
      return value === null
        ? null
        : Object.fromEntries(Object.entries(value).map(([name, part]) => [name, asJson(part)]));
    default:
      return null;
  }
}
