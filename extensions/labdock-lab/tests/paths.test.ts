import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isWithin } from '../src/models/paths.ts';

test('a folder holds what lies below it, whoever has it open, and nothing beside it', () => {
  for (const inside of ['work', 'work/a.py', 'work/deep/b.ipynb', 'RTC:work/a.py']) {
    assert.equal(isWithin(inside, 'work'), true, inside);
  }
  assert.equal(isWithin('workshop/a.py', 'work'), false);
  assert.equal(isWithin('other/work/a.py', 'work'), false);
  assert.equal(isWithin('a.py', ''), true);
  assert.equal(isWithin('RTC:a.py', 'a.py'), true);
});
