/** What a link leads to: something that a member of its project may see. */
export type Linked =
  { kind: 'job'; id: string } | { kind: 'endpoint'; project: string; name: string };

const JOB = 'labdock-job';
const ENDPOINT = 'labdock-endpoint';

/** Addresses that lead somewhere: what the router looks for. */
export const LINK = new RegExp(`[?&](${JOB}|${ENDPOINT})=`);

/** The address that opens something in the server of whoever follows it. */
export function linkTo(linked: Linked, hub: string): string {
  const asked =
    linked.kind === 'job'
      ? new URLSearchParams({ [JOB]: linked.id })
      : new URLSearchParams({ [ENDPOINT]: `${linked.project}/${linked.name}` });
  return `${hub}user-redirect/lab?${asked}`;
}

/** What an address leads to; null where it leads nowhere. */
export function linkedBy(search: string): Linked | null {
  const asked = new URLSearchParams(search);
  const id = asked.get(JOB);
  if (id) {
    return { kind: 'job', id };
  }
  const [project, name, ...more] = asked.get(ENDPOINT)?.split('/') ?? [];
  return project && name && more.length === 0 ? { kind: 'endpoint', project, name } : null;
}
