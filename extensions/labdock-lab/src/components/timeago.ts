const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1]
];

/** A time, in seconds since the epoch, as people say it: 5 minutes ago, in 3 hours. */
export function timeAgo(time: number, now = Date.now() / 1000): string {
  const apart = time - now;
  const [unit, seconds] = UNITS.find(([, size]) => Math.abs(apart) >= size) ?? ['second', 1];
  const language = document.documentElement.lang || 'en';
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(
    Math.trunc(apart / seconds),
    unit
  );
}
