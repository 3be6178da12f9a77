// How drawn ink is judged: the share of drawings flagged, which is to be small for digits, large for
// other things, and the same however a drawing was made.
//
//     node tests/bench/strokes.mjs [MODEL] [--alpha 0.05]
//
// Needs what `sh web/demo.sh --no-serve` leaves in build/; of ../shared/data what is there. Strokes are
// drawn on 280 x 280 white pixels by a round pen, as on the page.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { likeness, root } from './measure.mjs';

const shared = join(root, '../shared/data');
const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: { alpha: { type: 'string', default: '0.05' } },
});
const file = resolve(positionals[0] ?? join(root, 'build/models/digits.safetensors'));
const alpha = Number(given.alpha);
const { load } = await import(join(root, 'build/wasm/likeness.mjs'));
const model = await load(readFileSync(file));

/** @typedef {number[][][]} Strokes polylines in the unit square, y down */
/** How they are drawn: a share of the canvas, where from its middle, the pen's width in pixels, light
 * on dark or not. @typedef {{size: number, right: number, down: number, pen: number, light: boolean}} Hand */

const SIDE = 280;
/** @type {Record<string, Hand>} */
const HANDS = {
  usual: { size: 0.7, right: 0, down: 0, pen: 22, light: false },
  thin: { size: 0.7, right: 0, down: 0, pen: 6, light: false },
  thick: { size: 0.7, right: 0, down: 0, pen: 40, light: false },
  small: { size: 0.3, right: 0, down: 0, pen: 12, light: false },
  'off-centre': { size: 0.5, right: 60, down: -50, pen: 16, light: false },
  inverted: { size: 0.7, right: 0, down: 0, pen: 22, light: true },
};

/** Pixels, each as dark as the nearest line covers it. @param {Strokes} strokes @param {Hand} hand */
function draw(strokes, { size, right, down, pen, light }) {
  const cover = new Float32Array(SIDE * SIDE);
  const radius = pen / 2;
  const place = (/** @type {number[]} */ [x, y]) => [
    SIDE / 2 + right + (x - 0.5) * size * SIDE,
    SIDE / 2 + down + (y - 0.5) * size * SIDE,
  ];
  for (const stroke of strokes)
    for (let i = Math.min(1, stroke.length - 1); i < stroke.length; i++) {
      const [[x0, y0], [x1, y1]] = [place(stroke[Math.max(i - 1, 0)]), place(stroke[i])];
      const [dx, dy] = [x1 - x0, y1 - y0];
      const square = dx * dx + dy * dy || 1;
      const reach = radius + 1;
      for (let y = clip(Math.min(y0, y1) - reach); y <= clip(Math.max(y0, y1) + reach); y++)
        for (let x = clip(Math.min(x0, x1) - reach); x <= clip(Math.max(x0, x1) + reach); x++) {
          const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
          const t = Math.min(1, Math.max(0, (px * dx + py * dy) / square));
          const here = radius + 0.5 - Math.hypot(px - t * dx, py - t * dy);
          const at = y * SIDE + x;
          cover[at] = Math.max(cover[at], Math.min(1, here));
        }
    }
  const data = new Uint8ClampedArray(4 * SIDE * SIDE).fill(255);
  for (let i = 0; i < cover.length; i++)
    data.fill(255 * (light ? cover[i] : 1 - cover[i]), 4 * i, 4 * i + 3);
  return { data, width: SIDE, height: SIDE };
}

const clip = (/** @type {number} */ v) => Math.min(SIDE - 1, Math.max(0, Math.floor(v)));

/** Flagged or empty, of each drawing. @param {Strokes[]} drawings @param {Hand} hand */
function judge(drawings, hand) {
  return drawings.map((strokes) => {
    const { verdict, score } = model.check(draw(strokes, hand), { preparation: 'ink', alpha });
    return { flagged: verdict !== 'in', score };
  });
}

