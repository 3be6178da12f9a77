// What lab.worker.js can be asked: each call takes a model with its gallery, arguments, and `pause`,
// which long work awaits now and then.

import { distances, evenly, least, principal, project, trust } from './algebra.js';
import { arrange, settle } from './arrange.js';
import { common, guesses, scores, some, survey } from './evidence.js';
import { judge } from './judging.js';
import { preparationFor } from './preparation.js';
import { clusters, graph } from './together.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {import('likeness').Preparation} Preparation */
/** @typedef {import('./known.js').Known} Known */
/** @typedef {import('./known.js').Pause} Pause */
/** @typedef {import('likeness').Neighbour} Near */

/** @param {Known} known */
function all({ model }) {
  return Uint32Array.from({ length: model.gallerySize }, (_, i) => i);
}

/** The nearest by codes and by pixels. @param {Known} known @param {{x: Float32Array, k: number}} args */
function neighbours(known, { x, k }) {
  const { model, pixels } = known;
  const { thumbnails } = known.images;
  const row = x.map((value) => Math.round(255 * value)); // as the thumbnails are
  const far = distances(row, thumbnails, pixels, new Float32Array(model.gallerySize));
  /** @type {Near[]} */
  const byPixels = least(far, k).map((i) => ({
    ...model.galleryImage(i),
    distance: Math.sqrt(far[i]) / 255,
  }));
  return { byCode: model.neighbours(x, { k }), byPixels };
}

/**
 * What lies between two images: codes in equal steps, decoded.
 * @param {Known} known @param {{a: Float32Array, b: Float32Array, steps: number}} args
 */
function interpolate({ model }, { a, b, steps }) {
  const [from, to] = [model.encode(a), model.encode(b)];
  const z = new Float32Array(steps * from.length);
  for (let s = 0; s < steps; s++) {
    const t = s / (steps - 1);
    for (let j = 0; j < from.length; j++) z[s * from.length + j] = (1 - t) * from[j] + t * to[j];
  }
  return model.decode(z);
}

const MOST_FITTED = 4e6; // values that the map's axes are found by
const MEASURED = 2000; // images that the map is measured on
const MEASURED_WIDE = 1000; // when codes are long
const WIDE = 128;
const NEIGHBOURS = 12;

/** The axes of the map, and every code on them. @param {Known} known @param {Pause} pause */
function place(known, pause) {
  return known.once('directions', async () => {
    const d = known.model.info.latent;
    const n = known.model.gallerySize;
    const z = await known.codes(pause);
    const fitted = evenly(n, Math.max(1000, Math.floor(MOST_FITTED / d)));
    const rows = new Float32Array(fitted.length * d);
    for (const [at, i] of fitted.entries()) rows.set(z.subarray(i * d, (i + 1) * d), at * d);
    const plain = d <= 2; // it is a map already
    const components = plain
      ? {
          mean: new Float64Array(d),
          axes: [...Array(2).keys()].map((a) =>
            Float64Array.from({ length: d }, (_, j) => Number(a === j)),
          ),
          variances: [],
          total: 0,
        }
      : await principal(rows, fitted.length, d, 2, pause);
    const xy = new Float32Array(2 * n);
    for (let i = 0; i < n; i++) xy.set(project(components, z.subarray(i * d, (i + 1) * d)), 2 * i);
    return { z, xy, components, plain };
  });
}

/** How a map is arranged. @typedef {'directions' | 'neighbours'} How */
/** @typedef {{z: Float32Array, xy: Float32Array, at: (code: Float32Array) => number[]}} Arranged */

/** Where every code lies, and where another would. @param {Known} known @param {How} how @param {Pause} pause @returns {Promise<Arranged>} */
async function arranged(known, how, pause) {
  const { z, xy, components } = await place(known, pause);
  if (how === 'directions') return { z, xy, at: (code) => project(components, code) };
  return known.once(how, async () => {
    const n = known.model.gallerySize;
    const d = known.model.info.latent;
    const arrangement = await arrange(z, n, xy, pause);
    const { anchors, at: places } = arrangement;
    const at = (/** @type {Float32Array} */ code) => settle(arrangement, code);
    const moved = new Float32Array(2 * n);
    for (let i = 0; i < n && anchors.length < n; i++) {
      moved.set(at(z.subarray(i * d, (i + 1) * d)), 2 * i);
      if (i % 32 === 0) await pause(i / n);
    }
    for (const [a, i] of anchors.entries()) moved.set(places.subarray(2 * a, 2 * a + 2), 2 * i);
    return { z, xy: moved, at };
  });
}

/** @param {Known} known @param {{how: How}} args @param {Pause} pause */
async function map(known, { how }, pause) {
  const { xy } = await arranged(known, how, pause);
  const { components, plain } = await place(known, pause);
  const { variances, total } = components;
  const share = plain ? 1 : variances.reduce((sum, v) => sum + v, 0) / (total || 1);
  return { xy, labels: known.images.labels, share, plain };
}

