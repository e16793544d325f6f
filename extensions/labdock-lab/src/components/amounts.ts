/** CPUs as people read them: 0.4 and 12. */
export function cpus(value: number): string {
  return value.toFixed(value < 10 && !Number.isInteger(value) ? 1 : 0);
}

/** Bytes as gigabytes: 0.4 and 12. */
export function gigabytes(bytes: number): string {
  return cpus(bytes / 1e9);
}
