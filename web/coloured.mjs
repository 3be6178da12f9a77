// Makes a small colour data set of MNIST, since none can be installed: its digits in one colour on a
// ground of another, 32 x 32 x 3. Usage: node web/coloured.mjs MNIST_FOLDER OUT_FOLDER. Each colour
// depends on the image's number alone, so that everybody gets the same files. A quarter of them
// stay black on white or white on black, as the page's pad draws.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const SIDE = 32;
const EDGE = 2; // MNIST's 28 pixels stand in the middle
const LEAST_CONTRAST = 90; // of 255, in luma, between a digit and its ground
const PARTS = { train: 20000, t10k: 4000 };

/** @param {string} file as published or unpacked */
function read(file) {
  return existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`));
}

/** Whole numbers below 2^32 that depend on the seed alone (splitmix32). @param {number} seed */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

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

/** An IDX file of bytes. @param {number[]} sizes @param {Uint8Array} values */
function idx(sizes, values) {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.set([0, 0, 8, sizes.length]);
  sizes.forEach((size, i) => {
    header.writeUInt32BE(size, 4 + 4 * i);
  });
  return Buffer.concat([header, values]);
}

const [from, to] = process.argv.slice(2);
mkdirSync(to, { recursive: true });
for (const [part, count] of Object.entries(PARTS)) {
  const grey = read(join(from, `${part}-images-idx3-ubyte`)).subarray(16);
  const labels = read(join(from, `${part}-labels-idx1-ubyte`)).subarray(8, 8 + count);
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
  writeFileSync(join(to, `${part}-labels-idx1-ubyte`), idx([count], labels));
  const images = join(to, `${part}-images-idx4-ubyte`);
  writeFileSync(`${images}.part`, idx([count, SIDE, SIDE, 3], pixels));
  renameSync(`${images}.part`, images); // who finds it finds all of it
}
