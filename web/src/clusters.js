// Clusters of codes, and how well they agree with labels that they were not told.

import { evenly, uniform } from './algebra.js';

/** @typedef {import('./algebra.js').Pause} Pause */

const FITTED = 6000; // rows that the centres are found by; the others only join one
const STARTS = 3; // of which the best stays
const ROUNDS = 60;
const PIECE = 512; // rows between pauses

/** Which centre is nearest to a row, and how far it is. @param {Float32Array} rows @param {number} at where the row begins @param {Float64Array} centres @param {number} d */
function nearest(rows, at, centres, d) {
  let [best, least] = [0, Infinity];
  for (let c = 0; c < centres.length / d; c++) {
    let sum = 0;
    for (let j = 0, from = c * d; j < d && sum < least; j++) {
      const difference = rows[at + j] - centres[from + j];
      sum += difference * difference;
    }
    if (sum < least) [best, least] = [c, sum];
  }
  return { best, least };
}

/** Centres far from each other: each is a row, drawn by how far it is from those before (D. Arthur and
 * S. Vassilvitskii 2007). @param {Float32Array} rows @param {number} n @param {number} d @param {number} k @param {() => number} random */
function spread(rows, n, d, k, random) {
  const centres = new Float64Array(k * d);
  const far = new Float64Array(n).fill(1);
  for (let c = 0; c < k; c++) {
    let left = random() * far.reduce((sum, v) => sum + v, 0);
    let chosen = 0;
    while (chosen < n - 1 && left >= far[chosen]) left -= far[chosen++];
    centres.set(rows.subarray(chosen * d, (chosen + 1) * d), c * d);
    const known = centres.subarray(0, (c + 1) * d);
    for (let i = 0; i < n; i++) far[i] = nearest(rows, i * d, known, d).least;
  }
  return centres;
}

/** k means of n rows of d values, by Lloyd's rounds. @param {Float32Array} rows @param {number} n @param {number} d @param {number} k @param {Pause} pause @param {() => number} random */
async function settle(rows, n, d, k, pause, random) {
  const centres = spread(rows, n, d, k, random);
  const of = new Int16Array(n).fill(-1);
  let error = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let moved = 0;
    error = 0;
    const sums = new Float64Array(k * d);
    const counts = new Uint32Array(k);
    for (let i = 0; i < n; i++) {
      const { best, least } = nearest(rows, i * d, centres, d);
      moved += Number(of[i] !== best);
      of[i] = best;
      error += least;
      counts[best]++;
      for (let j = 0; j < d; j++) sums[best * d + j] += rows[i * d + j];
      if (i % PIECE === 0) await pause((round + i / n) / ROUNDS);
    }
    if (moved === 0) break;
    // A centre that nothing is near to stays where it is.
    for (let i = 0; i < k * d; i++) {
      const count = counts[Math.floor(i / d)];
      if (count) centres[i] = sums[i] / count;
    }
  }
  return { centres, error };
}

/**
 * Which of k clusters each of n rows is in, the largest being the first; the same at each call.
 * @param {Float32Array} rows @param {number} n @param {number} k @param {Pause} [pause]
 * @returns {Promise<{of: Int16Array, counts: number[]}>}
 */
export async function cluster(rows, n, k, pause = () => {}) {
  const d = rows.length / n;
  const fitted = evenly(n, FITTED);
  const some = new Float32Array(fitted.length * d);
  fitted.forEach((i, at) => {
    some.set(rows.subarray(i * d, (i + 1) * d), at * d);
  });
  const random = uniform(5);
  let best = { centres: new Float64Array(), error: Infinity };
  for (let start = 0; start < STARTS; start++) {
    const part = (/** @type {number} */ share) => pause((start + share) / STARTS);
    const found = await settle(some, fitted.length, d, k, part, random);
    if (found.error < best.error) best = found;
  }
  const of = new Int16Array(n);
  const counts = /** @type {number[]} */ (Array(k).fill(0));
  for (let i = 0; i < n; i++) {
    of[i] = nearest(rows, i * d, best.centres, d).best;
    counts[of[i]]++;
    if (i % PIECE === 0) await pause(1);
  }
  const order = [...counts.keys()].sort((a, b) => counts[b] - counts[a]);
  const place = order.map((_, c) => order.indexOf(c));
  return { of: of.map((c) => place[c]), counts: order.map((c) => counts[c]) };
}

/** How often each cluster has each label. @param {ArrayLike<number>} of @param {ArrayLike<number>} labels */
function table(of, labels) {
  const size = 1 + Math.max(...new Set([...Array.from(of), ...Array.from(labels)]));
  const counts = Array.from({ length: size }, () => /** @type {number[]} */ (Array(size).fill(0)));
  for (let i = 0; i < of.length; i++) counts[of[i]][labels[i]]++;
  return counts;
}

/**
 * The most that a square table adds up to if each row is given a column of its own: H. W. Kuhn's
 * Hungarian method (1955), by shortest paths. Rows and columns are counted from 1, 0 is none.
 * @param {number[][]} gain
 */
export function assign(gain) {
  const n = gain.length;
  const zeros = () => /** @type {number[]} */ (Array(n + 1).fill(0));
  const [ofRow, ofColumn, owner] = [zeros(), zeros(), zeros()];
  for (let row = 1; row <= n; row++) {
    const slack = zeros().fill(Infinity);
    const way = zeros();
    const seen = new Set();
    let at = 0;
    owner[0] = row;
    do {
      seen.add(at);
      let [next, least] = [0, Infinity];
      for (let j = 1; j <= n; j++) {
        if (seen.has(j)) continue;
        const cost = -gain[owner[at] - 1][j - 1] - ofRow[owner[at]] - ofColumn[j];
        if (cost < slack[j]) [slack[j], way[j]] = [cost, at];
        if (slack[j] < least) [next, least] = [j, slack[j]];
      }
      for (let j = 0; j <= n; j++)
        if (seen.has(j)) {
          ofRow[owner[j]] += least;
          ofColumn[j] -= least;
        } else slack[j] -= least;
      at = next;
    } while (owner[at]);
    for (; at; at = way[at]) owner[at] = owner[way[at]];
  }
  return owner.slice(1).reduce((sum, row, j) => sum + gain[row - 1][j], 0);
}

/** In nats. @param {number[]} counts */
function entropy(counts) {
  const n = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, c) => sum - (c ? (c / n) * Math.log(c / n) : 0), 0);
}

/**
 * The share whose cluster stands for its label when each cluster stands for one, and the mutual
 * information of both, divided by the mean of their entropies.
 * @param {ArrayLike<number>} of @param {ArrayLike<number>} labels
 */
export function agreement(of, labels) {
  const counts = table(of, labels);
  const rows = counts.map((row) => row.reduce((sum, c) => sum + c, 0));
  const columns = counts.map((_, j) => counts.reduce((sum, row) => sum + row[j], 0));
  const [a, b, both] = [rows, columns, counts.flat()].map(entropy);
  return {
    accuracy: assign(counts) / of.length,
    information: a + b ? (2 * (a + b - both)) / (a + b) : 1,
  };
}
