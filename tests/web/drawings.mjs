// Digits as a hand draws them, and other things, as lines on the pad's 280 x 280.

/** @typedef {import('./browser.mjs').Line} Line */

/**
 * @param {number} x centre @param {number} y @param {number} a radii @param {number} b
 * @param {number} from degrees, clockwise from the right @param {number} to @param {number} steps
 * @returns {Line}
 */
function arc(x, y, a, b, from, to, steps = 24) {
  return Array.from({ length: steps + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180;
    return [x + a * Math.cos(angle), y + b * Math.sin(angle)];
  });
}

/** @type {Record<string, Line[]>} */
export const digits = {
  0: [arc(140, 140, 58, 82, -80, 285, 40)],
  2: [
    [...arc(138, 102, 48, 44, -160, 35), [150, 152], [120, 184], [92, 214], [130, 214], [192, 212]],
  ],
  3: [[...arc(134, 98, 48, 38, -150, 80), ...arc(134, 178, 56, 42, -85, 140)]],
  7: [
    [
      [82, 76],
      [120, 74],
      [160, 73],
      [196, 72],
      [180, 110],
      [160, 150],
      [142, 190],
      [130, 222],
    ],
  ],
};

/** @type {Record<string, Line[]>} */
export const doodles = {
  spiral: [
    Array.from({ length: 91 }, (_, i) => {
      const angle = (i / 90) * 6 * Math.PI;
      return [140 + i * 1.05 * Math.cos(angle), 140 + i * 1.05 * Math.sin(angle)];
    }),
  ],
  scribble: [
    Array.from({ length: 31 }, (_, i) => [40 + (i * 200) / 30, i % 2 ? 60 + i : 230 - 2 * i]),
  ],
  'letter M': [
    [
      [50, 220],
      [62, 140],
      [70, 60],
      [105, 130],
      [140, 190],
      [175, 130],
      [210, 60],
      [218, 140],
      [230, 220],
    ],
  ],
  star: [
    Array.from({ length: 6 }, (_, i) => {
      const angle = -Math.PI / 2 + (i * 4 * Math.PI) / 5;
      return [140 + 95 * Math.cos(angle), 145 + 95 * Math.sin(angle)];
    }),
  ],
};
