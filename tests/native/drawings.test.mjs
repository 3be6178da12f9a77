// --drawings: images that a network learns from beside those of --data, some of which are of none of
// its classes.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fails, folder, idx, ok, random, write } from './helpers.mjs';

const SIDE = 16;

/** Lines of a pen two pixels wide: level ones (0), upright ones (1), both at once (2), on so many times
 * as large a side. Returns the images' file. */
function writeLines(path, name, labels, seed, times = 1) {
  const next = random(seed);
  const side = SIDE * times;
  const pixels = new Uint8Array(labels.length * side * side);
  labels.forEach((label, i) => {
    const [at, from] = [5 + Math.floor(5 * next()), 2 + Math.floor(2 * next())].map(
      (v) => v * times,
    );
    for (let k = from; k < side - from; k++)
      for (const across of [0, 1]) {
        if (label !== 1) pixels[i * side * side + (at + across) * side + k] = 255;
        if (label !== 0) pixels[i * side * side + k * side + at + across] = 255;
      }
  });
  write(join(path, `${name}-labels-idx1-ubyte`), idx([labels.length], Uint8Array.from(labels)));
  return write(join(path, `${name}-images-idx3-ubyte`), idx([labels.length, side, side], pixels));
}

const two = Array.from({ length: 400 }, (_, i) => i % 2);

test('what is of none of the classes becomes more unusual by drawings of such', (t) => {
  const path = folder(t);
  const data = writeLines(path, 'lines', two, 1);
  const both = writeLines(path, 'crosses', new Array(100).fill(2), 2);
  const drawings = writeLines(
    path,
    'drawn',
    Array.from({ length: 300 }, (_, i) => i % 3),
    3,
    5,
  );
  const classOf = (...more) => {
    const out = join(path, 'model.safetensors');
    const how = ['--epochs', '6', '--batch', '32', '--gallery', '0'];
    const report = ok([
      'train',
      '--json',
      'gate-classes',
      '--data',
      data,
      '--out',
      out,
      ...how,
      ...more,
    ]);
    const rows = ok([
      'audit',
      '--json',
      out,
      '--data',
      data,
      '--ood',
      `crosses=${both}`,
      '--ablation',
    ]);
    const { alone } = rows.sets.find(({ name }) => name === 'crosses').ablation;
    return { report, auroc: alone.class };
  };
  const without = classOf();
  const taught = classOf('--drawings', drawings);
  assert.equal(without.report.drawings, undefined);
  assert.deepEqual(taught.report.drawings, { data: drawings, images: 300 });
  const { data: about, calibration } = ok(['inspect', '--json', join(path, 'model.safetensors')]);
  assert.deepEqual(Object.keys(calibration), ['image', 'ink']);
  assert.match(about, / and 300 drawings, 334 images trained on/);
  assert.ok(taught.auroc > 0.95, `${taught.auroc} with drawings, ${without.auroc} without`);
});

test('drawings that cannot be are refused', (t) => {
  const path = folder(t);
  const data = writeLines(path, 'lines', two, 1);
  const far = writeLines(path, 'far', [0, 1, 2, 3], 1);
  const out = join(path, 'model.safetensors');
  const bare = write(
    join(path, 'bare-images-idx3-ubyte'),
    idx([4, SIDE, SIDE], new Uint8Array(4 * SIDE * SIDE)),
  );
  for (const [family, drawings, code, pattern] of [
    ['gate-classes', far, 3, /far-images.*label 3: the network knows 2 classes.*label 2.*none/],
    ['gate-classes', bare, 3, /bare-images.*no labels/],
    ['gate-classes', join(path, 'absent'), 5, /absent/],
    ['gate', data, 2, /--drawings is for networks of classes/],
    ['pca', data, 2, /--drawings is not for family pca/],
  ])
    fails(['train', family, '--data', data, '--out', out, '--drawings', drawings], code, pattern, {
      path,
    });
});
