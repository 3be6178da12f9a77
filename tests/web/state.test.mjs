// The page's address: what it keeps, and that no address can break it.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { readState, writeState } from '../../web/src/state.js';
import { pointAt, readStrokes, settled, writeStrokes } from '../../web/src/strokes.js';

/** @typedef {import('../../web/src/state.js').State} State */

const require = createRequire(new URL('../../web/package.json', import.meta.url));
/** @type {typeof import('fast-check')} */
const fc = require('fast-check');

const START = readState('');
const coordinate = fc.double({ min: -300, max: 600, noNaN: true });
const stroke = fc
  .record({
    width: fc.integer({ min: 1, max: 63 }),
    erases: fc.boolean(),
    pressed: fc.boolean(),
    points: fc.array(fc.tuple(coordinate, coordinate, fc.double({ min: 0, max: 2, noNaN: true })), {
      minLength: 1,
      maxLength: 40,
    }),
  })
  .map(({ width, erases, pressed, points }) => ({
    width,
    ...(erases ? { erases } : {}),
    points: points.map(([x, y, share]) => pointAt(x, y, pressed ? share : undefined)),
  }));

test('strokes come back from their text as they were', () =>
  fc.assert(
    fc.property(fc.array(stroke, { maxLength: 8 }), (strokes) => {
      const text = writeStrokes(strokes);
      assert.match(text, /^[\w-]*$/);
      assert.deepEqual(readStrokes(text), strokes);
      assert.deepEqual(strokes.map(settled), strokes); // the pad changes none of them
    }),
  ));

test('a digit takes some hundred characters', () => {
  const points = Array.from({ length: 60 }, (_, i) =>
    pointAt(90 + 2.3 * i, 60 + 80 * Math.sin(i / 9)),
  );
  assert.ok(writeStrokes([{ width: 22, points }]).length < 200);
});

test('a state comes back from its address, and what is as at first is not in it', () => {
  assert.equal(writeState(START), '');
  /** @type {State} */
  const values = {
    model: 'a model & more #1',
    alpha: 1 / 37,
    tab: 'grid',
    strokes: [{ width: 22, points: [pointAt(1, 2), pointAt(3, 4)] }],
    grid: '28x28-AB_-',
    view: 'map',
  };
  const hash = writeState(values);
  assert.match(hash, /alpha=1\/37/);
  assert.deepEqual(readState(`#${hash}`), values);
  assert.deepEqual(readState(`#${writeState({ ...START, alpha: 0.0123 })}`).alpha, 0.0123);
  assert.equal(writeState({ ...START, model: 'own' }), ''); // nobody else has it
});

test('what an address says wrongly is as if it were not there', () => {
  for (const hash of [
    '#model=&alpha=0&tab=map&strokes=!!&grid=%00&view=A',
    '#alpha=1/0',
    '#alpha=2',
    '#alpha=-0.1',
    '#strokes=A',
    '#strokes=LM',
    `#strokes=${writeStrokes([{ width: 22, points: [pointAt(0, 0)] }]).slice(0, -1)}`,
    '#%E0%A4%A',
    '#####',
  ])
    assert.deepEqual(readState(hash), START, hash);
});

test('no address throws, and none gives a stroke that the pad could not have drawn', () =>
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
      readState(`#${text}`);
      for (const { width, points } of readState(`#strokes=${text.replaceAll('=', '')}`).strokes) {
        assert.ok(width >= 1 && width <= 63 && points.length > 0);
        assert.ok(points.flat().every((value) => Math.abs(value) <= 1024));
      }
    }),
    { numRuns: 1000 },
  ));

test('an address stays short enough to be sent: what is too long is left out', () => {
  const points = Array.from({ length: 20000 }, (_, i) => pointAt((i * 37) % 280, (i * 91) % 280));
  const hash = writeState({ ...START, alpha: 0.05, strokes: [{ width: 9, points }], view: 'map' });
  assert.equal(hash, 'alpha=1/20&view=map');
});
