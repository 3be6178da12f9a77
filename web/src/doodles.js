// A few drawings of other things, as strokes for the pad.

/** @typedef {import('./pad.js').Stroke} Stroke */

/** @param {(t: number) => [number, number]} at a curve for t from 0 to 1 @param {number} steps */
function curve(at, steps) {
  return Array.from({ length: steps + 1 }, (_, i) => at(i / steps));
}

/** @type {{name: string, lines: [number, number][][]}[]} */
const DRAWINGS = [
  {
    name: 'spiral',
    lines: [
      curve((t) => {
        const angle = 6 * Math.PI * t;
        return [140 + 95 * t * Math.cos(angle), 140 + 95 * t * Math.sin(angle)];
      }, 90),
    ],
  },
  {
    name: 'star',
    lines: [
      curve((t) => {
        const corner = Math.floor(t * 5);
        const [a, b] = [corner, corner + 1].map((c) => -Math.PI / 2 + (c * 4 * Math.PI) / 5);
        const s = t * 5 - corner;
        return [
          140 + 95 * ((1 - s) * Math.cos(a) + s * Math.cos(b)),
          145 + 95 * ((1 - s) * Math.sin(a) + s * Math.sin(b)),
        ];
      }, 60),
    ],
  },
  {
    name: 'letter A',
    lines: [
      [
        [70, 220],
        [105, 130],
        [140, 50],
        [175, 130],
        [210, 220],
      ],
      [
        [95, 160],
        [140, 160],
        [185, 160],
      ],
    ],
  },
  {
    name: 'house',
    lines: [
      [
        [80, 220],
        [80, 180],
        [80, 130],
        [110, 100],
        [140, 70],
        [170, 100],
        [200, 130],
        [200, 180],
        [200, 220],
        [140, 220],
        [80, 220],
      ],
      [
        [125, 220],
        [125, 190],
        [125, 170],
        [155, 170],
        [155, 190],
        [155, 220],
      ],
    ],
  },
  {
    name: 'face',
    lines: [
      curve(
        (t) => [140 + 90 * Math.cos(2 * Math.PI * t), 140 + 90 * Math.sin(2 * Math.PI * t)],
        48,
      ),
      curve((t) => [140 + 50 * Math.cos(Math.PI * t), 155 + 32 * Math.sin(Math.PI * t)], 24),
      [
        [110, 110],
        [110, 120],
      ],
      [
        [170, 110],
        [170, 120],
      ],
    ],
  },
];

/** Fresh strokes each time: the pad keeps what it is given. @returns {{name: string, strokes: Stroke[]}[]} */
export function doodles() {
  return DRAWINGS.map(({ name, lines }) => ({
    name,
    strokes: lines.map((points) => ({ width: 18, points: [...points] })),
  }));
}
