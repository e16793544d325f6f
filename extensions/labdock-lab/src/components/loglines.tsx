import * as React from 'react';

import { spans } from '../models/ansi.ts';
import { follows, isResized, type IScrolled } from '../models/following.ts';
import { clock } from '../models/wording.ts';
import type { LogLine } from '../service/types.ts';
import { useWindow } from './windowed.tsx';

/** The height of a line in pixels. */
const LINE = 18;

interface ILinesProps {
  lines: readonly LogLine[];
  times: boolean;
  /** The line that a search has found. */
  hit: number | null;
  follow: boolean;
  onFollow: (follow: boolean) => void;
  label: string;
  /** What is said where there are no lines. */
  empty: string;
}

/** Lines of a log, those that are seen of however many. */
export function LogLines(props: ILinesProps) {
  const { lines, times, hit } = props;
  const box = React.useRef<HTMLDivElement>(null);
  const { first, last } = useWindow(box, LINE, lines.length);
  const scrolled = useFollowing(box, props);
  return (
    <div
      ref={box}
      className="lbd-Log-lines jp-RenderedText"
      role="log"
      aria-label={props.label}
      aria-live="off"
      tabIndex={0}
      onScroll={scrolled}
    >
      {lines.length === 0 && <p className="lbd-Empty">{props.empty}</p>}
      <pre style={{ height: lines.length * LINE }}>
        {lines.slice(first, last).map((line, index) => (
          <Line
            key={line.cursor}
            line={line}
            top={(first + index) * LINE}
            times={times}
            hit={first + index === hit}
          />
        ))}
      </pre>
    </div>
  );
}

/** Stay at the end while that is wanted, and go to what was found; what a person scrolls counts. */
function useFollowing(
  box: React.RefObject<HTMLDivElement>,
  { lines, hit, follow, onFollow }: ILinesProps
): () => void {
  const known = React.useRef<IScrolled>({ scrollTop: 0, scrollHeight: 0, clientHeight: 0 });
  const go = (top?: number) => {
    if (box.current !== null) {
      box.current.scrollTop = top ?? box.current.scrollTop;
      const { scrollTop, scrollHeight, clientHeight } = box.current;
      known.current = { scrollTop, scrollHeight, clientHeight };
    }
  };
  const stay = () => go(follow ? box.current?.scrollHeight : undefined);
  React.useLayoutEffect(stay, [follow, lines.length, lines.at(-1)]);
  React.useLayoutEffect(() => {
    if (hit !== null) {
      go(hit * LINE - (box.current?.clientHeight ?? 0) / 2);
    }
  }, [hit]);
  React.useEffect(() => {
    const observer = new ResizeObserver(stay);
    if (box.current !== null) {
      observer.observe(box.current);
    }
    return () => observer.disconnect();
  }, [follow]);
  return () => {
    const before = known.current;
    const now = box.current;
    if (now === null || isResized(before, now)) {
      stay();
    } else if (Math.abs(now.scrollTop - before.scrollTop) >= 1) {
      go();
      onFollow(follows(follow, before.scrollTop, now));
    }
  };
}

const Line = React.memo(function Line(props: {
  line: LogLine;
  top: number;
  times: boolean;
  hit: boolean;
}) {
  const { line, top, times, hit } = props;
  return (
    <div
      className="lbd-Log-line"
      data-stream={line.stream}
      data-hit={hit}
      style={{ top, height: LINE }}
    >
      {times && <time>{clock(line.time)}</time>}
      {spans(line.text).map((span, index) => (
        <span key={index} className={span.classes}>
          {span.text}
        </span>
      ))}
    </div>
  );
});
