import type { TranslationBundle } from '@jupyterlab/translation';

/** What of a translation the words here need. */
export type Words = Pick<TranslationBundle, '__' | '_n'>;

const DAY = 86_400;
const HOUR = 3_600;
const MINUTE = 60;

/** Bytes. */
export const GIGABYTE = 1_000_000_000;

/** A length of time, short: `8 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(seconds: number, trans: Words): string {
  const names: [size: number, name: (count: number) => string][] = [
    [DAY, count => trans.__('%1 d', count)],
    [HOUR, count => trans.__('%1 h', count)],
    [MINUTE, count => trans.__('%1 min', count)],
    [1, count => trans.__('%1 s', count)]
  ];
  const whole = Math.max(0, Math.round(seconds));
  const from = names.findIndex(([size]) => whole >= size);
  if (from < 0) {
    return trans.__('%1 s', 0);
  }
  let left = whole;
  const parts = names.slice(from, from + 2).map(([size, name]): string => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count > 0 ? name(count) : '';
  });
  return parts.filter(part => part !== '').join(' ');
}

/** An estimated length of time: its largest unit alone, from two of it. */
export function roughly(seconds: number, trans: Words): string {
  const unit = [DAY, HOUR, MINUTE].find(one => seconds >= 2 * one) ?? 1;
  const count = Math.max(0, Math.round(seconds / unit));
  return unit === DAY
    ? trans.__('%1 d', count)
    : unit === HOUR
      ? trans.__('%1 h', count)
      : unit === MINUTE
        ? trans.__('%1 min', count)
        : trans.__('%1 s', count);
}

/** A length of time as one says it; `seconds` is more than 0. */
export function about(seconds: number, trans: Words): string {
  const minutes = Math.round(seconds / MINUTE);
  if (minutes < 1) {
    return trans.__('less than a minute');
  }
  if (minutes < 90) {
    return trans._n('about %1 minute', 'about %1 minutes', minutes);
  }
  return trans._n('about %1 hour', 'about %1 hours', Math.round(minutes / 60));
}

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', DAY],
  ['hour', HOUR],
  ['minute', MINUTE]
];

/** A time, in seconds since the epoch, as people say it: now, 5 minutes ago, in 3 hours. */
export function timeAgo(time: number, now = Date.now() / 1000): string {
  const apart = time - now;
  const found = UNITS.find(([, size]) => Math.abs(apart) >= size);
  const [unit, seconds] = found ?? ['second', Infinity];
  return new Intl.RelativeTimeFormat(language(), { numeric: 'auto' }).format(
    Math.trunc(apart / seconds),
    unit
  );
}

/** A time, in seconds since the epoch, with its date. */
export function moment(time: number): string {
  const style = { dateStyle: 'short', timeStyle: 'medium' } as const;
  return new Date(time * 1000).toLocaleString(language(), style);
}

/** A time of the day, in seconds since the epoch. */
export function clock(time: number): string {
  return new Date(time * 1000).toLocaleTimeString(language());
}

/** The page's language, which is JupyterLab's. */
function language(): string {
  return globalThis.document?.documentElement.lang || 'en';
}

/** A size, short: `512 B`, `1.5 MB`. */
export function size(bytes: number, trans: Words): string {
  const units = [
    (text: string) => trans.__('%1 B', text),
    (text: string) => trans.__('%1 kB', text),
    (text: string) => trans.__('%1 MB', text),
    (text: string) => trans.__('%1 GB', text),
    (text: string) => trans.__('%1 TB', text)
  ];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const value = bytes / 1000 ** power;
  const text = power === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1);
  return units[power]?.(text) ?? text;
}

const ACCOUNT = 'project--';

/** Whose a job is: a person's, or a project's own where it was submitted in a common server. */
export function ownerName(owner: string, trans: Words): string {
  return owner.startsWith(ACCOUNT)
    ? trans.__('the project %1', owner.slice(ACCOUNT.length))
    : owner;
}

/** CPUs as people read them: 0.4 and 12. */
export function cpus(value: number): string {
  return value.toFixed(value < 10 && !Number.isInteger(value) ? 1 : 0);
}

/** Bytes as gigabytes: 0.4 and 12. */
export function gigabytes(bytes: number): string {
  return cpus(bytes / GIGABYTE);
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
