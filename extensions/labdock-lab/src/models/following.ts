/** How far something is scrolled, in pixels. */
export interface IScrolled {
  readonly scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
}

/** Pixels from the end within which scrolling down goes on with following. */
const NEAR_END = 36;

/** Whether a log is followed after a person scrolled: up stops it, and down to the end goes on. */
export function follows(before: boolean, from: number, now: IScrolled): boolean {
  const left = now.scrollHeight - now.scrollTop - now.clientHeight;
  if (left < 1) {
    return true;
  }
  return now.scrollTop < from ? false : before || left < NEAR_END;
}

/** Whether something has another size: then it was not a person who scrolled it. */
export function isResized(before: IScrolled, now: IScrolled): boolean {
  return before.clientHeight !== now.clientHeight || before.scrollHeight !== now.scrollHeight;
}
