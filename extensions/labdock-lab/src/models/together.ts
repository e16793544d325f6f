import { hubAddress, type IHubPlace } from './hubaddress.ts';

/** A project whose members have a server together. */
export interface IShared {
  readonly name: string;
  /** The path that leads to its server, starting it where it does not run. */
  readonly together: string;
}

/** What of a project is open: a path below its folder, or nothing. */
export interface IPlace {
  readonly project: string;
  readonly path: string;
}

/** The projects that have a server of their own. */
export function sharedOf(
  projects: readonly { readonly name: string; readonly together?: string | null }[]
): IShared[] {
  return projects.flatMap(({ name, together }) => (together ? [{ name, together }] : []));
}

/** Where a file of a person's own server lies in a project; null where it lies in none. */
export function placeOf(path: string): IPlace | null {
  const [, project, rest] = /^projects\/([^/]+)\/(.+)$/.exec(path) ?? [];
  return project && rest ? { project, path: rest } : null;
}

/** The address of a project's server, or of a file in it. */
export function serverAddress({ together }: IShared, path: string, place: IHubPlace): string {
  const account = together.slice(together.lastIndexOf('/') + 1);
  const base = place.prefix.replace(/hub\/$/, '');
  const file = path.split('/').map(encodeURIComponent).join('/');
  const query = path
    ? `?${new URLSearchParams({ next: `${base}user/${account}/lab/tree/${file}` })}`
    : '';
  return hubAddress(place, together) + query;
}
