// A few drawings of other things, as strokes for the pad.

/** @typedef {import('./strokes.js').Stroke} Stroke */
/** @typedef {[number, number][]} Line points of the pad's 280 x 280 */

/** @param {(t: number) => [number, number]} at a curve for t from 0 to 1 @param {number} steps */
function curve(at, steps) {
  return Array.from({ length: steps + 1 }, (_, i) => at(i / steps));
}

/** "70,120 70,50" as points. @param {string} text @returns {Line} */
function line(text) {
  return text
    .split(' ')
    .map((point) => /** @type {[number, number]} */ (point.split(',').map(Number)));
}

/** @type {{name: string, lines: Line[]}[]} */
const DRAWINGS = [
  {
    name: 'face',
    lines: [
      curve(
        (t) => [140 + 95 * Math.sin(2 * Math.PI * t), 140 - 95 * Math.cos(2 * Math.PI * t)],
        60,
      ),
      line('105,110 107,112'),
      line('175,110 173,112'),
      curve((t) => [140 + 52 * Math.sin(2 * t - 1), 140 + 52 * Math.cos(2 * t - 1)], 20),
    ],
  },
  {
    name: 'tree',
    lines: [
      line('140,230 140,180 140,120 140,50'),
      line('140,120 100,90 70,60'),
      line('140,120 180,90 210,60'),
      line('140,180 95,150 60,130'),
      line('140,180 185,150 220,130'),
    ],
  },
  {
    name: 'cat',
    lines: [
      line(
        '70,120 70,50 110,85 140,80 170,85 210,50 210,120 215,160 190,205 140,220 90,205 65,160 70,120',
      ),
      line('110,140 112,142'),
      line('170,140 172,142'),
      line('125,175 140,183 155,175'),
    ],
  },
  {
    name: 'letter M',
    lines: [line('50,220 62,140 70,60 105,130 140,190 175,130 210,60 218,140 230,220')],
  },
  {
    name: 'scribble',
    lines: [curve((t) => [140 + 90 * Math.sin(31 * t), 140 + 90 * Math.cos(23 * t)], 200)],
  },
];

/** @param {Line[]} lines @returns {Stroke[]} */
const drawn = (lines) => lines.map((points) => ({ width: 18, points }));

export const doodles = DRAWINGS.map(({ name, lines }) => ({ name, strokes: drawn(lines) }));

/** A digit, for the tour. */
export const three = drawn([
  [
    ...curve((t) => [134 + 48 * Math.cos(4 * t - 2.6), 98 + 38 * Math.sin(4 * t - 2.6)], 24),
    ...curve((t) => [134 + 56 * Math.cos(3.9 * t - 1.5), 178 + 42 * Math.sin(3.9 * t - 1.5)], 24),
  ],
]);
