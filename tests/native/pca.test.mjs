// Principal components of images: shares, eigen-images and reconstructions.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fails, folder, idx, npy, ok, png, RGB, readNpy, write, writeBars } from './helpers.mjs';

const near = (a, b, by) => assert.ok(Math.abs(a - b) < by, `${a}, not ${b}`);

/** 2 x 2 images in which the first value varies by 4 parts, the last by 1, the others not at all. */
function cross(path) {
  const images = [
    [120, 100, 50, 100],
    [80, 100, 50, 100],
    [100, 100, 50, 110],
    [100, 100, 50, 90],
  ];
  return write(join(path, 'cross-images-idx3-ubyte'), idx([4, 2, 2], images.flat()));
}

test('pca: the components of four images, worked out by hand', (t) => {
  const path = folder(t);
  const out = join(path, 'c.npy');
  const report = ok(['pca', '--data', cross(path), '--components', '3', '--out', out, '--json']);
  assert.equal(report.images, 4);
  assert.deepEqual(report.shape, [1, 2, 2]);
  for (const [i, percent] of [80, 20, 0].entries()) near(report.percent[i], percent, 1e-6);
  near(report.percent_together, 100, 1e-6);
  near(report.variance, (200 + 50) / 255 / 255, 1e-9);
  const { shape, values } = readNpy(out);
  assert.deepEqual(shape, [4, 1, 2, 2]);
  const wanted = [...[100, 100, 50, 100].map((v) => v / 255), 1, 0, 0, 0, 0, 0, 0, 1];
  for (const [i, value] of wanted.entries()) near(values[i], value, 1e-6);
});

test('pca: images in colour of more values than there are images, and what is made of them', (t) => {
  const path = folder(t);
  const side = 24; // 1,728 values
  const picture = (a, b) =>
    png(
      side,
      Array.from({ length: side }, (_, y) =>
        Array.from({ length: 3 * side }, (_, x) => 100 + a * (y % 4) + (x % 3 === 1 ? b : 0)),
      ),
      { color: RGB },
    );
  for (const [i, [a, b]] of [
    [1, 3],
    [20, 9],
    [5, 30],
    [11, 2],
    [30, 15],
  ].entries())
    write(join(path, 'in', `${i}.png`), picture(a, b));
  const other = write(join(path, 'other.png'), picture(16, 21));
  const args = ['pca', other, '--data', join(path, 'in'), '--components', '2', '--json'];
  const files = ['--out', join(path, 'c.png'), '--reconstruct', join(path, 'r.png')];
  const report = ok([...args, ...files, '--threads', '1']);
  // Two amounts make the pictures, rounded to bytes nowhere: two components hold it all.
  near(report.percent_together, 100, 1e-6);
  assert.equal(report.reconstructions.length, 1);
  assert.ok(report.reconstructions[0].mae < 1e-5, JSON.stringify(report.reconstructions));
  for (const [name, width, height] of [
    ['c.png', 3 * side, side],
    ['r.png', 2 * side, side],
  ]) {
    const bytes = readFileSync(join(path, name));
    assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [width, height], name);
    assert.equal(bytes[25], RGB);
  }
  // Pictures are named one by one, by their folder, or on standard input.
  const few = ['--data', join(path, 'in'), '--components', '2', '--json'];
  const found = (first, options) => ok(['pca', first, ...few], options).reconstructions;
  const whole = found(join(path, 'in'));
  assert.deepEqual(
    whole.map(({ file }) => file),
    [0, 1, 2, 3, 4].map((i) => join(path, 'in', `${i}.png`)),
  );
  assert.deepEqual(found('-', { input: whole.map(({ file }) => file).join('\n') }), whole);
  fails(['pca', '-', ...few.slice(0, -1)], 2, /no image is named/, { options: { input: '' } });
  const [{ file: first }] = whole;
  const over = ['pca', '-', ...few.slice(0, -1), '--reconstruct', first];
  fails(over, 2, /--reconstruct is one of the inputs/, { options: { input: first } });
  const before = readFileSync(join(path, 'c.png'));
  ok([...args, ...files, '--threads', '3']);
  assert.deepEqual(readFileSync(join(path, 'c.png')), before, 'threads change the bits');
});

test('pca: several sets joined, each a class', (t) => {
  const path = folder(t);
  const data = `${writeBars(path, 40, 1)}+${cross(path)}`;
  fails(['pca', '--data', data], 3, /beside those of 1x8x8: what is joined has one shape/);
  const both = `${writeBars(path, 40, 1)}+${writeBars(path, 30, 2, 'more')}`;
  assert.equal(ok(['pca', '--data', both, '--components', '1', '--json']).images, 70);
  assert.equal(ok(['pca', '--data', both, '--limit', '20', '--json']).images, 40);
  const info = ok(['data', 'info', both, '--json']);
  assert.deepEqual(
    info.labels.map(({ images }) => images),
    [40, 30],
  );
  fails(['data', 'info', `${writeBars(path, 4, 1)}+`], 2, /nothing beside a \+/);
});

test('pca: what is refused', (t) => {
  const path = folder(t);
  const data = cross(path);
  const refused = (args, code, pattern) => fails(['pca', ...args], code, pattern, { path });
  refused([], 2, /--data SPEC is needed/);
  refused(['--data', data, '--components', '5'], 2, /5 is more than the 4 values/);
  refused(['--data', data, '--out', join(path, 'x.txt')], 2, /\.png or \.npy/);
  refused(['--data', data, '--reconstruct', join(path, 'x.png')], 2, /wants images/);
  refused(['--data', join(path, 'none')], 5, /no such file/);
  const table = write(join(path, 't.npy'), npy([3, 2, 2], new Uint8Array(12)));
  refused(['--data', table, '--components', '1', '--out', table], 2, /one of the inputs/);
  const broken = write(join(path, 'broken.png'), 'no picture');
  refused([broken, '--data', data, '--components', '1'], 3, /broken\.png: neither PNG nor JPEG/);
});
