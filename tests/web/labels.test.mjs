// Words for labels, which may be anything that a model file says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counted, labelName } from '../../web/src/labels.js';

test('a label is called what its model calls it, shortly, or by its number', () => {
  const names = ['cats', '', 'x'.repeat(300)];
  const called = [0, 1, 2, 3, null].map((label) => labelName({ names }, label));
  assert.deepEqual(called, ['cats', '1', `${'x'.repeat(39)}…`, '3', '']);
});

test('one of a thing is one thing', () => {
  const said = [0, 1, 2, 1234].map((count) => counted(count, 'image'));
  assert.deepEqual(said, ['0 images', '1 image', '2 images', '1,234 images']);
});
