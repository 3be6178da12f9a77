// The arithmetic of the studies: principal components, neighbours, and how far a picture can be
// trusted. Pure functions of arrays; rows lie one after the other.

/** @typedef {(share: number) => Promise<void> | void} Pause called between pieces of long work */
/** @typedef {{mean: Float64Array, axes: Float64Array[], variances: number[], total: number}} Components */

const MORE = 4; // directions carried along, so that the wanted ones settle sooner
const ROUNDS = 24;
const SETTLED = 1e-4;

/** Mulberry32 by T. Ettinger: numbers in [0, 1), the same at each visit. @param {number} seed */
export function uniform(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Up to `most` of n places, evenly. @param {number} n @param {number} most */
export function evenly(n, most) {
  const count = Math.min(n, most);
  return Uint32Array.from({ length: count }, (_, i) => Math.floor((i * n) / count));
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b @param {number} [at] where b begins */
function dot(a, b, at = 0) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[at + i];
  return sum;
}

/** Makes them of length 1 and at right angles. @param {Float64Array[]} axes */
function straighten(axes) {
  axes.forEach((axis, i) => {
    // Twice, since rounding leaves something of the others after the first.
    for (let pass = 0; pass < 2; pass++)
      for (const other of axes.slice(0, i)) {
        const along = dot(axis, other);
        for (let j = 0; j < axis.length; j++) axis[j] -= along * other[j];
      }
    const length = Math.sqrt(dot(axis, axis));
    for (let j = 0; j < axis.length; j++) axis[j] = length > 1e-12 ? axis[j] / length : 0;
  });
}

/**
 * Eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's rotations.
 * @param {number[][]} matrix
 */
export function eigen(matrix) {
  const n = matrix.length;
  const a = matrix.map((row) => [...row]);
  const vectors = a.map((_, i) => a.map((__, j) => Number(i === j)));
  for (let sweep = 0; sweep < 30; sweep++)
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(a[p][q]) < 1e-300) continue;
        const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        const turn = (/** @type {number[]} */ row) => {
          [row[p], row[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
        };
        a.forEach(turn);
        for (let j = 0; j < n; j++)
          [a[p][j], a[q][j]] = [c * a[p][j] - s * a[q][j], s * a[p][j] + c * a[q][j]];
        vectors.forEach(turn);
      }
  return a
    .map((row, i) => ({ value: row[i], vector: vectors.map((r) => r[i]) }))
    .sort((x, y) => y.value - x.value);
}

/**
 * The first k principal components of n rows of d values, by subspace iteration.
 * @param {Float32Array | Uint8Array} rows @param {number} n @param {number} d @param {number} k
 * @param {Pause} [pause]
 * @returns {Promise<Components>}
 */
export async function principal(rows, n, d, k, pause = () => {}) {
  const mean = new Float64Array(d);
  for (let i = 0; i < n * d; i++) mean[i % d] += rows[i] / n;
  const width = Math.min(d, k + MORE);
  const random = uniform(1);
  let axes = Array.from({ length: width }, () => Float64Array.from(mean, () => random() - 0.5));
  const row = new Float64Array(d);
  let [total, before] = [0, 0];
  /** @type {number[]} */ let variances = [];
  for (let round = 0; round < ROUNDS; round++) {
    straighten(axes);
    const images = axes.map(() => new Float64Array(d)); // covariance times each axis
    total = 0;
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < d; j++) row[j] = rows[i * d + j] - mean[j];
      total += dot(row, row) / n;
      axes.forEach((axis, a) => {
        const along = dot(axis, row) / n;
        const image = images[a];
        for (let j = 0; j < d; j++) image[j] += along * row[j];
      });
    }
    const found = eigen(axes.map((axis) => images.map((image) => dot(axis, image))));
    const mixed = (/** @type {Float64Array[]} */ from, /** @type {number[]} */ by) =>
      mean.map((_, j) => from.reduce((sum, axis, a) => sum + by[a] * axis[j], 0));
    variances = found.slice(0, k).map(({ value }) => Math.max(0, value));
    const sum = variances.reduce((s, v) => s + v, 0);
    const done = round === ROUNDS - 1 || Math.abs(sum - before) <= SETTLED * sum;
    axes = found.map(({ vector }) => mixed(done ? axes : images, vector));
    if (done) break;
    before = sum;
    await pause(round / ROUNDS);
  }
  axes = axes.slice(0, k);
  for (const axis of axes) {
    // Either sign is right: the larger end is up, so that it is the same each time.
    const end = axis.reduce((most, v) => (Math.abs(v) > Math.abs(most) ? v : most), 0);
    if (end < 0) for (let j = 0; j < d; j++) axis[j] = -axis[j];
  }
  return { mean, axes, variances, total };
}

