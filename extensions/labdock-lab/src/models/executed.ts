import { isRecord } from '../service/records.ts';
import type { File, Job } from '../service/types.ts';

const NOTEBOOK = '.ipynb';

/** The path of a job's executed notebook; null where there is none. */
export function executedNotebook(job: Job | null, files: readonly File[] | null): string | null {
  if (job === null || !job.entry.endsWith(NOTEBOOK)) {
    return null;
  }
  const path = `${job.entry.slice(0, -NOTEBOOK.length)}.executed${NOTEBOOK}`;
  return files?.some(file => file.path === path) ? path : null;
}

/** The source of a notebook's code cell by its number, the one with injected parameters left out. */
export function cellSource(notebook: string, number: number): string | null {
  const cells = cellsOf(JSON.parse(notebook)).filter(isPersonsCode);
  return textOf(cells[number - 1]?.['source']);
}

type Cell = Record<string, unknown>;

function cellsOf(notebook: unknown): Cell[] {
  const cells = isRecord(notebook) ? notebook['cells'] : null;
  return Array.isArray(cells) ? cells.filter(isRecord) : [];
}

function isPersonsCode(cell: Cell): boolean {
  const tags = isRecord(cell['metadata']) ? cell['metadata']['tags'] : null;
  const injected = Array.isArray(tags) && tags.includes('injected-parameters');
  return cell['cell_type'] === 'code' && !injected;
}

function textOf(source: unknown): string | null {
  return Array.isArray(source) ? source.join('') : typeof source === 'string' ? source : null;
}
