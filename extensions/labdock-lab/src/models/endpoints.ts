import type { ILive } from '../service/live.ts';
import type { Changes, Endpoint, Revision } from '../service/types.ts';
import { LiveList } from './livelist.ts';

/** Where endpoints are listed, and from where changes come. */
export interface IEndpointSource {
  list(): Promise<Endpoint[]>;
  readonly live: ILive;
}

/** The endpoints that a person sees, by project and name, kept up to date. */
export class EndpointList extends LiveList<Endpoint> {
  readonly #source: IEndpointSource;

  constructor(source: IEndpointSource) {
    super(source.live);
    this.#source = source;
  }

  get endpoints(): readonly Endpoint[] {
    return this.items;
  }

  find(project: string, name: string): Endpoint | undefined {
    return this.endpoints.find(one => one.project === project && one.name === name);
  }

  protected override page(): Promise<readonly Endpoint[]> {
    return this.#source.list();
  }

  protected override take({ endpoints, deleted_endpoints }: Changes): void {
    this.tell(endpoints ?? [], deleted_endpoints ?? []);
  }

  protected override order(one: Endpoint, other: Endpoint): number {
    return one.project.localeCompare(other.project) || one.name.localeCompare(other.name);
  }
}

/** The revision that was asked for last. */
export function newest(endpoint: Endpoint): Revision | undefined {
  return endpoint.revisions.reduce<Revision | undefined>(
    (last, one) => (last === undefined || one.number > last.number ? one : last),
    undefined
  );
}

/** The revision that has the traffic. */
export function serving(endpoint: Endpoint): Revision | undefined {
  const share = endpoint.traffic.find(one => one.weight > 0);
  return endpoint.revisions.find(one => one.id === share?.revision);
}

/** The revision that comes up and does not serve yet. */
export function comingUp(endpoint: Endpoint): Revision | undefined {
  return endpoint.revisions.find(
    one => (one.state === 'starting' || one.state === 'warming') && one.id !== serving(endpoint)?.id
  );
}

/** The revision that undoing goes back to. */
export function undoTarget(endpoint: Endpoint): Revision | undefined {
  return endpoint.revisions.find(one => one.id === endpoint.before);
}
