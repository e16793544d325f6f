/** The part of the time until a server is stopped, after which its person is told. */
const WARNED = 0.9;

/** What a server says of itself; times are as it writes them. */
export interface IServerUse {
  /** The server's own clock: a browser's may be wrong. */
  now: number;
  started: string;
  kernels: readonly { execution_state: string; last_activity: string }[];
  terminals: readonly { last_activity: string }[];
}

/** Where what was used last is kept: a kernel that was closed is in no answer any more. */
export interface IKept {
  get(): { started: string; used: number } | null;
  set(kept: { started: string; used: number }): void;
}

/** What was kept as text; null where that is none of it. */
export function readKept(text: string | null): ReturnType<IKept['get']> {
  try {
    const kept: unknown = JSON.parse(text ?? 'null');
    if (typeof kept !== 'object' || kept === null || !('started' in kept) || !('used' in kept)) {
      return null;
    }
    const { started, used } = kept;
    return typeof started === 'string' && typeof used === 'number' ? { started, used } : null;
  } catch {
    return null;
  }
}

/** Milliseconds since anything was used on a server: what `people/idleness.py` calls idle. */
export function idleSince(use: IServerUse, kept: IKept): number {
  const busy = use.kernels.some(kernel => kernel.execution_state === 'busy');
  const times = [...use.kernels, ...use.terminals].map(used => Date.parse(used.last_activity));
  const seen = busy ? use.now : Math.max(Date.parse(use.started), ...times);
  const before = kept.get();
  const used = before?.started === use.started ? Math.max(before.used, seen) : seen;
  kept.set({ started: use.started, used });
  return Math.max(0, use.now - used);
}

/** Milliseconds until the server is stopped, where it is time to say so; null otherwise. */
export function stopsIn(idle: number, limit: number): number | null {
  return idle < limit * WARNED ? null : Math.max(0, limit - idle);
}
