/** A length of time, short: `8 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1]
  ];
  const from = units.findIndex(([, size]) => whole >= size);
  if (from < 0) {
    return '0 s';
  }
  let left = whole;
  const parts = units.slice(from, from + 2).map(([name, size]): string => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count > 0 ? `${count} ${name}` : '';
  });
  return parts.filter(part => part !== '').join(' ');
}

/** An estimated length of time: its largest unit alone. */
export function roughly(seconds: number): string {
  const unit = [86_400, 3_600, 60].find(one => seconds >= 2 * one) ?? 1;
  return duration(Math.round(seconds / unit) * unit).replace(/^(\d+ \w+) .*/, '$1');
}

/** A size, short: `512 B`, `1.5 MB`. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[power]}`;
}

/** A number as people compare it: four digits that count. */
export function figure(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 1e6)
    ? value.toExponential(2)
    : String(Number(value.toPrecision(4)));
}

/** A parameter's value in a line. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
