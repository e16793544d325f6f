/** What JSON can say. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Numbers in rows, as a form shows them; a plain list is one row. */
export interface IGrid {
  readonly rows: number[][];
  /** Whether the value is a list of lists. */
  readonly nested: boolean;
}

/** Points from 0 (dark) to 1. */
export interface IPicture {
  readonly width: number;
  readonly height: number;
  readonly points: readonly number[];
}

const MOST_CELLS = 64;
const MOST_COLUMNS = 16;
const SMALLEST_SIDE = 6;
const LARGEST_SIDE = 128;
const FLAT_SIDES = new Set([8, 28]);

export function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(part => typeof part === 'number');
}

function isTable(value: unknown): value is number[][] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(row => isNumbers(row) && row.length === value[0].length && row.length > 0)
  );
}

/** A value as a grid, where it is numbers and few enough for one. */
export function gridOf(value: unknown): IGrid | null {
  const rows = isTable(value) ? value : isNumbers(value) && value.length > 0 ? [value] : null;
  const columns = rows?.[0]?.length ?? 0;
  if (rows === null || rows.length * columns > MOST_CELLS) {
    return null;
  }
  const nested = isTable(value);
  return columns <= MOST_COLUMNS || !nested ? { rows, nested } : null;
}

/** How many columns a grid is shown in: a square where it is one, as pictures are. */
export function columnsOf(grid: IGrid): number {
  const first = grid.rows[0]?.length ?? 1;
  if (grid.nested || first <= MOST_COLUMNS / 2) {
    return first;
  }
  const side = Math.sqrt(first);
  return Number.isInteger(side) ? side : MOST_COLUMNS / 2;
}

/** A grid's value with another number at a place, counted row by row. */
export function withNumber(grid: IGrid, place: number, number: number): Json {
  const columns = grid.rows[0]?.length ?? 1;
  const rows = grid.rows.map((row, at) =>
    row.map((old, column) => (at * columns + column === place ? number : old))
  );
  return grid.nested ? rows : (rows[0] ?? []);
}

/** A value as a picture, where it looks like one: two axes, perhaps a third of one or three. */
export function pictureOf(value: unknown): IPicture | null {
  const rows = isNumbers(value) ? unflattened(value) : grey(value);
  const height = rows?.length ?? 0;
  const width = rows?.[0]?.length ?? 0;
  const fits = (side: number): boolean => side >= SMALLEST_SIDE && side <= LARGEST_SIDE;
  if (rows === null || !fits(height) || !fits(width)) {
    return null;
  }
  const points = rows.flat();
  const lowest = Math.min(...points);
  const range = Math.max(...points) - lowest || 1;
  return { width, height, points: points.map(point => (point - lowest) / range) };
}

function unflattened(value: number[]): number[][] | null {
  const side = Math.sqrt(value.length);
  return FLAT_SIDES.has(side)
    ? Array.from({ length: side }, (_, row) => value.slice(row * side, (row + 1) * side))
    : null;
}

function grey(value: unknown): number[][] | null {
  if (isTable(value)) {
    return value;
  }
  if (!Array.isArray(value)) {
    return null;
  }
  const rows = value.map(row => (Array.isArray(row) ? row.map(mean) : [null]));
  return isTable(rows) ? rows : null;
}

function mean(channels: unknown): number | null {
  const several = isNumbers(channels) && (channels.length === 1 || channels.length === 3);
  return several ? channels.reduce((sum, one) => sum + one, 0) / channels.length : null;
}
