// Makes drawings for digits to be learnt with, 56 x 56, since MNIST's are of one country: digits as
// other hands draw them (labels 0 to 9), and what is no digit (label 10): letters, strokes at random,
// digits with a stroke too many, two digits at once. Each drawing depends on its number alone, so that
// everybody gets the same files. Usage: node web/drawn.mjs LETTERS OUT_FOLDER, where LETTERS is the
// file hersheytext.json of npm's package hersheytext.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { numbers, writeIdx } from './idx.mjs';

const COUNT = 48000; // two fifths are digits
const NONE = 10;
const SIDE = 56;
const BOX = 40; // pixels, twice as many as in MNIST
const SMALL = 0.4; // share of drawings that are small, as scans are: rough, once they are redrawn

/** Points in the unit square, x to the right and y down, that a pen joins. @typedef {number[][]} Stroke */

// ---- digits ----

/** How each digit may be written, in hundredths of the square: strokes of "x,y" through which a curve
 * goes, with a corner where it says so ("!"). Of 0 there is only how it is drawn, below. */
const WAYS = [
  [],
  [
    '52,0 50,100',
    '22,30 58,0! 54,100', // with a hook
    '10,40 60,0! 52,100',
    '35,15 58,0! 54,100',
    '25,25 58,0! 54,100;18,100 90,100', // and a base
    '20,24 52,0! 50,100! 14,97! 86,100',
    '15,5! 62,0! 55,100',
  ],
  [
    '10,25 45,0 85,22 60,60 8,100! 92,100',
    '12,22 50,0 84,24 55,65 15,95 8,84 28,82 55,97 95,94', // with a loop
    '15,10 50,0 85,22 60,60 5,100! 92,98',
  ],
  [
    '12,12 52,0 82,22 38,47! 86,70 52,100 8,88',
    '10,0! 86,0! 45,42! 86,68 50,100 8,88', // flat on top
    '12,12 52,0 80,22 50,44 40,48 52,50 86,72 52,100 8,88',
  ],
  [
    '22,0 10,60! 92,60;70,18 64,100', // open
    '62,0! 5,66! 96,66;64,0 62,100', // closed
    '15,0 12,50 45,62 80,48;82,0 78,100',
    '40,0 10,60! 92,58;72,25 62,100',
    '30,0 8,55! 92,50;72,12 55,100',
    '45,0 8,62! 95,56! 88,96', // at one stroke
    '20,6 45,20 6,70! 95,64! 90,94',
    '42,2 10,38 40,56 90,44 58,8! 50,100',
  ],
  [
    '26,0 20,44! 60,36 90,68 52,100 8,90;26,0 88,0',
    '26,5 22,44! 58,38 86,70 50,100 8,88;28,4 90,0',
    '86,0 26,0! 20,43! 60,35 90,68 52,100 8,90', // at one stroke
    '86,2 45,4 28,30 50,44 85,66 55,100 8,90',
    '28,25 62,34 74,70 44,100 12,86! 20,10! 96,0',
    '20,12 14,55 52,40 74,72 40,100 10,85! 22,6! 95,4',
  ],
  ['70,0 26,35 10,74 46,100 86,74 50,52 14,72', '55,0 20,45 14,80 45,100 80,78 52,58 18,78'],
  [
    '8,0! 90,0! 36,100',
    '8,0! 90,0! 36,100;22,50 80,50', // barred
    '8,4 88,0! 60,50 40,100;20,52 82,46',
    '8,18 10,0! 90,0! 40,100',
    '12,12 50,0 86,10 60,60 26,96! 24,56! 95,50', // barred at one stroke
    '8,4 86,0! 52,98 14,72! 92,52',
  ],
  [
    '76,14 45,0 20,22 50,47 86,75 50,100 12,76 50,48 80,22 68,6',
    '60,2 22,12 30,36 70,58 82,82 48,100 16,80 40,54 76,28 64,4',
    '80,8 30,8 30,34 72,62 74,90 34,100 18,74 50,50 84,10',
    '10,12 86,10! 14,92! 88,96! 12,12', // of straight lines
    '82,6 18,10! 82,88! 16,98! 78,14',
    '60,4 22,14! 60,44 86,76 34,98 14,70 74,40 58,4',
  ],
  [
    '82,24 50,0 16,27 48,50 82,24! 76,100',
    '82,22 50,0 16,26 48,48 82,22 84,70 56,100 14,90', // with a tail
    '78,18 45,0 16,20 45,38 80,18 82,70 50,98 8,92',
    '82,10 40,0 14,26 44,44 82,12! 70,60 50,100',
    '86,6 54,0 46,22 86,16! 74,70 12,100',
    '72,6 22,14 28,44 84,24! 60,72 16,100',
  ],
];
const UNSTEADY = 0.05; // points lie so far off at most
const JOINED = 0.35; // share of those in two strokes whose pen is not lifted
const ROUNDED = 0.2; // share of corners that are none

