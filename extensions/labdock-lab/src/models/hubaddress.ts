/** Where the hub is, by what it says to JupyterLab; its host is empty where that is the page's. */
export interface IHubPlace {
  readonly host: string;
  /** The path of the hub's own pages, as `/hub/`. */
  readonly prefix: string;
  readonly origin: string;
}

/** The whole address of a path under the hub. */
export function hubAddress(place: IHubPlace, path: string): string {
  const base = place.prefix.replace(/\/$/, '').replace(/\/hub$/, '');
  return `${place.host || place.origin}${base}${path}`;
}

/** Whether a page of the hub has another origin than JupyterLab: then neither looks into the other. */
export function isElsewhere(place: IHubPlace): boolean {
  return place.host !== '' && place.host !== place.origin;
}

/** The path of a project's TensorBoard, on the runs of these jobs and grids alone. */
export function tensorBoardPath(project: string, runs: readonly string[], dark: boolean): string {
  const query = new URLSearchParams();
  if (dark) {
    query.set('darkMode', 'true');
  }
  if (runs.length > 0) {
    query.set('runFilter', runs.join('|'));
  }
  const asked = query.size > 0 ? `?${query.toString()}` : '';
  return `/services/tensorboard/${encodeURIComponent(project)}/${asked}`;
}
