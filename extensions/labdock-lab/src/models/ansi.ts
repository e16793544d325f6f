/** Text of one look; the classes are those of JupyterLab's own output. */
export interface ISpan {
  readonly text: string;
  readonly classes: string;
}

const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;
const ESCAPE =
  /\x1b(?:\[([0-9;:?]*)([A-Za-z])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()][A-Za-z0-9]|[A-Za-z=>])/g;

/** What a terminal would show of a line in the end: after `\r` it begins anew. */
export function shownText(line: string): string {
  const parts = line.replace(/\r+$/, '').split('\r');
  return parts.at(-1) ?? '';
}

/** A line without its colours. */
export function plainText(line: string): string {
  return shownText(line).replace(ESCAPE, '');
}

/** A line as spans of one look each. */
export function spans(line: string): ISpan[] {
  const text = shownText(line);
  const found: ISpan[] = [];
  const style = new Map<string, string>();
  let from = 0;
  const take = (until: number) => {
    if (until > from) {
      found.push({ text: text.slice(from, until), classes: [...style.values()].join(' ') });
    }
  };
  for (const match of text.matchAll(ESCAPE)) {
    take(match.index);
    from = match.index + match[0].length;
    if (match[2] === 'm') {
      apply(style, (match[1] ?? '').split(/[;:]/).map(Number));
    }
  }
  take(text.length);
  return found;
}

function apply(style: Map<string, string>, codes: number[]): void {
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 38 || code === 48) {
      const kind = codes[at + 1];
      const colour = codes[at + 2] ?? 0;
      if (kind === 5 && colour < 16) {
        paint(style, code === 38 ? 'fg' : 'bg', colour % 8, colour > 7);
      }
      at += kind === 5 ? 2 : 4;
    } else {
      applyOne(style, code);
    }
  }
}

function applyOne(style: Map<string, string>, code: number): void {
  if (code === 0) {
    style.clear();
  } else if (code === 1) {
    style.set('bold', 'ansi-bold');
  } else if (code === 4) {
    style.set('underline', 'ansi-underline');
  } else if (code === 22) {
    style.delete('bold');
  } else if (code === 24) {
    style.delete('underline');
  } else if (code === 39 || code === 49) {
    style.delete(code === 39 ? 'fg' : 'bg');
  } else {
    const tens = Math.floor(code / 10);
    const ground = tens === 3 || tens === 9 ? 'fg' : tens === 4 || tens === 10 ? 'bg' : null;
    if (ground !== null && code % 10 < 8) {
      paint(style, ground, code % 10, tens > 8);
    }
  }
}

function paint(
  style: Map<string, string>,
  ground: 'fg' | 'bg',
  colour: number,
  intense: boolean
): void {
  style.set(ground, `ansi-${COLOURS[colour]}${intense ? '-intense' : ''}-${ground}`);
}
