// Words for labels, which may be anything that a model file says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelName } from '../../web/src/labels.js';

test('a label is called what its model calls it, shortly, or by its number', () => {
  const names = ['cats', '', 'x'.repeat(300)];
  const called = [0, 1, 2, 3, null].map((label) => labelName({ names }, label));
  assert.deepEqual(called, ['cats', '1', `${'x'.repeat(39)}…`, '3', '']);
});
