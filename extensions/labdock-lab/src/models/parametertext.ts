import type { Parameter } from '../service/types.ts';

/** What stands in a parameter's field at first: its default, as a person would type it. */
export function defaultText(parameter: Parameter): string {
  const { kind, text } = parameter;
  const value = parameter.default;
  if (value === null || value === undefined) {
    return '';
  }
  if (kind === 'str') {
    return String(value);
  }
  return kind === 'int' || kind === 'float' ? text : JSON.stringify(value);
}

/** What is said in an empty field of a parameter whose value is not known before it runs. */
export function placeholder(parameter: Parameter): string {
  return defaultText(parameter) === '' ? parameter.text : '';
}