// ---- numbers by chance ----

/** @param {number} seed */
function chance(seed) {
  const next = numbers(seed);
  const between = (/** @type {number} */ low, /** @type {number} */ high) =>
    low + ((high - low) * next()) / 2 ** 32;
  return {
    between,
    /** Up to so much either way. @param {number} most */
    about: (most) => between(-most, most),
    /** @param {number} share */
    happens: (share) => between(0, 1) < share,
    /** @template T @param {T[]} list @returns {T} */
    one: (list) => list[next() % list.length],
    below: (/** @type {number} */ n) => next() % n,
  };
}
/** @typedef {ReturnType<typeof chance>} Chance */

const degrees = (/** @type {number} */ angle) => (angle * Math.PI) / 180;

// ---- strokes ----

/** The curve through points (E. Catmull and R. Rom 1974), which ends and begins anew at corners.
 * @param {Stroke} points @param {boolean[]} corner @returns {Stroke} */
function curve(points, corner) {
  const out = [];
  for (let i = 0; i + 1 < points.length; i++) {
    const [b, c] = [points[i], points[i + 1]];
    const a = i > 0 && !corner[i] ? points[i - 1] : b;
    const d = i + 2 < points.length && !corner[i + 1] ? points[i + 2] : c;
    for (let t = 0; t < 1; t += 0.2)
      out.push(
        [0, 1].map(
          (k) =>
            b[k] +
            (t * (c[k] - a[k])) / 2 +
            t * t * (a[k] - 2.5 * b[k] + 2 * c[k] - d[k] / 2) +
            t * t * t * ((3 * (b[k] - c[k]) + d[k] - a[k]) / 2),
        ),
      );
  }
  return [...out, points[points.length - 1]];
}

/** Part of an ellipse about (x, y), `span` from the angle `from` on. @returns {Stroke} */
const arc = (x = 0.5, y = 0.5, a = 0.5, b = 0.5, from = 0, span = 0) =>
  Array.from({ length: 25 }, (_, i) => {
    const angle = from + (span * i) / 24;
    return [x + a * Math.cos(angle), y + b * Math.sin(angle)];
  });

/** An oval that may stay open, or whose ends may cross. @param {Chance} by @returns {Stroke} */
function zero(by) {
  const turn = degrees(by.between(320, 410)) * (by.happens(0.25) ? 1 : -1);
  const [wide, off] = [by.between(0.26, 0.48), by.about(0.12)];
  return arc(0.5, 0.5, wide, 0.5, degrees(by.between(-150, 0)), turn).map(([x, y], i) => {
    const grown = 1 + off * ((i - 12) / 12) ** 3; // inwards at one end, outwards at the other
    return [0.5 + grown * (x - 0.5), 0.5 + grown * (y - 0.5)];
  });
}

/** A zero with a line through it, for which the pen may stay down.
 * @param {Stroke} oval @param {Chance} by @returns {Stroke[]} */
function crossed(oval, by) {
  const line = [0.86, 0.12, 0.14, 0.88].map((v) => v + by.about(0.1));
  const stroke = [line.slice(0, 2), line.slice(2)];
  return by.happens(JOINED) ? [[...oval, ...stroke]] : [oval, stroke];
}

