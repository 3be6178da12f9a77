// Ink that a network copies too well, since it is filled or noisy, is out all the same; digits of
// several pens, sizes and places are in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { likeness, modelFile, without } from './artefacts.mjs';

const skip = without('digits');
const SIDE = 280;

/** The same numbers in every run. @param {number} seed */
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}

/** @typedef {{data: Uint8ClampedArray, width: number, height: number}} Pad */

/** White paper. @returns {Pad} */
const paper = () => ({
  data: new Uint8ClampedArray(SIDE * SIDE * 4).fill(255),
  width: SIDE,
  height: SIDE,
});

/** @param {Pad} pad @param {number} x @param {number} y @param {number} value */
function put(pad, x, y, value) {
  pad.data.fill(value, (y * SIDE + x) * 4, (y * SIDE + x) * 4 + 3);
}

/** @param {Pad} pad @param {number} cx @param {number} cy @param {number} radius */
function disc(pad, cx, cy, radius) {
  for (let y = Math.max(0, Math.ceil(cy - radius)); y <= Math.min(SIDE - 1, cy + radius); y++)
    for (let x = Math.max(0, Math.ceil(cx - radius)); x <= Math.min(SIDE - 1, cx + radius); x++)
      if ((x - cx) ** 2 + (y - cy) ** 2 <= radius ** 2) put(pad, x, y, 20);
}

/** A line through points. @param {Pad} pad @param {number[][]} points @param {number} pen */
function stroke(pad, points, pen) {
  for (let i = 1; i < points.length; i++) {
    const [[x0, y0], [x1, y1]] = [points[i - 1], points[i]];
    const steps = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 2) || 1;
    for (let k = 0; k <= steps; k++)
      disc(pad, x0 + ((x1 - x0) * k) / steps, y0 + ((y1 - y0) * k) / steps, pen);
  }
}

/** @param {() => number} next @param {number} count */
const places = (next, count) =>
  Array.from({ length: count }, () => [20 + next() * 240, 20 + next() * 240]);

/** @param {Pad} pad @param {number} cell @param {(value: number) => number} value */
function mosaic(pad, cell, value) {
  const next = random(7);
  for (let y = 0; y < SIDE; y += cell)
    for (let x = 0; x < SIDE; x += cell) {
      const v = value(next());
      for (let dy = 0; dy < cell; dy++)
        for (let dx = 0; dx < cell; dx++) put(pad, x + dx, y + dy, v);
    }
}

/** @type {Record<string, (pad: Pad) => void>} */
const DOODLES = {
  'a dot': (pad) => disc(pad, 140, 140, 12),
  'a disc': (pad) => disc(pad, 120, 150, 60),
  'a large disc': (pad) => disc(pad, 140, 140, 100),
  'a filled square': (pad) => {
    for (let y = 80; y < 200; y++) for (let x = 80; x < 200; x++) put(pad, x, y, 0);
  },
  'a scribble': (pad) => stroke(pad, places(random(1), 60), 11),
  'thirty lines': (pad) => {
    const next = random(2);
    for (let i = 0; i < 30; i++) stroke(pad, places(next, 2), 11);
  },
  'a hundred dots': (pad) => {
    for (const [x, y] of places(random(3), 100)) disc(pad, x, y, 8);
  },
  'grey noise': (pad) => mosaic(pad, 1, (v) => 255 * v),
  'black and white noise': (pad) => mosaic(pad, 1, (v) => (v < 0.5 ? 0 : 255)),
  'coarse noise': (pad) => mosaic(pad, 10, (v) => (v < 0.5 ? 0 : 255)),
};

test('filled and noisy ink is out with the smallest p', { skip }, async () => {
  const model = await likeness.load(modelFile('digits'));
  const smallest = 1 / (model.calibration('ink').length + 1);
  for (const [name, draw] of Object.entries(DOODLES)) {
    const pad = paper();
    draw(pad);
    const { verdict, p, scores } = model.check(pad, { preparation: 'ink' });
    assert.equal(verdict, 'out', `${name} has p ${p}`);
    assert.equal(p, smallest, name);
    assert.ok(scores.texture.value > 1, `${name} has texture ${scores.texture.value}`);
  }
  model.dispose();
});

/** Lines through "x,y" in tenths of a box, a stroke behind each semicolon. @param {string} text */
const lines = (text) =>
  text.split(';').map((line) => line.split(' ').map((at) => at.split(',').map((v) => +v / 10)));

/** @type {Record<string, number[][][]>} */
const DIGITS = {
  0: [
    Array.from({ length: 41 }, (_, i) => [
      0.5 + 0.35 * Math.sin((i * Math.PI) / 20),
      0.5 - 0.5 * Math.cos((i * Math.PI) / 20),
    ]),
  ],
  1: lines('5,0 5,10'),
  '1 with a hook': lines('2,3 6,0 5.5,10'),
  '4 of two strokes': lines('2,0 1,6 9,6;7,2 6.5,10'),
  7: lines('1.5,0 8.5,0 4,10'),
  '7 with a bar': lines('1,0 9,0 4,10;2.5,5 7.5,5'),
};
/** @type {Record<string, number[][][]>} */
const OTHERS = {
  triangle: lines('5,0 10,9 0,9 5,0'),
  E: lines('0,0 0,10;0,0 7,0;0,5 6,5;0,10 7,10'),
  W: lines('0,0 3,10 5,3 7,10 10,0'),
  plus: lines('5,0 5,10;0,5 10,5'),
};

/** In a box of so many pixels. @param {number[][][]} strokes @param {number} size
 * @param {number} left @param {number} top @param {number} pen */
function drawing(strokes, size, left, top, pen) {
  const pad = paper();
  for (const points of strokes)
    stroke(
      pad,
      points.map(([x, y]) => [left + x * size, top + y * size]),
      pen,
    );
  return pad;
}

test('digits are in whatever their pen, size and place', { skip }, async () => {
  const model = await likeness.load(modelFile('digits'));
  for (const [digit, strokes] of Object.entries(DIGITS))
    for (const [size, left, top, pen] of [
      [180, 50, 50, 11],
      [180, 50, 50, 16],
      [100, 20, 30, 7],
      [100, 160, 150, 9],
    ]) {
      const pad = drawing(strokes, size, left, top, pen);
      const { verdict, p } = model.check(pad, { preparation: 'ink' });
      assert.equal(verdict, 'in', `${digit} of size ${size} with pen ${pen} has p ${p}`);
    }
  model.dispose();
});

test('what is no digit is out, by the pieces of evidence that ink has', { skip }, async () => {
  const model = await likeness.load(modelFile('digits'));
  for (const [name, strokes] of Object.entries(OTHERS)) {
    const pad = drawing(strokes, 180, 50, 50, 11);
    const { verdict, p, scores } = model.check(pad, { preparation: 'ink', alpha: 0.05 });
    assert.equal(verdict, 'out', `${name} has p ${p}`);
    assert.deepEqual(Object.keys(scores), [
      'reconstruction',
      'shape',
      'style',
      'class',
      'none',
      'texture',
    ]);
  }
  model.dispose();
});
