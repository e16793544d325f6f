import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { JobRow, ROW, rowId } from '../components/jobrow.tsx';
import { showRow, useWindow } from '../components/windowed.tsx';
import type { JobsView } from '../models/jobsview.ts';

export interface IJobListProps {
  view: JobsView;
  trans: TranslationBundle;
  onOpen: (id: string) => void;
  onDelete: (id: string) => void;
}

/** The rows that are seen of however many jobs; the arrow keys go through all of them. */
export function JobRows(props: IJobListProps) {
  const { view, trans, onOpen, onDelete } = props;
  const list = React.useRef<HTMLUListElement>(null);
  const { first, last, page } = useWindow(list, ROW, view.rows.length);
  const current = view.current;
  const shown = React.useCallback((by: number) => go(view, list.current, by), [view]);
  const openMenu = React.useCallback(
    (id: string, x: number, y: number) => {
      view.select(id);
      requestAnimationFrame(() => askMenu(id, x, y));
    },
    [view]
  );
  React.useEffect(() => view.want(last + page), [view, last, page]);
  const keys: Record<string, () => void> = {
    ArrowDown: () => shown(1),
    ArrowUp: () => shown(-1),
    PageDown: () => shown(page),
    PageUp: () => shown(-page),
    Home: () => shown(-view.rows.length),
    End: () => shown(view.rows.length),
    Enter: () => current && onOpen(current.id),
    Delete: () => current && onDelete(current.id),
    ContextMenu: () => current && menuAtRow(current.id)
  };
  const press = (event: React.KeyboardEvent) => {
    const name = event.key === 'F10' && event.shiftKey ? 'ContextMenu' : event.key;
    const act = keys[name];
    if (act !== undefined && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };
  return (
    <ul
      ref={list}
      className="lbd-Jobs-list"
      role="listbox"
      aria-label={trans.__('Jobs')}
      aria-activedescendant={current ? rowId(current.id) : undefined}
      tabIndex={0}
      onKeyDown={press}
      onFocus={() => view.currentIndex < 0 && view.move(0)}
    >
      <li
        className="lbd-Jobs-room"
        role="presentation"
        style={{ height: view.rows.length * ROW }}
      ></li>
      {view.rows.slice(first, last).map((job, index) => (
        <JobRow
          key={job.id}
          job={job}
          at={first + index}
          of={view.rows.length}
          current={job === current}
          trans={trans}
          onSelect={id => view.select(id)}
          onOpen={onOpen}
          onMenu={openMenu}
        />
      ))}
    </ul>
  );
}

function go(view: JobsView, list: HTMLElement | null, by: number): void {
  view.move(by);
  if (list !== null) {
    showRow(list, view.currentIndex, ROW);
  }
}

/** Open the context menu of a row where it is. */
function menuAtRow(id: string): void {
  const place = document.getElementById(rowId(id))?.getBoundingClientRect();
  if (place !== undefined) {
    askMenu(id, place.left + place.width / 3, place.bottom);
  }
}

/** JupyterLab opens a context menu by what was clicked; others may add to it. */
function askMenu(id: string, clientX: number, clientY: number): void {
  const event = new MouseEvent('contextmenu', {
    bubbles: true,
    cancelable: true,
    clientX,
    clientY
  });
  document.getElementById(rowId(id))?.dispatchEvent(event);
}
