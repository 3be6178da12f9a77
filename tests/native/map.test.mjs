// Maps: images as points in the plane, their files, and new images on a map that stays as it is.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { bars, fails, folder, greyPng, idx, ok, trainBars, write, writeBars } from './helpers.mjs';

const PAIR = '1x8x8 > dense 16 relu > dense 2 | dense 16 relu > dense 64 sigmoid > bce';
const COUNT = 300;

let path, data, model, pair, saved, report;
const map = () => ['map', model, '--data', data, '--limit', String(COUNT)];
const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
before(() => {
  path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  ({ data, model } = trainBars(path));
  pair = join(path, 'pair.safetensors');
  const quick = ['--epochs', '4', '--batch', '16', '--lr', '0.005', '--no-calibrate'];
  ok(['train', '--arch', PAIR, '--data', data, ...quick, '--out', pair]);
  saved = join(path, 'map.json');
  report = ok([...map(), '--out', saved, '--json']);
});
after(() => rmSync(path, { recursive: true, force: true }));

test('map: t-SNE keeps neighbours and classes together, to the same bits on any machine', (t) => {
  const own = folder(t);
  assert.equal(report.images, COUNT);
  assert.equal(report.method, 'tsne');
  assert.equal(report.dimensions, 4);
  assert.equal(report.judged, COUNT);
  assert.ok(report.trustworthiness > 0.95 && report.trustworthiness <= 1, JSON.stringify(report));
  assert.ok(report.knn_accuracy.map > 0.95, JSON.stringify(report));
  assert.ok(report.divergence > 0 && report.divergence < 1.5, JSON.stringify(report));
  const { points, labels } = read(saved);
  assert.equal(points.length, COUNT);
  assert.deepEqual(labels, [...bars(600, 1).labels.subarray(0, COUNT)]);
  const again = join(own, 'again.json');
  ok([...map(), '--out', again, '--threads', '1', '--simd', 'scalar']);
  assert.deepEqual(read(again).points, points);
  ok([...map(), '--out', again, '--seed', '2']);
  assert.notDeepEqual(read(again).points, points);
});

test('map: of a folder the table names the files, of any name', (t) => {
  const own = folder(t);
  const { pixels } = bars(10, 3);
  const names = Array.from({ length: 10 }, (_, i) => `${i} "é", b.png`);
  for (const [i, name] of names.entries())
    write(join(own, 'in', name), greyPng(8, pixels.slice(64 * i, 64 * i + 64)));
  const csv = join(own, 'm.csv');
  const place = ['--place', data, '--limit', '10', '--method', 'pca'];
  ok(['map', '--pixels', '--data', join(own, 'in'), ...place, '--out', csv]);
  const [head, ...rows] = readFileSync(csv, 'utf8').trim().split('\n');
  assert.equal(head, 'index,part,label,x,y,file');
  const quoted = names.map((name) => `"${join(own, 'in', name).replaceAll('"', '""')}"`);
  for (const [i, row] of rows.entries())
    assert.match(row, i < 10 ? /^\d,map,,[^,]+,[^,]+,"/ : /^\d+,placed,\d,[^,]+,[^,]+,$/);
  assert.deepEqual(
    rows.slice(0, 10).map((row) => row.slice(row.indexOf('"'))),
    quoted,
  );
});

test('map: a saved map is drawn and listed without finding it again', (t) => {
  const own = folder(t);
  const file = (name) => join(own, name);
  const from = [...map(), '--map', saved];
  const { points, labels } = read(saved);
  const again = ok([...from, '--out', file('m.json'), '--json']);
  assert.ok(Math.abs(again.divergence / report.divergence - 1) < 1e-8, again.divergence);
  assert.deepEqual(read(file('m.json')).points, points);
  ok([...from, '--out', file('m.csv')]);
  const rows = readFileSync(file('m.csv'), 'utf8').trim().split('\n');
  assert.equal(rows.shift(), 'index,part,label,x,y');
  assert.deepEqual(
    rows.map((row) => row.split(',')),
    points.map(([x, y], i) => [i, 'map', labels[i], x, y].map(String)),
  );
  ok([...from, '--out', file('m.svg')]);
  const svg = readFileSync(file('m.svg'), 'utf8');
  assert.equal(svg.match(/M[\d.]+ [\d.]+h0/g).length, COUNT);
  assert.deepEqual(
    [...svg.matchAll(/<text[^>]*>(\d)<\/text>/g)].map((m) => m[1]),
    ['0', '1'],
  );
  assert.match(svg, /^<svg xmlns[\s\S]*<\/svg>\n$/);
  ok([...from, '--out', file('m.png')]);
  const png = readFileSync(file('m.png'));
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [1000, 1000]);
});

test('map: UMAP keeps neighbours and classes together, and takes new images', (t) => {
  const own = folder(t);
  const file = join(own, 'umap.json');
  const fresh = writeBars(own, 60, 7, 'fresh');
  const args = [...map(), '--method', 'umap', '--place', fresh, '--json'];
  const made = ok([...args, '--out', file]);
  assert.deepEqual([made.method, made.neighbours], ['umap', 15]);
  assert.ok(made.trustworthiness > 0.9, JSON.stringify(made));
  assert.ok(made.knn_accuracy.map > 0.95 && made.placed.knn_accuracy > 0.9, JSON.stringify(made));
  const { points, placed_points } = read(file);
  const again = join(own, 'again.json');
  ok([...args, '--out', again, '--threads', '1', '--simd', 'scalar']);
  assert.deepEqual([read(again).points, read(again).placed_points], [points, placed_points]);
  // From its file, as any other map.
  ok([...map(), '--map', file, '--place', fresh, '--out', again]);
  assert.deepEqual(read(again).placed_points, placed_points);
});

