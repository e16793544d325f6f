import type { OpenLog } from '../models/textlog.ts';
import type { Service } from './service.ts';

/** What opens a log of the service, at a path of its API. */
export function logOf(
  service: Service,
  path: string,
  which: Readonly<Record<string, string>> = {}
): OpenLog {
  return (after, follow, signal) => {
    const from = after === null ? {} : { after };
    const query = new URLSearchParams({ ...which, ...from, follow: String(follow) });
    return service.events(`${path}?${query}`, signal);
  };
}
