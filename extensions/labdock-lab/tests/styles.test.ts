import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const STYLE = new URL('../style/', import.meta.url);

/** The parts that a style sheet is about: of each selector the first class, without its element. */
function partsOf(sheet: string): Set<string> {
  const bare = sheet.replace(/\/\*.*?\*\//gs, '').replace(/@[^{;]+[{;]/g, '');
  const selectors = bare.replace(/\{[^}]*\}/g, ',').split(',');
  return new Set(selectors.flatMap(one => /\.lbd-(?!mod-)[A-Za-z]+/.exec(one)?.[0] ?? []));
}

test('no part is styled in two files', () => {
  const places = new Map<string, string>();
  for (const name of readdirSync(STYLE).sort()) {
    for (const part of partsOf(readFileSync(new URL(name, STYLE), 'utf8'))) {
      assert.equal(places.get(part) ?? name, name, `${part} is styled in two files`);
      places.set(part, name);
    }
  }
  assert.ok(places.size > 50, `${places.size} parts were found`);
});