const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`.padStart(8);
const share = (/** @type {boolean[]} */ flags) => flags.filter(Boolean).length / flags.length;

/** @param {string} name @returns {{strokes: Strokes, label: string, digit_like?: boolean}[]} */
function read(name) {
  const path = join(shared, `strokes/${name}.jsonl.gz`);
  if (!existsSync(path)) {
    console.log(`${name}: skipped, there is no ${path}`);
    return [];
  }
  const lines = gunzipSync(readFileSync(path)).toString().trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

/** The share flagged under each hand, and of verdicts that are not those of the usual one.
 * @param {string} name @param {Strokes[]} drawings */
function hands(name, drawings) {
  if (drawings.length === 0) return [];
  const usual = judge(drawings, HANDS.usual);
  for (const [hand, how] of Object.entries(HANDS)) {
    const now = hand === 'usual' ? usual : judge(drawings, how);
    const changed = share(now.map(({ flagged }, i) => flagged !== usual[i].flagged));
    const flagged = share(now.map((v) => v.flagged));
    console.log(
      `${name.padEnd(24)} ${hand.padEnd(12)} flagged ${percent(flagged)}  changed ${percent(changed)}`,
    );
  }
  return usual;
}

// ---- what is no digit, drawn by a script: 500 ----

/** The same numbers in every run. */
let state = 1;
const random = (least = 0, most = 1) => {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return least + ((most - least) * state) / 0x7fffffff;
};
/** Part of an ellipse, in degrees from the right. @returns {number[][]} */
const arc = (x = 0.5, y = 0.5, a = 0.5, b = 0.5, from = 0, to = 360) =>
  Array.from({ length: 33 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / 32) * Math.PI) / 180;
    return [x + a * Math.cos(angle), y + b * Math.sin(angle)];
  });
const polygon = (corners = 4, start = 45) =>
  [arc(0.5, 0.5, 0.5, 0.5, start, start + 360)].map(() =>
    Array.from({ length: corners + 1 }, (_, i) => {
      const angle = ((start + (360 * i) / corners) * Math.PI) / 180;
      return [0.5 + 0.5 * Math.cos(angle), 0.5 + 0.5 * Math.sin(angle)];
    }),
  );
/** Lines between places named by column and row, 0 to 4. @param {string} text "00-04 04-44" */
const lines = (text) =>
  text.split(' ').map((line) => line.split('-').map(([x, y]) => [Number(x) / 4, Number(y) / 4]));

/** @type {Record<string, () => Strokes>} */
const THINGS = {
  dot: () => [[[0.5, 0.5]]],
  'level line': () => lines('02-42'),
  'falling line': () => lines('00-44'),
  scribble: () => [Array.from({ length: 40 }, () => [random(), random()])],
  'filled square': () => [
    Array.from({ length: 80 }, (_, i) => [i % 4 < 2 ? 0 : 1, Math.floor(i / 2) / 40]),
  ],
  square: () => polygon(4, 45),
  triangle: () => polygon(3, -90),
  pentagon: () => polygon(5, -90),
  hexagon: () => polygon(6, 0),
  cross: () => lines('20-24 02-42'),
  'slanting cross': () => lines('00-44 40-04'),
  spiral: () => [
    Array.from({ length: 120 }, (_, i) => {
      const angle = (i / 119) * 6 * Math.PI;
      return [0.5 + (i / 238) * Math.cos(angle), 0.5 + (i / 238) * Math.sin(angle)];
    }),
  ],
  smiley: () => [arc(), [[0.3, 0.35]], [[0.7, 0.35]], arc(0.5, 0.55, 0.25, 0.2, 20, 160)],
  house: () => [...lines('02-04 04-44 44-42 42-02'), ...lines('02-20 20-42')],
  star: () => [
    Array.from({ length: 6 }, (_, i) => {
      const angle = -Math.PI / 2 + (i * 4 * Math.PI) / 5;
      return [0.5 + 0.5 * Math.cos(angle), 0.5 + 0.5 * Math.sin(angle)];
    }),
  ],
  'three lines': () => lines('01-41 02-42 03-43'),
  A: () => lines('04-20 20-44 12-32'),
  C: () => [arc(0.5, 0.5, 0.5, 0.5, 50, 310)],
  D: () => [...lines('00-04'), arc(0, 0.5, 0.7, 0.5, -90, 90)],
  E: () => lines('00-04 00-40 02-32 04-44'),
  F: () => lines('00-04 00-40 02-32'),
  H: () => lines('00-04 40-44 02-42'),
  J: () => [...lines('30-33'), arc(0.45, 0.75, 0.3, 0.25, 0, 160)],
  K: () => lines('00-04 40-02 02-44'),
  L: () => lines('00-04 04-34'),
  M: () => lines('04-00 00-22 22-40 40-44'),
  N: () => lines('04-00 00-44 44-40'),
  P: () => [...lines('00-04'), arc(0, 0.25, 0.6, 0.25, -90, 90)],
  R: () => [...lines('00-04 02-44'), arc(0, 0.25, 0.6, 0.25, -90, 90)],
  T: () => lines('00-40 20-24'),
  U: () => [...lines('00-02'), arc(0.5, 0.5, 0.5, 0.5, 180, 0), ...lines('42-40')],
  V: () => lines('00-24 24-40'),
  W: () => lines('00-14 14-22 22-34 34-40'),
  X: () => lines('00-44 40-04'),
  Y: () => lines('00-22 40-22 22-24'),
  h: () => [
    ...lines('00-04'),
    arc(0.3, 0.65, 0.3, 0.2, 180, 360),
    [
      [0.6, 0.65],
      [0.6, 1],
    ],
  ],
  n: () => [
    ...lines('01-04'),
    arc(0.35, 0.5, 0.35, 0.25, 180, 360),
    [
      [0.7, 0.5],
      [0.7, 1],
    ],
  ],
  m: () => [
    ...lines('02-04'),
    arc(0.25, 0.6, 0.25, 0.2, 180, 360),
    arc(0.75, 0.6, 0.25, 0.2, 180, 360),
    lines('22-24')[0],
    [
      [1, 0.6],
      [1, 1],
    ],
  ],
};

/** By another hand: a little turned, stretched and unsteady. @param {Strokes} strokes */
function unsteady(strokes) {
  const [angle, wide] = [random(-0.12, 0.12), random(0.75, 1)];
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  return strokes.map((stroke) =>
    stroke.map(([x, y]) => {
      const [u, v] = [(x - 0.5) * wide + random(-0.015, 0.015), y - 0.5 + random(-0.015, 0.015)];
      return [0.5 + cosine * u - sine * v, 0.5 + sine * u + cosine * v];
    }),
  );
}

// ---- all of it ----

const digits = hands(
  'pendigits',
  read('pendigits').map(({ strokes }) => strokes),
);
const characters = read('omniglot');
hands(
  'omniglot',
  characters.map(({ strokes }) => strokes),
);
const unlike = characters.filter((c) => !c.digit_like);
const others = hands(
  'omniglot, unlike digits',
  unlike.map(({ strokes }) => strokes),
);

/** That a digit is less unusual than one of these. @param {{score: number}[]} these */
function auroc(these) {
  let pairs = 0;
  for (const a of digits)
    for (const b of these) pairs += a.score < b.score ? 1 : a.score === b.score ? 0.5 : 0;
  return (pairs / digits.length / these.length).toFixed(4);
}
if (digits.length && others.length) {
  // The drawings that the shipped digits learn from show letters of the first two alphabets.
  const shown = unlike.map(({ label }) => /^(Latin|Greek)/.test(label));
  console.log(
    `pendigits against these: AUROC ${auroc(others)}; of alphabets among the drawings`,
    `${auroc(others.filter((_, i) => shown[i]))}, of others`,
    auroc(others.filter((_, i) => !shown[i])),
  );
}
const names = Object.keys(THINGS);
/** @type {Record<string, boolean[]>} */
const seen = Object.fromEntries(names.map((name) => [name, []]));
for (let i = 0; i < 500; i++) {
  const name = names[i % names.length];
  const [{ flagged }] = judge([unsteady(THINGS[name]())], { ...HANDS.usual, pen: random(8, 30) });
  seen[name].push(flagged);
}
console.log(`500 scripted drawings   flagged ${percent(share(Object.values(seen).flat()))}`);
console.log(
  '  of which seldom:',
  names
    .filter((name) => share(seen[name]) < 0.8)
    .map((name) => `${name} ${percent(share(seen[name])).trim()}`)
    .join(', ') || 'none',
);
const pad = draw(THINGS.smiley(), HANDS.usual);
const times = Array.from({ length: 40 }, () => {
  const start = performance.now();
  model.prepare(pad, { preparation: 'ink' });
  return performance.now() - start;
});
console.log(`preparing 280 x 280: ${times.sort((a, b) => a - b)[20].toFixed(2)} ms (median)`);

const SETS = {
  'mnist:test': 'mnist:test',
  usps: join(shared, 'usps/usps28-test-images-idx3-ubyte.gz'),
  hwd1000: join(shared, 'hwd1000/hwd1000-images-idx3-ubyte.gz'),
};
for (const [name, spec] of Object.entries(SETS)) {
  if (spec.startsWith('/') && !existsSync(spec)) {
    console.log(`${name}: skipped, there is no ${spec}`);
    continue;
  }
  const rates = likeness('eval', file, '--data', spec, '--ink').false_alarms.map(
    (/** @type {{alpha: number, rate: number}} */ f) => `${100 * f.alpha} %:${percent(f.rate)}`,
  );
  console.log(`${name.padEnd(24)} flagged at ${rates.join('  ')}`);
}
model.dispose();
