// Clusters of images, by their codes and by their pixels.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  fails,
  folder,
  greyPng,
  idx,
  ok,
  readNpy,
  trainBars,
  write,
  writeBars,
} from './helpers.mjs';

let path, data, model;
before(() => {
  path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  ({ data, model } = trainBars(path));
});
after(() => rmSync(path, { recursive: true, force: true }));

/** Dark and light squares in turn, labelled so. */
function squares(own, count = 40) {
  const values = Array.from({ length: count * 16 }, (_, i) => ((i >> 4) % 2 ? 200 : 20) + (i % 7));
  write(
    join(own, 'squares-labels-idx1-ubyte'),
    idx(
      [count],
      values.slice(0, count).map((_, i) => i % 2),
    ),
  );
  return write(join(own, 'squares-images-idx3-ubyte'), idx([count, 4, 4], values));
}

test('cluster: pixels of two kinds, with the files', (t) => {
  const own = folder(t);
  const given = squares(own);
  const [csv, npy, png] = ['c.csv', 'c.npy', 'c.png'].map((name) => join(own, name));
  const args = ['cluster', '--pixels', '--data', given, '--k', '2'];
  const report = ok([...args, '--out', csv, '--centres', png, '--json']);
  assert.deepEqual([report.images, report.accuracy, report.nmi, report.ari], [40, 1, 1, 1]);
  assert.equal(report.dimensions, 16);
  assert.deepEqual(report.clusters.map(({ members, label }) => [members, label]).sort(), [
    [20, 0],
    [20, 1],
  ]);
  const lines = readFileSync(csv, 'utf8').trim().split('\n');
  assert.equal(lines[0], 'image,cluster,label');
  const rows = lines.slice(1).map((line) => line.split(',').map(Number));
  assert.equal(rows.length, 40);
  for (const [i, [image, cluster, label]] of rows.entries()) {
    assert.deepEqual([image, label], [i, i % 2]);
    assert.equal(report.clusters[cluster].label, label);
  }
  const bytes = readFileSync(png);
  assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [8, 4]);
  ok([...args, '--out', npy]);
  const { shape, values } = readNpy(npy);
  assert.deepEqual(shape, [40]);
  assert.deepEqual(
    [...values],
    rows.map(([, cluster]) => cluster),
  );
});

test('cluster: of a folder the table names the files', (t) => {
  const own = folder(t);
  const files = ['dark/1.png', 'dark/2, 3.png', 'light/1.png'].map((name, i) =>
    write(join(own, name), greyPng(2, i < 2 ? [0, 9, 3, i] : [250, 240, 255, 230])),
  );
  const csv = join(own, 'c.csv');
  const said = ok(['cluster', '--pixels', '--data', own, '--k', '2', '--out', csv]);
  assert.match(said, /^3 images in 2 clusters by pixels, /);
  const [head, ...rows] = readFileSync(csv, 'utf8').trim().split('\n');
  assert.equal(head, 'image,cluster,label,file');
  assert.deepEqual(
    rows.map((row) => row.slice(row.indexOf('"'))),
    files.map((file) => `"${file}"`),
  );
});

test('cluster: by axes, which of two components is larger', (t) => {
  const own = folder(t);
  // Two pixels, each with every value of the other: they are the components.
  const grid = Array.from({ length: 30 }, (_, i) => [i % 6, Math.floor(i / 6)]);
  const values = grid.flatMap(([a, b]) => [40 * a, 100 + 5 * b, 7, 7]);
  const data = write(join(own, 'grid-images-idx3-ubyte'), idx([30, 2, 2], values));
  const csv = join(own, 'c.csv');
  const args = ['cluster', '--pixels', '--data', data, '--by', 'axes'];
  const report = ok([...args, '--k', '2', '--out', csv, '--json']);
  assert.equal(report.dimensions, 2);
  const clusters = readFileSync(csv, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => Number(line.split(',')[1]));
  // In units of their deviations; the second may be turned round.
  const units = grid.map(([a, b]) => [(a - 2.5) / Math.sqrt(35 / 12), (b - 2) / Math.sqrt(2)]);
  const way = clusters[0] === Number(units[0][0] < units[0][1]) ? 1 : -1;
  assert.deepEqual(
    clusters,
    units.map(([x, y]) => Number(x < way * y)),
  );
  fails([...args, '--k', '3'], 2, /--by axes wants --k 2/);
  fails([...args, '--k', '2', '--gaussians'], 2, /and no --gaussians/);
  fails(['cluster', '--pixels', '--data', data, '--by', 'axes:2', '--k', '2'], 2, /not 'axes:2'/);
});