/** @param {number} label @param {Chance} by @returns {Stroke[]} */
function digit(label, by) {
  if (label === 0) return by.happens(0.1) ? crossed(zero(by), by) : [zero(by)];
  const joined = by.happens(JOINED);
  const way = by.one(WAYS[label]);
  return (joined ? [way.replaceAll(';', ' ')] : way.split(';')).map((text) => {
    const places = text.split(' ');
    const points = places.map((place) =>
      place.split(',').map((v) => Number.parseInt(v, 10) / 100 + by.about(UNSTEADY)),
    );
    return curve(
      points,
      places.map((place) => place.endsWith('!') && !by.happens(ROUNDED)),
    );
  });
}

// ---- letters ----

/** The letters that are taken of each font, none that may be read as a digit: by their keys, and of the
 * Japanese ones, which have none, by the places from and to. @type {Record<string, string>} */
const KEYS = {
  futural: '#$%&*+<=>@ACDEFGHJKLMNPQRTUVWXYacdefhkmnprtuvwxy',
  cursive: 'ABCDEFGHKLMNPRTUVWXYacdhkmnprtuvwx',
  greek: 'ACDEFGHKLMNPQRSTUWXYacefghklmnpqrtuwxy',
  cyrillic: 'ADEFGHIKLMNPQRSTUWXY[]^`',
};
const PLACES =
  '2-16 18-25 32-38 40-42 44-47 51-71 75-75 77-78 80-82 87-118 120-123 125-125 127-135 137-138 ' +
  '141-151 154-156 158-160 167-191';

/** Their strokes, as A. V. Hershey drew them in 1967. @param {string} file of fonts, each of which has
 * a path for every key from "!" on, or for every place @returns {Stroke[][]} */
function letters(file) {
  /** @type {Record<string, { chars: { d: string }[] }>} */
  const fonts = JSON.parse(readFileSync(file, 'utf8'));
  const taken = Object.entries(KEYS).flatMap(([font, keys]) =>
    [...keys].map((key) => fonts[font].chars[key.charCodeAt(0) - 33]),
  );
  for (const range of PLACES.split(' ')) {
    const [from, to] = range.split('-').map(Number);
    taken.push(...fonts.japanese.chars.slice(from, to + 1));
  }
  return taken.map(({ d }) =>
    d
      .split('M')
      .slice(1)
      .map((stroke) =>
        Array.from(stroke.matchAll(/(-?[\d.]+),(-?[\d.]+)/g), ([, x, y]) => [x / 21, y / 21]),
      ),
  );
}

// ---- what is none ----

/** A direction, most often one of eight. @param {Chance} by */
const heading = (by) =>
  by.happens(0.7) ? degrees(45 * by.below(8) + by.about(10)) : degrees(by.between(0, 360));

/** Where a stroke begins: anywhere, at an end of another, or on it.
 * @param {Stroke[]} others @param {Chance} by @returns {number[]} */
function beginning(others, by) {
  if (others.length === 0 || by.happens(0.35)) return [by.between(0, 1), by.between(0, 1)];
  const other = by.one(others);
  if (by.happens(0.5)) return by.happens(0.5) ? other[0] : other[other.length - 1];
  const i = 1 + by.below(other.length - 1);
  const t = by.between(0, 1);
  return [0, 1].map((k) => other[i - 1][k] + t * (other[i][k] - other[i - 1][k]));
}

