// A plane in which points lie by their nearest neighbours: each is pulled to those, and pushed off by
// others drawn at random, as in UMAP (McInnes, Healy and Melville).

import { distances, evenly, least, uniform } from './algebra.js';

/** @typedef {import('./algebra.js').Pause} Pause */
/** @typedef {{anchors: Uint32Array, rows: Float32Array, at: Float32Array}} Arrangement places of the
 * anchors, points that were arranged among themselves; others lie among theirs */

const ALL = 10000; // points that are arranged together; of more than these
const FEW = 5000; // only so many
const NEIGHBOURS = 15;
const PLACED_BY = 5;
const EPOCHS = 200;
const PUSHES = 5; // for each pull
const NEAR = 1.6; // the larger, the closer neighbours may lie
const MOST = 4; // of a step
const WIDE = 10; // of the plane at first
const FIND = 0.5; // share of the work that it is to find the neighbours

/** How strongly each neighbour pulls: 1 for the nearest, in all about log2(k). @param {number[]} far */
function pulls(far) {
  const k = far.length;
  const nearest = far[0];
  let [low, high, width] = [0, Infinity, 1];
  for (let round = 0; round < 40; round++) {
    const sum = far.reduce((s, d) => s + Math.exp(-(d - nearest) / width), 0);
    if (sum > Math.log2(k)) high = width;
    else low = width;
    width = high === Infinity ? 2 * width : (low + high) / 2;
  }
  return far.map((d) => Math.exp(-(d - nearest) / Math.max(width, 1e-9)));
}

/** The nearest of each, and how strongly they pull. @param {Float32Array} rows @param {number} n @param {number} d @param {Pause} pause */
async function neighbourhood(rows, n, d, pause) {
  const k = Math.min(NEIGHBOURS, n - 1);
  const to = new Uint32Array(n * k);
  const pull = new Float32Array(n * k);
  const far = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const near = least(distances(rows.subarray(i * d, (i + 1) * d), rows, d, far), k, i);
    to.set(near, i * k);
    pull.set(pulls(near.map((j) => Math.sqrt(far[j]))), i * k);
    if (i % 32 === 0) await pause((FIND * i) / n);
  }
  return { k, to, pull };
}

/** @param {number} step */
const bounded = (step) => Math.max(-MOST, Math.min(MOST, step));

/**
 * @param {Float32Array} codes n rows @param {number} n @param {Float32Array} begin where they lie at
 * first: pairs @param {Pause} [pause]
 * @returns {Promise<Arrangement>}
 */
export async function arrange(codes, n, begin, pause = () => {}) {
  const d = codes.length / n;
  const anchors = evenly(n, n <= ALL ? ALL : FEW);
  const m = anchors.length;
  const rows = new Float32Array(m * d);
  const at = new Float32Array(2 * m);
  const most = begin.reduce((w, v) => Math.max(w, Math.abs(v)), 1e-9);
  for (const [i, from] of anchors.entries()) {
    rows.set(codes.subarray(from * d, (from + 1) * d), i * d);
    for (const c of [0, 1]) at[2 * i + c] = (WIDE * begin[2 * from + c]) / most;
  }
  const { k, to, pull } = await neighbourhood(rows, m, d, pause);
  const random = uniform(11);
  /** Moves i towards j, or away. @param {number} i @param {number} j @param {number} force */
  const move = (i, j, force) => {
    at[2 * i] += bounded(force * (at[2 * i] - at[2 * j]));
    at[2 * i + 1] += bounded(force * (at[2 * i + 1] - at[2 * j + 1]));
  };
  const apart = (/** @type {number} */ i, /** @type {number} */ j) =>
    (at[2 * i] - at[2 * j]) ** 2 + (at[2 * i + 1] - at[2 * j + 1]) ** 2;
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const rate = 1 - epoch / EPOCHS;
    for (let i = 0; i < m; i++) {
      for (let e = i * k; e < (i + 1) * k; e++) {
        if (random() > pull[e]) continue;
        const j = to[e];
        const force = (-2 * NEAR * rate) / (1 + NEAR * apart(i, j));
        move(i, j, force);
        move(j, i, force);
        for (let p = 0; p < PUSHES; p++) {
          const other = Math.floor(random() * m);
          if (other === i) continue;
          const far = apart(i, other);
          move(i, other, (2 * rate) / ((0.001 + far) * (1 + NEAR * far)));
        }
      }
      if (i % 256 === 0) await pause(FIND + ((1 - FIND) * (epoch + i / m)) / EPOCHS);
    }
  }
  return { anchors, rows, at };
}

/** Where a code lies among the anchors: at the mean of the nearest, the nearer the more. @param {Arrangement} arrangement @param {Float32Array} code */
export function settle({ anchors, rows, at }, code) {
  const far = distances(code, rows, code.length, new Float32Array(anchors.length));
  let [x, y, sum] = [0, 0, 0];
  for (const i of least(far, PLACED_BY)) {
    const weight = 1 / (far[i] + 1e-6);
    x += weight * at[2 * i];
    y += weight * at[2 * i + 1];
    sum += weight;
  }
  return [x / sum, y / sum];
}