test('cluster: codes by every way; neither threads nor the instruction set change a bit', () => {
  const ways = ['', '--by pca:2', '--by umap:10', '--by graph:10', '--gaussians'];
  for (const by of ways.map((way) => way.split(' ').filter(Boolean))) {
    const args = ['cluster', model, '--data', data, '--k', '12', ...by, '--json'];
    const report = ok([...args, '--threads', '1', '--simd', 'scalar']);
    assert.deepEqual(ok([...args, '--threads', '3']), report, by.join(' '));
    assert.equal(report.dimensions, { '--by pca:2': 2, '--by umap:10': 12 }[by.join(' ')] ?? 4);
    assert.equal('likelihood' in report, by[0] === '--gaussians');
    assert.equal('modularity' in report, by[1] === 'graph:10');
    assert.equal('inertia' in report, by[1] !== 'graph:10');
    // A bar lies or stands at one of six places: twelve kinds, none of both labels. Then half of
    // what the clusters tell is the label: 2 ln 2 / (ln 2 + ln 12).
    assert.ok(report.nmi > 0.4 && report.nmi < 0.44, `${by.join(' ')}: ${report.nmi}`);
  }
});

test('cluster: by the graph of neighbours, what a chain of them joins', (t) => {
  const own = folder(t);
  // Two long rows beside each other, in two of four pixels: halves of both have less inertia.
  const rows = Array.from({ length: 120 }, (_, i) => [i % 2, i >> 1]);
  const pixels = rows.flatMap(([row, at]) => [4 * at, 100 + 20 * row, 7, 7]);
  const data = write(join(own, 'rows-images-idx3-ubyte'), idx([120, 2, 2], pixels));
  const labels = rows.map(([row]) => row);
  write(join(own, 'rows-labels-idx1-ubyte'), idx([120], labels));
  const args = ['cluster', '--pixels', '--data', data, '--k', '2'];
  const report = ok([...args, '--by', 'graph:4', '--json']);
  assert.deepEqual([report.accuracy, report.dimensions], [1, 4]);
  assert.ok(Math.abs(report.modularity - 0.5) < 1e-6, `${report.modularity}`);
  assert.ok(ok([...args, '--json']).accuracy < 0.6);
  fails([...args, '--by', 'graph', '--gaussians'], 2, /--by graph wants no --gaussians/);
  fails([...args, '--by', 'graph:120'], 3, /120 neighbours of 120 images/);
});

test('cluster: several sets, each its own class, are told apart', (t) => {
  const own = folder(t);
  const light = Array.from({ length: 30 * 64 }, (_, i) => 230 + (i % 11));
  const other = write(join(own, 'light-images-idx3-ubyte'), idx([30, 8, 8], light));
  const args = ['cluster', '--pixels', '--data', `${writeBars(own, 60, 1)}+${other}`];
  const report = ok([...args, '--k', '2', '--by', 'pca:3', '--json']);
  assert.deepEqual([report.images, report.accuracy], [90, 1]);
  const folders = write(join(own, 'plain-images-idx3-ubyte'), idx([30, 8, 8], light));
  const bare = ok(['cluster', '--pixels', '--data', folders, '--k', '3', '--json']);
  assert.equal('accuracy' in bare, false, 'there are no labels');
  assert.equal(bare.clusters.length, 3);
});

test('cluster: what is refused', (t) => {
  const own = folder(t);
  const given = squares(own);
  const refused = (args, code, pattern) =>
    fails(['cluster', ...args], code, pattern, { path: own });
  const pixels = ['--pixels', '--data', given];
  refused(['--pixels', '--k', '2'], 2, /--data SPEC is needed/);
  refused(pixels, 2, /--k N is needed/);
  refused(['--data', given, '--k', '2'], 2, /a MODEL or --pixels/);
  refused([model, ...pixels, '--k', '2'], 2, /a MODEL or --pixels/);
  refused([...pixels, '--k', '41'], 3, /41 clusters of 40 images/);
  for (const by of [
    'pca',
    'pca:',
    'pca:0',
    'pca:2x',
    'codes:3',
    'umap:128',
    'graph:0',
    'tsne',
    'umap:-1',
  ])
    refused([...pixels, '--k', '2', '--by', by], 2, /--by wants/);
  refused([...pixels, '--k', '2', '--by', 'pca:17'], 2, /of more than 16 values/);
  refused([...pixels, '--k', '2', '--by', 'umap:40'], 3, /40 neighbours of 40 images/);
  refused([...pixels, '--k', '2', '--out', join(own, 'x.txt')], 2, /\.csv/);
  refused([...pixels, '--k', '2', '--centres', join(own, 'x.jpg')], 2, /\.png/);
  refused([model, '--data', given, '--shape', '1x2x2', '--k', '2'], 2, /a model has its own/);
  const taken = join(own, 'x.csv');
  write(taken, 'x');
  refused([...pixels, '--k', '2', '--out', join(own, 'none', 'x.csv')], 5, /none/);
});
