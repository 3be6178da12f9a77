// What lies together by code, as the worker finds it: clusters, and each image with its neighbours.

import { distances, evenly, least, principal, project } from './algebra.js';
import { arrange } from './arrange.js';
import { agreement, cluster } from './clusters.js';
import { NONE } from './known.js';

/** @typedef {import('./known.js').Known} Known */
/** @typedef {import('./known.js').Pause} Pause */

const CLUSTERS = 10; // where there are no labels
const MOST_CLUSTERS = 20;
const AVERAGED = 2000; // images, of which the means of clusters are made

/**
 * As many clusters of codes as there are labels; the labels themselves are looked at afterwards.
 * @param {Known} known @param {object} _ @param {Pause} pause
 */
export function clusters(known, _, pause) {
  return known.once('clusters', async () => {
    const { labels, thumbnails } = known.images;
    const n = labels.length;
    const kinds = [...new Set(labels)].filter((label) => label !== NONE).sort((a, b) => a - b);
    const labelled = kinds.length > 1 && kinds.length <= MOST_CLUSTERS;
    const k = Math.min(n, labelled ? kinds.length : CLUSTERS);
    const { of, counts } = await cluster(await known.codes(pause), n, k, pause);
    const places = [...of.keys()].filter((i) => labels[i] !== NONE);
    const votes = counts.map(() => /** @type {Map<number, number>} */ (new Map()));
    for (const i of places) votes[of[i]].set(labels[i], (votes[of[i]].get(labels[i]) ?? 0) + 1);
    const means = counts.map(() => new Float32Array(known.pixels));
    const averaged = counts.map(() => 0);
    for (const i of evenly(n, AVERAGED)) {
      averaged[of[i]]++;
      const mean = means[of[i]];
      for (let j = 0; j < mean.length; j++) mean[j] += thumbnails[i * mean.length + j] / 255;
    }
    return {
      of,
      agreement: labelled
        ? agreement(
            places.map((i) => of[i]),
            places.map((i) => kinds.indexOf(labels[i])),
          )
        : null,
      /** The largest first: its label is that of most. */
      list: counts.map((count, c) => {
        const [label, most] = [...votes[c]].sort(([, a], [, b]) => b - a)[0] ?? [NONE, 0];
        const mean = means[c].map((v) => v / (averaged[c] || 1));
        return { count, label, share: most / count, mean };
      }),
    };
  });
}

const JOINED = 3; // neighbours of each
const APART = 0.85; // of the distance that images would have on a grid
const ROUNDS = 150;

/** Turns points so that they are widest across, and stretches them to a rectangle of height 1. @param {Float32Array} at pairs @param {number} wide @param {Pause} pause */
async function stretch(at, wide, pause) {
  const n = at.length / 2;
  const across = await principal(at, n, 2, 2, pause);
  for (let i = 0; i < n; i++) at.set(project(across, at, 2 * i), 2 * i);
  for (const [c, size] of [wide, 1].entries()) {
    const values = at.filter((_, i) => i % 2 === c);
    const scale = size / (Math.max(...values) - Math.min(...values) || 1);
    for (let i = c; i < at.length; i += 2) at[i] *= scale;
  }
}

/** Pushes points off each other that lie too close for images. @param {Float32Array} at pairs @param {number} wanted how far they are to be apart @param {Pause} pause */
async function separate(at, wanted, pause) {
  const n = at.length / 2;
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < n; i++)
      for (let j = 0; j < i; j++) {
        const [dx, dy] = [at[2 * i] - at[2 * j], at[2 * i + 1] - at[2 * j + 1]];
        const far = Math.hypot(dx, dy);
        if (far >= wanted) continue;
        const [x, y] = far > 1e-9 ? [dx / far, dy / far] : [1, 0];
        const step = 0.4 * (wanted - far);
        at[2 * i] += x * step;
        at[2 * i + 1] += y * step;
        at[2 * j] -= x * step;
        at[2 * j + 1] -= y * step;
      }
    await pause(round / ROUNDS);
  }
}

/** How many groups hang together by links. @param {number} n @param {Uint32Array} links */
function groupsOf(n, links) {
  const of = [...Array(n).keys()];
  const root = (/** @type {number} */ i) => {
    let at = i;
    while (of[at] !== at) at = of[at] = of[of[at]];
    return at;
  };
  for (let e = 0; e < links.length; e += 2) of[root(links[e])] = root(links[e + 1]);
  return of.filter((to, i) => to === i).length;
}

/**
 * Some known images, each joined to the nearest of the others by code, and where they lie: so that
 * what is joined lies together, in a rectangle that is so much wider than high. `links` are pairs of
 * places in `which`.
 * @param {Known} known @param {{count: number, wide: number}} args @param {Pause} pause
 */
export function graph(known, { count, wide }, pause) {
  return known.once(`graph ${count} ${wide}`, async () => {
    const { model } = known;
    const d = model.info.latent;
    const which = evenly(model.gallerySize, count);
    const n = which.length;
    const z = new Float32Array(n * d);
    await known.each(which, pause, (x, first, some) => {
      z.set(model.encode(x), first * d);
      for (let i = first; i < first + some; i++) {
        // As the gallery is searched: by the angle between codes.
        const row = z.subarray(i * d, (i + 1) * d);
        const length = Math.hypot(...row) || 1;
        for (let j = 0; j < d; j++) row[j] /= length;
      }
    });
    const far = new Float32Array(n);
    const joined = Math.min(JOINED, n - 1);
    const links = new Uint32Array(2 * n * joined);
    for (let i = 0; i < n; i++) {
      const near = least(distances(z.subarray(i * d, (i + 1) * d), z, d, far), joined, i);
      near.forEach((j, e) => {
        links.set([i, j], 2 * (i * joined + e));
      });
    }
    const components = await principal(z, n, d, Math.min(2, d), pause);
    const begin = new Float32Array(2 * n);
    for (let i = 0; i < n; i++)
      begin.set(project(components, z.subarray(i * d, (i + 1) * d)), 2 * i);
    const { at } = await arrange(z, n, begin, pause);
    await stretch(at, wide, pause);
    await separate(at, APART * Math.sqrt(wide / n), pause);
    const labels = Int16Array.from(which, (i) => known.images.labels[i]);
    let same = 0;
    for (let e = 0; e < links.length; e += 2)
      same += Number(labels[links[e]] === labels[links[e + 1]]);
    return { which, xy: at, links, labels, joined, same, groups: groupsOf(n, links) };
  });
}
