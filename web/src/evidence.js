// What the worker measures of a model by its gallery, as evidence: mistakes, alarms, what is common.

import { evenly, principal, uniform } from './algebra.js';
import { NONE } from './known.js';

/** @typedef {import('./known.js').Known} Known */
/** @typedef {import('./known.js').Pause} Pause */

const MOST_CONFUSED = 4000; // images
const MOST_SURVEYED = 10000;
const MOST_AVERAGED = 2000;

/**
 * What each known image is taken for: by the classifier, if the model is one, else by the label of the
 * nearest other known image.
 * @param {Known} known @param {object} _ @param {Pause} pause
 */
export function guesses(known, _, pause) {
  return known.once('guesses', async () => {
    const { model, pixels } = known;
    const { classes } = model.info;
    const which = evenly(model.gallerySize, MOST_CONFUSED);
    const { labels } = known.images;
    const guess = new Int16Array(which.length).fill(NONE);
    await known.each(which, pause, (x, first, count) => {
      const shares = classes ? model.classify(x) : null;
      for (let i = 0; i < count; i++) {
        const own = which[first + i];
        if (shares) {
          const some = shares.subarray(i * classes, (i + 1) * classes);
          guess[first + i] = some.indexOf(Math.max(...some));
          continue;
        }
        const near = model.neighbours(x.subarray(i * pixels, (i + 1) * pixels), { k: 2 });
        guess[first + i] = near.find(({ index }) => index !== own)?.label ?? NONE;
      }
    });
    return {
      which,
      guess,
      truth: Int16Array.from(which, (i) => labels[i]),
      classifier: classes > 0,
    };
  });
}

/** How unusual each known image is. @param {Known} known @param {object} _ @param {Pause} pause */
export function survey(known, _, pause) {
  return known.once('survey', async () => {
    const { model, pixels } = known;
    const which = evenly(model.gallerySize, MOST_SURVEYED);
    const score = new Float32Array(which.length);
    const p = new Float32Array(which.length);
    await known.each(which, pause, (x, first, count) => {
      for (let i = 0; i < count; i++) {
        const result = model.check(x.subarray(i * pixels, (i + 1) * pixels));
        score[first + i] = result.score;
        p[first + i] = result.p;
      }
    });
    return { which, score, p };
  });
}

/** Some known images, as inputs. @param {Known} known @param {{count: number}} args */
export function some(known, { count }) {
  return known.inputs(evenly(known.model.gallerySize, count));
}

/** @typedef {'mirrored' | 'upside down' | 'turned' | 'inverted' | 'noise' | 'as they are'} Change */

/** What a value of a changed image is: from where, and made what of. @type {Record<Change, (row: number, column: number, height: number, width: number) => [number, number]>} */
const FROM = {
  mirrored: (row, column, _, width) => [row, width - 1 - column],
  'upside down': (row, column, height) => [height - 1 - row, column],
  turned: (row, column, height) => [height - 1 - column, row],
  inverted: (row, column) => [row, column],
  noise: (row, column) => [row, column],
  'as they are': (row, column) => [row, column],
};

/** @param {Float32Array} x @param {import('likeness').Info['shape']} shape @param {Change} change @param {() => number} random */
function changed(x, { channels, height, width }, change, random) {
  const out = new Float32Array(x.length);
  const plane = height * width;
  for (let c = 0; c < channels; c++)
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        const [from, at] = FROM[change](row, column, height, width);
        const value = x[c * plane + from * width + at];
        out[c * plane + row * width + column] =
          change === 'inverted' ? 1 - value : change === 'noise' ? random() : value;
      }
  return out;
}

/**
 * The scores of images that are none of those known, or are not as they should be.
 * @param {Known} known @param {{images: Float32Array, change: Change}} args @param {Pause} pause
 */
export async function scores({ model, pixels }, { images, change }, pause) {
  const random = uniform(7);
  const found = new Float32Array(images.length / pixels);
  for (let i = 0; i < found.length; i++) {
    const x = images.subarray(i * pixels, (i + 1) * pixels);
    const { score, verdict } = model.check(changed(x, model.info.shape, change, random));
    found[i] = verdict === 'empty' ? Infinity : score;
    await pause(i / found.length);
  }
  return found;
}

const SHARED = 9; // principal components shown

/** The mean of the known images, and what they differ by. @param {Known} known @param {object} _ @param {Pause} pause */
export function common(known, _, pause) {
  return known.once('common', async () => {
    const which = evenly(known.model.gallerySize, MOST_AVERAGED);
    const rows = known.inputs(which);
    const found = await principal(rows, which.length, known.pixels, SHARED, pause);
    return {
      images: which.length,
      mean: Float32Array.from(found.mean),
      axes: found.axes.map((axis) => Float32Array.from(axis)),
      shares: found.variances.map((v) => v / (found.total || 1)),
    };
  });
}