test('map: new images are placed by their kind, and move nothing', (t) => {
  const own = folder(t);
  const file = (name) => join(own, name);
  const fresh = writeBars(own, 60, 7, 'fresh');
  const args = [...map(), '--map', saved, '--place', fresh];
  const placed = ok([...args, '--out', file('p.json'), '--json']);
  assert.equal(placed.placed.images, 60);
  assert.ok(placed.placed.knn_accuracy > 0.9, JSON.stringify(placed));
  const both = read(file('p.json'));
  assert.deepEqual(both.points, read(saved).points);
  assert.equal(both.placed_points.length, 60);
  // A known image is placed where it is, or next to it.
  ok([...map(), '--map', saved, '--place', data, '--out', file('p.json')]);
  const { points, placed_points } = read(file('p.json'));
  const off = points.map(([x, y], i) =>
    Math.hypot(x - placed_points[i][0], y - placed_points[i][1]),
  );
  const spread = points.map(([x, y]) => Math.hypot(x, y));
  const middle = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  assert.ok(middle(off) < 0.1 * middle(spread), `${middle(off)} of ${middle(spread)}`);
  ok([...args, '--out', file('p.svg')]);
  assert.equal(readFileSync(file('p.svg'), 'utf8').match(/h0/g).length, COUNT + 60);
});

test('map: PCA, pixels, and codes of two values', (t) => {
  const own = folder(t);
  const out = join(own, 'm.json');
  const pca = ok([...map(), '--method', 'pca', '--out', out, '--json', '--place', data]);
  assert.equal(pca.variance_shares.length, 2);
  assert.ok(pca.variance_shares[0] > pca.variance_shares[1] && pca.variance_shares[1] > 0);
  const { points, placed_points } = read(out);
  assert.deepEqual(placed_points.slice(0, COUNT), points);
  for (const c of [0, 1])
    assert.ok(Math.abs(points.reduce((sum, point) => sum + point[c], 0)) < 1e-3, 'centred');
  const pixels = ok(['map', '--pixels', '--data', data, '--limit', '100', '--json']);
  assert.equal(pixels.dimensions, 64);
  assert.ok(pixels.trustworthiness > 0.9, JSON.stringify(pixels));
  ok(['map', pair, '--data', data, '--limit', '20', '--method', 'code', '--out', out]);
  const codes = join(own, 'z.npy');
  ok(['encode', pair, '--data', data, '--limit', '20', '--out', codes]);
  const bytes = readFileSync(codes);
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + bytes.length - 160));
  assert.deepEqual(read(out).points.flat().map(Math.fround), [...values.subarray(0, 40)]);
});

test('map: what cannot be done is said, and nothing is written', (t) => {
  const own = folder(t);
  const out = join(own, 'm.png');
  const wrong = (args, code, pattern) => fails(['map', ...args], code, pattern, { path: own });
  wrong(['--data', data], 2, /give a model or --pixels/);
  wrong([model, '--pixels', '--data', data], 2, /give a model or --pixels/);
  wrong([model], 2, /--data SPEC is needed/);
  wrong([model, '--data', data, '--out', join(own, 'm.gif')], 2, /\.png, \.svg, \.csv or \.json/);
  wrong([model, '--data', data, '--method', 'code'], 4, /codes of 2 values, not of 4/);
  wrong(['--pixels', '--data', data, '--method', 'code'], 2, /wants a model/);
  wrong([model, '--data', data, '--limit', '7', '--out', out], 3, /at least 8 images, not 7/);
  // Before anything is computed, of which lines would tell.
  const twenty = [model, '--data', data, '--limit', '20'];
  wrong([...twenty, '--k', '10'], 2, /--k wants a whole number from 1 to 9 for 20 images, not 10/);
  wrong([model, '--data', data, '--perplexity', '50'], 2, /from 2 to 42/);
  const from = (file) => [model, '--data', data, '--limit', String(COUNT), '--map', file];
  wrong([model, '--data', data, '--map', saved], 3, /a map of 300 images, not of these 600/);
  const other = [pair, '--data', data, '--limit', String(COUNT), '--map', saved];
  wrong(other, 3, /map\.json: a map of other images, or by another model/);
  wrong(from(write(join(own, 'a.json'), '{"points": [')), 3, /a\.json: broken JSON.*\(offset/);
  wrong(from(write(join(own, 'b.json'), '[]')), 3, /b\.json: not a map/);
  const broken = read(saved);
  broken.points[5] = [1, null];
  wrong(from(write(join(own, 'c.json'), JSON.stringify(broken))), 3, /point 5 is not two finite/);
  wrong([...from(saved), '--out', saved], 2, /--out is one of the inputs/);
  // What is placed is measured as what is on the map.
  const table = (name, columns) =>
    write(join(own, name), Array(20).fill(Array(columns).fill('1').join()).join('\n'));
  const rows = ['--pixels', '--data', table('five.csv', 5), '--method', 'pca', '--out', out];
  const two = table('two.csv', 2);
  wrong([...rows, '--place', two], 3, /two\.csv: rows of 2 numbers, and the map is of rows of 5/);
  wrong([...rows, '--place', data], 3, /rows of numbers and images share no map/);
  const images = ['--pixels', '--data', data, '--limit', '20', '--out', out];
  wrong([...images, '--place', two], 3, /two\.csv: rows of numbers and images share no map/);
  // Eight images that are all the same are a map too.
  const same = write(join(own, 'same-images-idx3-ubyte'), idx([8, 8, 8], new Uint8Array(512)));
  const flat = ok(['map', model, '--data', same, '--json']);
  assert.equal(flat.images, 8);
  assert.ok(Number.isFinite(flat.trustworthiness) && Number.isFinite(flat.divergence));
});