/** Where a row lies on the axes. @param {Components} of @param {ArrayLike<number>} rows @param {number} at */
export function project({ mean, axes }, rows, at = 0) {
  return axes.map((axis) => dot(axis, rows, at) - dot(axis, mean));
}

/**
 * The k least of some distances, the least first.
 * @param {Float32Array | Float64Array} distances @param {number} k @param {number} [without]
 */
export function least(distances, k, without = -1) {
  /** @type {number[]} */
  const found = [];
  let limit = Number.POSITIVE_INFINITY;
  for (let i = 0; i < distances.length; i++) {
    if (!(distances[i] < limit) || i === without) continue;
    let at = found.length;
    while (at > 0 && distances[found[at - 1]] > distances[i]) at--;
    found.splice(at, 0, i);
    if (found.length > k) found.pop();
    if (found.length === k) limit = distances[found[k - 1]];
  }
  return found;
}

/**
 * Squared distances of one row to all.
 * @param {ArrayLike<number>} row @param {Float32Array | Uint8Array} rows @param {number} d
 * @param {Float32Array} out
 */
export function distances(row, rows, d, out) {
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    const at = i * d;
    for (let j = 0; j < d; j++) {
      const difference = rows[at + j] - row[j];
      sum += difference * difference;
    }
    out[i] = sum;
  }
  return out;
}

/**
 * How far the map's neighbours are neighbours by their codes: trustworthiness (Venna and Kaski), from 0
 * to 1, and how often the k nearest share the label, on the map and by the codes.
 * @param {Float32Array} map n pairs @param {Float32Array} codes n rows @param {ArrayLike<number>} labels
 * @param {number} k @param {Pause} [pause]
 */
export async function trust(map, codes, labels, k, pause = () => {}) {
  const n = map.length / 2;
  const d = codes.length / n;
  const near = new Float32Array(n);
  const far = new Float32Array(n);
  let [penalty, onMap, byCode] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    distances(map.subarray(2 * i, 2 * i + 2), map, 2, near);
    distances(codes.subarray(i * d, (i + 1) * d), codes, d, far);
    const known = least(far, k, i);
    const limit = far[known[known.length - 1]];
    for (const j of least(near, k, i)) {
      onMap += Number(labels[j] === labels[i]);
      if (far[j] <= limit) continue;
      let rank = 0; // of j among all others by code; i itself is not counted
      for (let other = 0; other < n; other++) rank += Number(far[other] < far[j] && other !== i);
      penalty += rank + 1 - k;
    }
    for (const j of known) byCode += Number(labels[j] === labels[i]);
    if (i % 16 === 0) await pause(i / n);
  }
  const worst = n * k * (2 * n - 3 * k - 1);
  return {
    trustworthiness: 1 - (2 * penalty) / worst,
    onMap: onMap / (n * k),
    byCode: byCode / (n * k),
  };
}

/**
 * The curve of a score that should be higher for the unusual: shares of false and of true alarms, and
 * the area beneath, ties counting half.
 * @param {ArrayLike<number>} usual @param {ArrayLike<number>} unusual
 */
export function roc(usual, unusual) {
  const all = [
    ...Array.from(usual, (score) => ({ score, out: 0 })),
    ...Array.from(unusual, (score) => ({ score, out: 1 })),
  ].sort((a, b) => b.score - a.score);
  /** @type {[number, number][]} */
  const points = [[0, 0]];
  let [alarms, found, area] = [0, 0, 0];
  for (let i = 0; i < all.length; ) {
    const [from, to] = [alarms, found];
    const { score } = all[i];
    for (; i < all.length && all[i].score === score; i++) {
      alarms += 1 - all[i].out;
      found += all[i].out;
    }
    area += ((alarms - from) * (found + to)) / 2;
    points.push([alarms / usual.length, found / unusual.length]);
  }
  return { points, area: area / (usual.length * unusual.length) };
}
