/** A place on the page, in pixels. */
export interface IBox {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Pixels between a bubble and what it is about, and between it and the window's edge. */
const GAP = 12;

/** What begins so near to the left edge is a tab of the side bar: below it there are others. */
const EDGE = 8;

/**
 * Where a bubble goes: beside what it is about, without covering it, inside of the window.
 *
 * Without anything to stand beside it goes to the lower right corner.
 */
export function placed(
  about: IBox | null,
  size: { width: number; height: number },
  room: { width: number; height: number }
): { left: number; top: number } {
  const most = {
    left: room.width - size.width - GAP,
    top: room.height - size.height - GAP
  };
  if (about === null) {
    return { left: most.left, top: most.top - 2 * GAP };
  }
  const right = about.left + about.width + GAP;
  if (about.left < EDGE) {
    return { left: right, top: within(about.top, most.top) };
  }
  const below = about.top + about.height + GAP;
  if (below <= most.top) {
    return { left: within(about.left, most.left), top: below };
  }
  if (right <= most.left) {
    return { left: right, top: within(about.top, most.top) };
  }
  return {
    left: within(about.left, most.left),
    top: within(about.top - size.height - GAP, most.top)
  };
}

function within(value: number, most: number): number {
  return Math.max(GAP, Math.min(value, most));
}
