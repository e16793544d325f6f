import { isRecord } from '../service/records.ts';
import { isNumbers } from './tensors.ts';

/** One class of a probability vector. */
export interface IClass {
  readonly index: number;
  readonly share: number;
}

/** One output of a model. */
export interface IOutput {
  /** Empty where the model has but one, which the answer does not name. */
  readonly name: string;
  readonly value: unknown;
  /** The classes, the likeliest first, where the value is a probability vector. */
  readonly classes: readonly IClass[] | null;
}

const ROUNDING = 0.01;

/** The outputs in an answer of a model server, in its column form or in its row form. */
export function outputsOf(answer: unknown): IOutput[] {
  if (!isRecord(answer)) {
    return [];
  }
  const outputs = 'outputs' in answer ? answer.outputs : answer.predictions;
  if (isRecord(outputs)) {
    return Object.entries(outputs).map(([name, value]) => output(name, value));
  }
  return outputs === undefined ? [] : [output('', outputs)];
}

function output(name: string, value: unknown): IOutput {
  const first = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return { name, value, classes: classesOf(first) };
}

/** The classes of a vector that is a distribution: shares from 0 to 1 that add up to 1. */
export function classesOf(value: unknown): IClass[] | null {
  if (!isNumbers(value) || value.length < 2) {
    return null;
  }
  const sum = value.reduce((total, share) => total + share, 0);
  const within = value.every(share => share >= 0 && share <= 1 + ROUNDING);
  return within && Math.abs(sum - 1) <= ROUNDING
    ? value
        .map((share, index) => ({ index, share }))
        .sort((one, other) => other.share - one.share || one.index - other.index)
    : null;
}

const VECTOR = /\[\s+(-?[\d.eE+-]+(?:,\s+-?[\d.eE+-]+)*)\s+\]/g;
/** Six or more points of a picture: lists of one number or of three. */
const POINTS = /\[\s+((?:\[[^[\],]+(?:, [^[\],]+, [^[\],]+)?\](?:,\s+)?){6,})\s+\]/g;

/** JSON with each vector and each row of a picture on one line, so that they are read as such. */
export function readable(value: unknown): string {
  const line = (_: string, inside: string): string => `[${inside.replace(/,\s+/g, ', ')}]`;
  return JSON.stringify(value, null, 2).replace(VECTOR, line).replace(POINTS, line);
}
