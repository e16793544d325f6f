import type { Json } from './tensors.ts';

/** How an input holds an image. */
export interface IFrame {
  readonly width: number;
  readonly height: number;
  /** Numbers of a point; 0 where a point is no list. */
  readonly channels: 0 | 1 | 3;
  /** Whether all points are in one list. */
  readonly flat: boolean;
}

/** The numbers for black and for white. */
export type Range = readonly [number, number];

const SMALLEST = 6;
const LARGEST = 512;

/** How an input of this value and shape holds an image, where it looks as if it did. */
export function frameOf(shape: readonly (number | null)[] | null, value: Json): IFrame | null {
  const [height, width, channels, ...more] = sizes(shape, value);
  if (height !== undefined && width === undefined) {
    const side = Math.sqrt(height);
    const square = side === 8 || side === 28;
    return square ? { width: side, height: side, channels: 0, flat: true } : null;
  }
  const fits = [height, width].every(
    side => side !== undefined && side >= SMALLEST && side <= LARGEST
  );
  const known = channels === undefined || channels === 1 || channels === 3;
  return fits && known && more.length === 0 && height !== undefined && width !== undefined
    ? { width, height, channels: channels ?? 0, flat: false }
    : null;
}

/** What black and white are in numbers like these: 0 and 1, -1 and 1, 0 and 255 or what is most. */
export function rangeOf(value: Json, whole: boolean): Range {
  const numbers = numbersOf(value);
  const least = numbers.reduce((one, other) => Math.min(one, other), 0);
  const most = numbers.reduce((one, other) => Math.max(one, other), 0);
  if (most > 1) {
    return [0, most > 100 ? 255 : most];
  }
  return whole ? [0, 255] : [least < 0 ? -1 : 0, 1];
}

/** An image of red, green, blue and opacity as the value of an input. */
export function imageValue(
  pixels: ArrayLike<number>,
  frame: IFrame,
  range: Range,
  whole: boolean
): Json {
  const [black, white] = range;
  const scaled = (byte: number): number => {
    const number = black + (byte / 255) * (white - black);
    return whole ? Math.round(number) : Number(number.toFixed(4));
  };
  const point = (at: number): Json => {
    const colours = [0, 1, 2].map(colour => pixels[4 * at + colour] ?? 0);
    if (frame.channels === 3) {
      return colours.map(scaled);
    }
    const [red = 0, green = 0, blue = 0] = colours;
    const grey = scaled(0.299 * red + 0.587 * green + 0.114 * blue);
    return frame.channels === 1 ? [grey] : grey;
  };
  const points = Array.from({ length: frame.width * frame.height }, (_, at) => point(at));
  return frame.flat
    ? points
    : Array.from({ length: frame.height }, (_, row) =>
        points.slice(row * frame.width, (row + 1) * frame.width)
      );
}

/** The same with black and white exchanged. */
export function inverted(value: Json, range: Range): Json {
  if (Array.isArray(value)) {
    return value.map(part => inverted(part, range));
  }
  const [black, white] = range;
  return typeof value === 'number' ? Number((black + white - value).toFixed(4)) : value;
}

/** The axes of a shape; those that it leaves open are as the value has them. */
function sizes(shape: readonly (number | null)[] | null, value: Json): number[] {
  const found: number[] = [];
  for (let part: Json = value; Array.isArray(part); part = part[0] ?? null) {
    found.push(part.length);
  }
  return (shape ?? found).map((size, axis) => size ?? found[axis] ?? 0);
}

function numbersOf(value: Json): number[] {
  return Array.isArray(value) ? value.flatMap(numbersOf) : typeof value === 'number' ? [value] : [];
}
