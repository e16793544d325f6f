import * as React from 'react';

import { MinuteClock } from '../models/minuteclock.ts';

const CLOCK = new MinuteClock();

/** Draw a component again each minute: it says how long ago something was. */
export function useEveryMinute(): void {
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => CLOCK.listen(draw), []);
}
