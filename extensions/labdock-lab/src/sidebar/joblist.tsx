import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { JobRow, ROW, rowId } from '../components/jobrow.tsx';
import { showRow, useWindow } from '../components/windowed.tsx';
import type { JobsView } from '../models/jobsview.ts';

export interface IJobListProps {
  view: JobsView;
  trans: TranslationBundle;
  onOpen: (id: string) => void;
  /** Delete those that are selected. */
  onDelete: () => void;
}

/** The rows that are seen of however many jobs; the arrow keys go through all of them. */
export function JobRows(props: IJobListProps) {
  const { view, trans } = props;
  const list = React.useRef<HTMLUListElement>(null);
  const { first, last, page } = useWindow(list, ROW, view.rows.length);
  const current = view.current;
  React.useEffect(() => view.want(last + page), [view, last, page]);
  return (
    <ul
      ref={list}
      className="lbd-Jobs-list"
      role="listbox"
      aria-label={trans.__('Jobs')}
      aria-multiselectable
      aria-activedescendant={current ? rowId(current.id) : undefined}
      tabIndex={0}
      onKeyDown={event => press(event, props, page)}
      onFocus={() => view.point()}
    >
      <li
        className="lbd-Jobs-room"
        role="presentation"
        style={{ height: view.rows.length * ROW }}
      ></li>
      <ShownRows {...props} first={first} last={last} />
    </ul>
  );
}

function ShownRows(props: IJobListProps & { first: number; last: number }) {
  const { view, trans, onOpen, first, last } = props;
  const select = React.useCallback(
    (id: string, how: 'alone' | 'toggled' | 'upTo') => view.select(id, how),
    [view]
  );
  const openMenu = React.useCallback(
    (id: string, x: number, y: number) => requestAnimationFrame(() => askMenu(id, x, y)),
    []
  );
  const about = React.useCallback(
    (id: string) => {
      if (!view.isSelected(id)) {
        view.select(id);
      }
    },
    [view]
  );
  return (
    <>
      {view.rows.slice(first, last).map((job, index) => (
        <JobRow
          key={job.id}
          job={job}
          at={first + index}
          of={view.rows.length}
          current={job === view.current}
          selected={view.isSelected(job.id)}
          trans={trans}
          onSelect={select}
          onAbout={about}
          onOpen={onOpen}
          onMenu={openMenu}
        />
      ))}
    </>
  );
}

/** What the keys do in the list. */
function press(event: React.KeyboardEvent<HTMLElement>, props: IJobListProps, page: number): void {
  const { view, onOpen, onDelete } = props;
  const { current } = view;
  const list = event.currentTarget;
  const how = event.shiftKey ? 'upTo' : 'alone';
  const keys: Record<string, () => void> = {
    ArrowDown: () => go(view, list, 1, how),
    ArrowUp: () => go(view, list, -1, how),
    PageDown: () => go(view, list, page, how),
    PageUp: () => go(view, list, -page, how),
    Home: () => go(view, list, -view.rows.length, how),
    End: () => go(view, list, view.rows.length, how),
    ' ': () => current && view.select(current.id, 'toggled'),
    Enter: () => current && onOpen(current.id),
    Delete: onDelete,
    ContextMenu: () => current && menuAtRow(current.id),
    All: () => view.selectAll()
  };
  const held = event.ctrlKey || event.metaKey;
  const name = event.key === 'F10' && event.shiftKey ? 'ContextMenu' : event.key;
  const act = keys[held && name === 'a' ? 'All' : held || event.altKey ? '' : name];
  if (act !== undefined) {
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}

function go(view: JobsView, list: HTMLElement, by: number, how: 'alone' | 'upTo'): void {
  view.move(by, how);
  showRow(list, view.currentIndex, ROW);
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
