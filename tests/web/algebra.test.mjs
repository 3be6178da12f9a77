// The arithmetic that the panels below the fold stand on, against definitions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  eigen,
  evenly,
  least,
  principal,
  project,
  roc,
  trust,
  uniform,
} from '../../web/src/algebra.js';
import { arrange, settle } from '../../web/src/arrange.js';
import { agreement, assign, cluster } from '../../web/src/clusters.js';
import { inside } from '../../web/src/steer.js';

test('principal components are those of the covariance, the same at each call', async () => {
  const random = uniform(3);
  const [n, d] = [400, 12];
  const rows = new Float32Array(n * d);
  for (let i = 0; i < n; i++) {
    const [a, b] = [random() - 0.5, random() - 0.5];
    for (let j = 0; j < d; j++)
      rows[i * d + j] = 5 + 4 * a * (j % 2) + 2 * b * (j % 3) + 0.1 * random();
  }
  const mean = Array.from({ length: d }, (_, j) =>
    evenly(n, n).reduce((s, i) => s + rows[i * d + j] / n, 0),
  );
  const covariance = mean.map((_, a) =>
    mean.map((__, b) =>
      evenly(n, n).reduce(
        (s, i) => s + ((rows[i * d + a] - mean[a]) * (rows[i * d + b] - mean[b])) / n,
        0,
      ),
    ),
  );
  const wanted = eigen(covariance);
  const found = await principal(rows, n, d, 2);
  const trace = covariance.reduce((sum, row, i) => sum + row[i], 0);
  assert.ok(Math.abs(found.total - trace) < 1e-6 * trace);
  found.variances.forEach((variance, i) => {
    assert.ok(Math.abs(variance - wanted[i].value) < 1e-3 * wanted[0].value, `${variance}`);
    const along = found.axes[i].reduce((sum, v, j) => sum + v * wanted[i].vector[j], 0);
    assert.ok(Math.abs(Math.abs(along) - 1) < 1e-3, `axis ${i}: ${along}`);
  });
  assert.deepEqual(await principal(rows, n, d, 2), found);
  const at = project(found, found.mean);
  assert.ok(at.every((v) => Math.abs(v) < 1e-9));
});

test('a map that keeps all neighbours is trusted, one that keeps none is not', async () => {
  const random = uniform(5);
  const n = 200;
  const codes = Float32Array.from({ length: 2 * n }, random);
  const labels = evenly(n, n).map((i) => Number(codes[2 * i] > 0.5));
  const same = await trust(codes, codes, labels, 12);
  assert.equal(same.trustworthiness, 1);
  assert.equal(same.onMap, same.byCode);
  assert.ok(same.byCode > 0.9);
  const other = await trust(Float32Array.from({ length: 2 * n }, random), codes, labels, 12);
  assert.ok(other.trustworthiness < 0.6 && other.trustworthiness > 0.4, `${other.trustworthiness}`);
  assert.ok(other.onMap < 0.6);
});

test('arranged by neighbours, groups stay whole that no two directions can keep apart', async () => {
  const random = uniform(8);
  const [n, d, groups] = [480, 12, 12];
  const labels = evenly(n, n).map((i) => i % groups);
  const codes = Float32Array.from(
    { length: n * d },
    (_, at) => Number(at % d === labels[Math.floor(at / d)]) + 0.25 * random(),
  );
  const components = await principal(codes, n, d, 2);
  const flat = new Float32Array(2 * n);
  for (let i = 0; i < n; i++)
    flat.set(project(components, codes.subarray(i * d, (i + 1) * d)), 2 * i);
  const found = await arrange(codes, n, flat);
  const [before, after] = [
    await trust(flat, codes, labels, 12),
    await trust(found.at, codes, labels, 12),
  ];
  assert.ok(before.onMap < 0.8, `${before.onMap}`);
  assert.ok(
    after.onMap > 0.98 && after.trustworthiness > before.trustworthiness,
    JSON.stringify(after),
  );
  assert.deepEqual(await arrange(codes, n, flat), found);
  // One of them, were it new, would lie where it lies.
  const [x, y] = settle(found, codes.subarray(5 * d, 6 * d));
  assert.ok(Math.hypot(x - found.at[10], y - found.at[11]) < 0.1);
});

test('clusters are found again, and each is given the label that makes most right', async () => {
  const random = uniform(4);
  const [n, d, k] = [600, 6, 5];
  const labels = evenly(n, n).map((i) => (i % 7) % k);
  const rows = Float32Array.from({ length: n * d }, (_, at) => {
    const label = labels[Math.floor(at / d)];
    return Number(at % d === label) * 4 + random();
  });
  const found = await cluster(rows, n, k);
  assert.deepEqual(agreement(found.of, labels), { accuracy: 1, information: 1 });
  assert.deepEqual(
    found.counts,
    [...found.counts].sort((a, b) => b - a),
  );
  assert.equal(
    found.counts.reduce((a, b) => a + b),
    n,
  );
  assert.deepEqual(await cluster(rows, n, k), found);

  /** @param {number[][]} gain @param {number} row @returns {number} of all ways to assign the best */
  const best = (gain, row = 0, taken = new Set()) =>
    row === gain.length
      ? 0
      : Math.max(
          ...gain[row].map((v, j) =>
            taken.has(j) ? -Infinity : v + best(gain, row + 1, new Set([...taken, j])),
          ),
        );
  for (let round = 0; round < 40; round++) {
    const gain = Array.from({ length: 5 }, () =>
      Array.from({ length: 5 }, () => Math.floor(9 * random())),
    );
    assert.equal(assign(gain), best(gain), JSON.stringify(gain));
  }
  // By the definitions: three of four right, and the entropies of (2, 2), (3, 1) and (2, 1, 1).
  const { accuracy, information } = agreement([0, 0, 0, 1], [0, 0, 1, 1]);
  const [a, b, both] = [Math.log(2), 2 * Math.log(2) - 0.75 * Math.log(3), 1.5 * Math.log(2)];
  assert.equal(accuracy, 0.75);
  assert.ok(Math.abs(information - (2 * (a + b - both)) / (a + b)) < 1e-12, `${information}`);
  assert.ok(agreement([0, 1, 0, 1], [0, 0, 1, 1]).information < 1e-12);
});

test('the least, the curve and the lasso are as defined', () => {
  assert.deepEqual(least(Float32Array.of(3, 1, 2, 1, 0), 3), [4, 1, 3]);
  assert.deepEqual(least(Float32Array.of(3, 1, 2, 1, 0), 3, 4), [1, 3, 2]);
  assert.equal(roc([1, 2], [3, 4]).area, 1);
  assert.equal(roc([1, 2], [1, 2]).area, 0.5);
  assert.equal(roc([1, 2, 3], [2]).area, 0.5);
  assert.deepEqual(roc([1, 2], [3]).points, [
    [0, 0],
    [0, 1],
    [0.5, 1],
    [1, 1],
  ]);
  const square = [
    { x: 0, y: 0 },
    { x: 4, y: 0 },
    { x: 4, y: 4 },
    { x: 0, y: 4 },
  ];
  assert.ok(inside(square, { x: 2, y: 3 }) && !inside(square, { x: 5, y: 3 }));
});
