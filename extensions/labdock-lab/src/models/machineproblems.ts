import type { TranslationBundle } from '@jupyterlab/translation';

import type { ITrainChoice } from './trainchoice.ts';

type Machines = Pick<ITrainChoice, 'workers' | 'gpus' | 'cpus' | 'memory'>;

/** What of the machines asked for is no number, or none that can be: sentences by field. */
export function machineProblems(
  { workers, gpus, cpus, memory }: Machines,
  trans: Pick<TranslationBundle, '__'>
): Map<string, string> {
  const whole = (least: number) => trans.__('Give a whole number, %1 or more.', least);
  const found = new Map<string, string>();
  if (!isWhole(workers, 1)) {
    found.set('workers', whole(1));
  }
  if (!isWhole(gpus, 0)) {
    found.set('resources.gpus', whole(0));
  }
  if (!isMore(cpus)) {
    found.set('resources.cpus', trans.__('Give a number that is more than 0, such as 1.'));
  }
  if (memory.trim() !== '' && !isMore(memory)) {
    const sentence = trans.__('Give a number of gigabytes, or nothing for no limit.');
    found.set('resources.memory', sentence);
  }
  return found;
}

function isWhole(text: string, least: number): boolean {
  return /^\s*\d+\s*$/.test(text) && Number(text) >= least;
}

function isMore(text: string): boolean {
  return text.trim() !== '' && Number.isFinite(Number(text)) && Number(text) > 0;
}
