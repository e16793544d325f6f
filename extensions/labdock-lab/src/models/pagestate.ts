/** The parts of a job's page, in order. */
export const PARTS = ['overview', 'log', 'curves', 'files', 'ran', 'differences'] as const;
export type Part = (typeof PARTS)[number];

/** What of a job's page is there again after a reload. */
export interface IPageState {
  /** The part that is looked at. */
  readonly part: Part;
  /** The jobs whose curves are drawn over those of the page's own, in order. */
  readonly over: readonly string[];
}

/** What was kept of a page's state, as far as it is one. */
export function readPageState(kept: Readonly<Record<string, unknown>>): IPageState {
  const { part, over } = kept;
  return {
    part: PARTS.find(one => one === part) ?? 'overview',
    over: Array.isArray(over) ? over.filter(id => typeof id === 'string') : []
  };
}
