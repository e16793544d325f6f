import * as React from 'react';

const OVERSCAN = 5;

/** Which rows of a fixed height are seen in an element that scrolls. */
export function useWindow(
  element: React.RefObject<HTMLElement>,
  height: number,
  count: number
): { first: number; last: number; page: number } {
  const [seen, see] = React.useState({ top: 0, height: 600 });
  React.useLayoutEffect(() => {
    const scrolled = element.current;
    if (scrolled === null) {
      return;
    }
    const look = () => see({ top: scrolled.scrollTop, height: scrolled.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(scrolled);
    scrolled.addEventListener('scroll', look, { passive: true });
    look();
    return () => {
      observer.disconnect();
      scrolled.removeEventListener('scroll', look);
    };
  }, [element]);
  const page = Math.max(1, Math.floor(seen.height / height));
  const first = Math.max(0, Math.floor(seen.top / height) - OVERSCAN);
  return { first, last: Math.min(count, first + page + 2 * OVERSCAN + 1), page };
}

/** Scroll no further than it takes to see a row. */
export function showRow(element: HTMLElement, at: number, height: number): void {
  const top = at * height;
  if (top < element.scrollTop) {
    element.scrollTop = top;
  } else if (top + height > element.scrollTop + element.clientHeight) {
    element.scrollTop = top + height - element.clientHeight;
  }
}