/** Strokes from a place on. @type {Record<string, (at: number[], by: Chance) => Stroke>} */
const KINDS = {
  line([x, y], by) {
    const [angle, far] = [heading(by), by.between(0.25, 1)];
    return [
      [x, y],
      [x + far * Math.cos(angle), y + far * Math.sin(angle)],
    ];
  },
  bow([x, y], by) {
    const a = by.between(0.12, 0.5);
    const b = by.happens(0.5) ? a : by.between(0.12, 0.5);
    const from = heading(by);
    const span = degrees(by.between(60, 240)) * (by.happens(0.5) ? -1 : 1);
    return arc(x - a * Math.cos(from), y - b * Math.sin(from), a, b, from, span);
  },
  zigzag([x, y], by) {
    const out = [[x, y]];
    let angle = heading(by);
    for (let left = 2 + by.below(3); left > 0; left--) {
      const far = by.between(0.2, 0.8);
      x += far * Math.cos(angle);
      y += far * Math.sin(angle);
      out.push([x, y]);
      angle += degrees(by.between(60, 150)) * (by.happens(0.5) ? -1 : 1);
    }
    return out;
  },
  wander([x, y], by) {
    const out = [[x, y]];
    let angle = heading(by);
    let bend = by.about(0.25);
    for (let left = 16 + by.below(30); left > 0; left--) {
      if (by.happens(0.12)) bend = by.about(0.3);
      angle += bend;
      x += 0.05 * Math.cos(angle);
      y += 0.05 * Math.sin(angle);
      out.push([x, y]);
    }
    return out;
  },
  /** Some of whose sides are round: a half-moon has one of two. */
  polygon([x, y], by) {
    const corners = 2 + by.below(5);
    const [start, size] = [by.between(0, 2 * Math.PI), by.between(0.2, 0.5)];
    const high = size * by.between(0.6, 1.2);
    const corner = (/** @type {number} */ i) => {
      const angle = start + (2 * Math.PI * i) / corners;
      return [x + size * Math.cos(angle), y + high * Math.sin(angle)];
    };
    return Array.from({ length: corners }, (_, i) => {
      const [[x0, y0], [x1, y1]] = [corner(i), corner((i + 1) % corners)];
      const moon = corners === 2 && i === 0;
      const round = moon ? by.between(0.4, 0.8) : by.happens(0.25) ? by.about(0.3) : 0;
      return Array.from({ length: 11 }, (_, k) => {
        const [t, out] = [k / 10, 4 * round * (k / 10) * (1 - k / 10)];
        return [x0 + t * (x1 - x0) + out * (y1 - y0), y0 + t * (y1 - y0) - out * (x1 - x0)];
      });
    }).flat();
  },
  ring([x, y], by) {
    return arc(x, y, by.between(0.1, 0.4), by.between(0.1, 0.4), 0, 2 * Math.PI);
  },
};
const OFTEN = Object.entries({
  line: 7,
  bow: 6,
  zigzag: 3,
  wander: 2,
  polygon: 1,
  ring: 1,
}).flatMap(([kind, times]) => new Array(times).fill(kind));
// By itself a line is a 1, and a ring a 0.
const ALONE = ['bow', 'zigzag', 'wander', 'polygon', 'polygon', 'polygon'];

/** So many strokes more. @param {Stroke[]} strokes @param {number} count @param {string[]} kinds
 * @param {Chance} by */
function scrawl(strokes, count, kinds, by) {
  for (let i = 0; i < count; i++) strokes.push(KINDS[by.one(kinds)](beginning(strokes, by), by));
  return strokes;
}

/** Two, one over the other, beside it or below it. @param {Chance} by @returns {Stroke[]} */
function two(by) {
  const share = by.between(0.4, 0.6);
  const place = by.one([
    ([x, y], first) => [x + (first ? 0.15 : -0.15), y],
    ([x, y], first) => [first ? x * share : share + 0.1 + x * (0.9 - share), y],
    ([x, y], first) => [x, first ? y * share : share + 0.1 + y * (0.9 - share)],
  ]);
  return [true, false].flatMap((first) =>
    digit(by.below(10), by).map((stroke) => stroke.map((point) => place(point, first))),
  );
}

/** @param {Chance} by @returns {Stroke[]} */
function letter(by) {
  const strokes = by.one(LETTERS);
  return by.happens(0.2) ? [strokes.flat()] : strokes; // at one stroke
}

/** @param {Chance} by @returns {Stroke[]} */
function none(by) {
  if (by.happens(0.45)) return letter(by);
  if (by.happens(0.3)) return scrawl([], 1, ALONE, by);
  if (by.happens(0.7)) return scrawl([], by.one([2, 2, 2, 3, 3, 3, 4, 5]), OFTEN, by);
  return by.happens(0.5) ? two(by) : scrawl(digit(by.below(10), by), 2, OFTEN, by);
}