/** How far the map can be trusted. @param {Known} known @param {{how: How}} args @param {Pause} pause */
function measure(known, { how }, pause) {
  return known.once(`measure ${how}`, async () => {
    const d = known.model.info.latent;
    const { z, xy } = await arranged(known, how, pause);
    const sample = evenly(xy.length / 2, d > WIDE ? MEASURED_WIDE : MEASURED);
    const some = new Float32Array(sample.length * d);
    const pairs = new Float32Array(sample.length * 2);
    sample.forEach((i, at) => {
      some.set(z.subarray(i * d, (i + 1) * d), at * d);
      pairs.set(xy.subarray(2 * i, 2 * i + 2), 2 * at);
    });
    const labels = sample.map((i) => known.images.labels[i]);
    const k = Math.min(NEIGHBOURS, Math.floor(sample.length / 3));
    return { ...(await trust(pairs, some, labels, k, pause)), k, images: sample.length };
  });
}

/** Where an image is on the map. @param {Known} known @param {{x: Float32Array, how: How}} args @param {Pause} pause */
async function locate(known, { x, how }, pause) {
  const { at } = await arranged(known, how, pause);
  return at(known.model.encode(x));
}

/**
 * How each known image is redrawn: its rank by mean squared error, from 0 to 1, so that one very bad
 * image does not take all the colour.
 * @param {Known} known @param {object} _ @param {Pause} pause
 */
function errors(known, _, pause) {
  return known.once('errors', async () => {
    const { model, pixels } = known;
    const found = new Float32Array(model.gallerySize);
    await known.each(all(known), pause, (x, first, count) => {
      const { image } = model.reconstruct(x);
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let j = i * pixels; j < (i + 1) * pixels; j++) sum += (image[j] - x[j]) ** 2;
        found[first + i] = sum / pixels;
      }
    });
    const order = [...found.keys()].sort((a, b) => found[a] - found[b]);
    const rank = new Float32Array(found.length);
    order.forEach((i, at) => {
      rank[i] = at / (order.length - 1 || 1);
    });
    return { rank, least: found[order[0]], most: found[order[order.length - 1]] };
  });
}

/**
 * What a model makes of a picture.
 * @typedef {object} Seen
 * @property {Float32Array} x
 * @property {Float32Array | null} image
 * @property {number | null} error mean squared
 * @property {number | null} guess of a classifier
 * @property {import('likeness').Verdict | null} verdict none where it is not calibrated
 * @property {number} p
 */
/**
 * `drawing` is the preparation that a drawing was made for: other models may want it inverted.
 * @param {Known} known
 * @param {{picture: ImageData, kind: 'drawing' | 'picture', alpha: number, drawing: Preparation}} args
 * @returns {Seen}
 */
function see({ model, pixels }, { picture, kind, alpha, drawing }) {
  const { preparations, output, classes } = model.info;
  const preparation = preparationFor(model, kind, picture);
  const data = new Uint8ClampedArray(picture.data);
  if (kind === 'drawing' && preparation !== drawing)
    for (let i = 0; i < data.length; i++) if (i % 4 < 3) data[i] = 255 - data[i];
  const { width, height } = picture;
  const { x, empty } = model.prepare({ data, width, height }, { preparation });
  const image = output === 'image' ? model.reconstruct(x).image : null;
  const judged = preparations.includes(preparation)
    ? model.check(x, { alpha, preparation })
    : { verdict: null, p: 0 };
  const shares = classes ? [...model.classify(x)] : [];
  return {
    x,
    image,
    error: image && x.reduce((sum, v, i) => sum + (image[i] - v) ** 2, 0) / pixels,
    guess: classes ? shares.indexOf(Math.max(...shares)) : null,
    verdict: empty ? 'empty' : judged.verdict,
    p: judged.p,
  };
}

/** What a classifier takes a picture for. @param {Known} known @param {{picture: ImageData, preparation: Preparation}} args */
function opinion({ model }, { picture, preparation }) {
  const shares = model.classify(model.prepare(picture, { preparation }).x);
  const share = Math.max(...shares);
  return { best: shares.indexOf(share), share };
}

/** Trains a network; the trainer is fetched by this. @param {unknown} _ @param {import('./training.js').Task} task @param {Pause} pause */
async function train(_, task, pause) {
  const training = await import('./training.js');
  return training.train(task, pause);
}

/** Does nothing but have the model opened. */
function wake(/** @type {Known} */ _, /** @type {object} */ __) {}

export const calls = {
  judge,
  neighbours,
  interpolate,
  map,
  measure,
  locate,
  errors,
  clusters,
  graph,
  see,
  guesses,
  survey,
  some,
  scores,
  common,
  opinion,
  train,
  wake,
};
/** @typedef {typeof calls} Calls */
