import assert from 'node:assert/strict';
import { test } from 'node:test';

import { follows, isResized } from '../src/models/following.ts';

const at = (scrollTop: number) => ({ scrollTop, scrollHeight: 1000, clientHeight: 100 });

test('scrolling up a little stops a log, also close to its end', () => {
  assert.equal(follows(true, 900, at(890)), false);
  assert.equal(follows(false, 890, at(500)), false);
});

test('scrolling down goes on with following only near the end', () => {
  assert.equal(follows(false, 500, at(700)), false);
  assert.equal(follows(false, 700, at(870)), true);
});

test('what grows stays at its end, and at the end a log is followed', () => {
  assert.equal(follows(true, 950, at(900)), true);
  assert.equal(follows(false, 950, at(900)), true);
});

test('what is scrolled by another size is not scrolled by a person', () => {
  assert.equal(isResized(at(900), at(300)), false);
  assert.equal(isResized(at(900), { ...at(800), clientHeight: 200 }), true);
  assert.equal(isResized(at(900), { ...at(900), scrollHeight: 1018 }), true);
});
