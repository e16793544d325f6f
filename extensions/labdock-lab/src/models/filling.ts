import { firstValue, type IRequestForm } from './requestform.ts';
import type { Json } from './tensors.ts';

/** What stands in one input of a form. */
export interface IFilled {
  readonly value: Json;
  /** Why what was typed is no value at all yet; the value is the one before. */
  readonly broken: string | null;
  /** Whether a person has typed it. */
  readonly typed: boolean;
  /** Where it began: another one is another input. */
  readonly from: string;
}

export type Filling = Readonly<Record<string, IFilled>>;

/** The inputs with the values of a model's sample, or the least that fits. */
export function begun(form: IRequestForm, model: string, row = 0): Filling {
  const from = `${model} ${row}`;
  const filled = form.fields.map((field): [string, IFilled] => [
    field.name,
    { value: firstValue(form, field, row), broken: null, typed: false, from }
  ]);
  return Object.fromEntries(filled);
}

/** Begin with another version of a model: what was typed stays, where the input takes the same. */
export function carriedOver(
  filling: Filling,
  before: IRequestForm,
  form: IRequestForm,
  model: string
): Filling {
  const typed = form.fields.flatMap((field): [string, IFilled][] => {
    const old = before.fields.find(one => JSON.stringify(one) === JSON.stringify(field));
    const kept = old && filling[field.name];
    return kept?.typed ? [[field.name, kept]] : [];
  });
  return { ...begun(form, model), ...Object.fromEntries(typed) };
}

/** The same with what a person typed into one input. */
export function typed(
  filling: Filling,
  name: string,
  change: Partial<Pick<IFilled, 'value' | 'broken'>>
): Filling {
  const old = filling[name];
  return old ? { ...filling, [name]: { ...old, broken: null, ...change, typed: true } } : filling;
}

/** The values alone. */
export function valuesOf(filling: Filling): Record<string, Json> {
  return Object.fromEntries(Object.entries(filling).map(([name, { value }]) => [name, value]));
}
