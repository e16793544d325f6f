import type * as React from 'react';

/** Let the arrow keys go through the rows of a list: what has `data-row` in it. */
export function moveByArrows(event: React.KeyboardEvent<HTMLElement>): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.findIndex(row => row === document.activeElement);
  const next = at < 0 ? undefined : rows[at + step];
  if (step !== 0 && next) {
    next.focus();
    event.preventDefault();
  }
}
