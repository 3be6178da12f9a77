// Makes a small colour data set of MNIST, since none can be installed: its digits in one colour on a
// ground of another, 32 x 32 x 3. Usage: node web/coloured.mjs MNIST_FOLDER OUT_FOLDER. Each colour
// depends on the image's number alone, so that everybody gets the same files. A quarter of them
// stay black on white or white on black, as the page's pad draws.
import { join } from 'node:path';
import { numbers, readIdx, writeIdx } from './idx.mjs';

const SIDE = 32;
const EDGE = 2; // MNIST's 28 pixels stand in the middle
const LEAST_CONTRAST = 90; // of 255, in luma, between a digit and its ground
const PARTS = { train: 20000, t10k: 4000 };

/** @param {number[]} colour */
const luma = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b;

/** The colours of a digit and of its ground. @param {number} image */
function colours(image) {
  const next = numbers(image);
  if (next() % 4 === 0) {
    const ground = 255 * (next() % 2);
    return [new Array(3).fill(255 - ground), new Array(3).fill(ground)];
  }
  for (;;) {
    const [ink, ground] = [0, 1].map(() => Array.from({ length: 3 }, () => next() % 256));
    if (Math.abs(luma(ink) - luma(ground)) >= LEAST_CONTRAST) return [ink, ground];
  }
}

const [from, to] = process.argv.slice(2);
for (const [part, count] of Object.entries(PARTS)) {
  const grey = readIdx(join(from, `${part}-images-idx3-ubyte`)).subarray(16);
  const labels = readIdx(join(from, `${part}-labels-idx1-ubyte`)).subarray(8, 8 + count);
  const inner = SIDE - 2 * EDGE;
  const pixels = new Uint8Array(count * SIDE * SIDE * 3);
  for (let i = 0; i < count; i++) {
    const [ink, ground] = colours(i);
    for (let y = 0; y < SIDE; y++)
      for (let x = 0; x < SIDE; x++) {
        const inside = Math.min(x, y) >= EDGE && Math.max(x, y) < SIDE - EDGE;
        const at = i * inner * inner + (y - EDGE) * inner + x - EDGE;
        const share = inside ? grey[at] / 255 : 0;
        for (let c = 0; c < 3; c++)
          pixels[3 * ((i * SIDE + y) * SIDE + x) + c] = ground[c] + (ink[c] - ground[c]) * share;
      }
  }
  // The images last: who finds them finds all.
  writeIdx(join(to, `${part}-labels-idx1-ubyte`), [count], labels);
  writeIdx(join(to, `${part}-images-idx4-ubyte`), [count, SIDE, SIDE, 3], pixels);
}
