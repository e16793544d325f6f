const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60]
];

/** A time, in seconds since the epoch, as people say it: now, 5 minutes ago, in 3 hours. */
export function timeAgo(time: number, now = Date.now() / 1000): string {
  const apart = time - now;
  const found = UNITS.find(([, size]) => Math.abs(apart) >= size);
  const [unit, seconds] = found ?? ['second', Infinity];
  const language = document.documentElement.lang || 'en';
  return new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(
    Math.trunc(apart / seconds),
    unit
  );
}