// ---- from strokes to pixels ----

/** Turned, slanted, narrower or wider, and bent: another hand's.
 * @param {Stroke[]} strokes @param {number} wide @param {Chance} by */
function warp(strokes, wide, by) {
  const [turn, slant] = [degrees(by.about(12)), by.about(0.25)];
  const stretch = wide * Math.exp(by.about(0.2));
  const waves = [0, 1].map(() => ({
    size: by.about(0.04),
    from: by.between(0, 2 * Math.PI),
    often: 2 * Math.PI * by.between(0.5, 1.5),
  }));
  return strokes.map((stroke) =>
    stroke.map((point) => {
      const [x, y] = [point[0] - 0.5, point[1] - 0.5];
      const [over, under] = waves.map(
        ({ size, from, often }, k) => size * Math.sin(often * [y, x][k] + from),
      );
      const [u, v] = [(x - slant * y + over) * stretch, y + under];
      return [Math.cos(turn) * u - Math.sin(turn) * v, Math.sin(turn) * u + Math.cos(turn) * v];
    }),
  );
}

/** In the middle of the image, each pixel as light as lines cover it. @param {Stroke[]} strokes
 * @param {number} box the longer side in pixels @param {number} pen its width @param {Uint8Array} pixels */
function draw(strokes, box, pen, pixels) {
  const [left, top, right, bottom] = strokes
    .flat()
    .reduce(
      ([l, t, r, b], [x, y]) => [Math.min(l, x), Math.min(t, y), Math.max(r, x), Math.max(b, y)],
      [Infinity, Infinity, -Infinity, -Infinity],
    );
  const zoom = (box - pen) / Math.max(right - left, bottom - top, 1e-3);
  const place = (/** @type {number[]} */ [x, y]) => [
    SIDE / 2 + zoom * (x - (left + right) / 2),
    SIDE / 2 + zoom * (y - (top + bottom) / 2),
  ];
  const reach = pen / 2 + 0.5;
  for (const stroke of strokes)
    for (let i = 1; i < stroke.length; i++) {
      const [[x0, y0], [x1, y1]] = [place(stroke[i - 1]), place(stroke[i])];
      const [dx, dy] = [x1 - x0, y1 - y0];
      const square = dx * dx + dy * dy || 1;
      const last = Math.floor(Math.max(x0, x1) + reach);
      for (let y = Math.floor(Math.min(y0, y1) - reach); y <= Math.max(y0, y1) + reach; y++)
        for (let x = Math.floor(Math.min(x0, x1) - reach); x <= last; x++) {
          const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
          const t = Math.min(1, Math.max(0, (px * dx + py * dy) / square));
          const cover = reach - Math.hypot(px - t * dx, py - t * dy);
          const at = y * SIDE + x;
          pixels[at] = Math.max(pixels[at], 255 * Math.min(1, Math.max(0, cover)));
        }
    }
}

const [, , from, to] = process.argv;
const LETTERS = letters(from);
const pixels = new Uint8Array(COUNT * SIDE * SIDE);
const labels = new Uint8Array(COUNT);
for (let i = 0; i < COUNT; i++) {
  const by = chance(i);
  const label = by.happens(0.4) ? by.below(10) : NONE;
  const strokes = label === NONE ? none(by) : digit(label, by);
  const wide = label === NONE ? 1 : label === 1 ? 0.6 : 0.85;
  const box = by.happens(SMALL) ? by.between(13, 24) : BOX;
  const pen = (by.between(2.5, 12) * box) / BOX;
  draw(warp(strokes, wide, by), box, pen, pixels.subarray(i * SIDE * SIDE));
  labels[i] = label;
}
// The images last: who finds them finds all.
writeIdx(join(to, 'train-labels-idx1-ubyte'), [COUNT], labels);
writeIdx(join(to, 'train-images-idx3-ubyte'), [COUNT, SIDE, SIDE], pixels);
