import type { Job, Snapshot, Source } from '../service/types.ts';
import { figure, valueText } from './wording.ts';

/** Something that two jobs have in different ways; null where one has it not. */
export interface IDifference {
  readonly name: string;
  readonly one: string | null;
  readonly other: string | null;
}

/** A job with what it was made of; null of what is no longer kept. */
export interface IWhole {
  readonly job: Job;
  readonly snapshot: Snapshot | null;
  readonly source: Source | null;
}

export interface IDifferences {
  readonly parameters: IDifference[];
  readonly files: IDifference[];
  readonly dependencies: IDifference[];
  readonly metrics: IDifference[];
  readonly settings: IDifference[];
}

/** What differs between two jobs. */
export function differences(one: IWhole, other: IWhole): IDifferences {
  const by = (read: (whole: IWhole) => Record<string, string>) => compared(read(one), read(other));
  return {
    parameters: by(parametersOf),
    files: by(filesOf),
    dependencies: by(({ snapshot }) => packages(snapshot?.lock ?? [])),
    metrics: by(metricsOf),
    settings: by(settingsOf)
  };
}

/** What of two records is not the same, by name. */
export function compared(
  one: Record<string, string>,
  other: Record<string, string>
): IDifference[] {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
  return names
    .map(name => ({ name, one: one[name] ?? null, other: other[name] ?? null }))
    .filter(found => found.one !== found.other);
}

/** The distributions of a lock and their versions; its hashes are left out. */
export function packages(lock: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of lock) {
    const match = /^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(?:==|@)\s*([^\s;\\]+)/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) {
      found[match[1]] = match[2];
    }
  }
  return found;
}

/** The parameters that a job ran with: what it was given, and the defaults of the rest. */
export function parametersOf({
  job,
  snapshot
}: Pick<IWhole, 'job' | 'snapshot'>): Record<string, string> {
  const defaults = (snapshot?.parameters ?? []).map(
    ({ name, text }) => [name, text ?? ''] as const
  );
  const given = Object.entries(job.parameters).map(
    ([name, value]) => [name, valueText(value)] as const
  );
  return Object.fromEntries([...defaults, ...given]);
}

function filesOf({ source }: IWhole): Record<string, string> {
  const files = source?.files ?? [];
  return Object.fromEntries(
    files.map(file => [file.path, file.digest?.slice(7, 19) ?? `→ ${file.link ?? ''}`])
  );
}

function metricsOf({ job }: IWhole): Record<string, string> {
  const told = Object.entries(job.progress?.metrics ?? {});
  return Object.fromEntries(told.map(([name, value]) => [name, figure(value)]));
}

function settingsOf({ job, snapshot }: IWhole): Record<string, string> {
  const commit = snapshot?.git ? { commit: snapshot.git.commit.slice(0, 12) } : {};
  return {
    entry: job.entry,
    workers: String(job.workers),
    gpus: String(job.resources.gpus ?? 0),
    cpus: String(job.resources.cpus ?? 1),
    ...(snapshot ? { environment: snapshot.environment.slice(7, 19) } : {}),
    ...(snapshot ? { runtime: snapshot.runtime } : {}),
    ...commit
  };
}
