// Images told from others by the error of their reconstruction alone, against the same worked out here.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  bars,
  fails,
  folder,
  greyPng,
  idx,
  ok,
  random,
  readNpy,
  trainBars,
  write,
} from './helpers.mjs';

let path, data, model, noise;
before(() => {
  path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  ({ data, model } = trainBars(path));
  const next = random(5);
  const values = Array.from({ length: 80 * 64 }, () => Math.floor(next() * 120));
  noise = write(join(path, 'noise-images-idx3-ubyte'), idx([80, 8, 8], values));
});
after(() => rmSync(path, { recursive: true, force: true }));

/** The mean absolute error of each image of a file, by what `reconstruct` writes. */
function errors(own, file, pixels) {
  const out = join(own, 'r.npy');
  ok(['reconstruct', model, '--data', file, '--out', out]);
  const { values } = readNpy(out);
  return Array.from({ length: pixels.length / 64 }, (_, i) => {
    let sum = 0;
    for (let p = 64 * i; p < 64 * i + 64; p++) sum += Math.abs(values[p] - pixels[p] / 255);
    return sum / 64;
  });
}

const over = (all, threshold) => all.filter((v) => v > threshold).length / all.length;
const near = (a, b, what) => assert.ok(Math.abs(a - b) < 1e-5, `${what}: ${a}, not ${b}`);

test('outliers: errors, AUROC, the best threshold and the worst images, worked out here', (t) => {
  const own = folder(t);
  const args = ['outliers', model, '--data', data, '--ood', `noise=${noise}`, '--threshold', '0.1'];
  const [svg, png] = ['h.svg', 'w.png'].map((name) => join(own, name));
  const report = ok([...args, '--out', svg, '--worst', png, '--json', '--threads', '1']);
  const usual = errors(own, data, bars(600, 1).pixels);
  const other = errors(own, noise, readFileSync(noise).subarray(16));
  const mean = (all) => all.reduce((a, b) => a + b) / all.length;
  near(report.mean, mean(usual), 'mean');
  const [row] = report.ood;
  assert.equal(row.name, 'noise');
  near(row.mean, mean(other), 'mean of the others');
  const pairs = usual.flatMap((a) => other.map((b) => (b > a ? 1 : b === a ? 0.5 : 0)));
  near(row.auroc, mean(pairs), 'AUROC');
  const told = (threshold) => (1 - over(usual, threshold) + over(other, threshold)) / 2;
  const best = Math.max(...[...usual, ...other].map((v) => told(v)));
  near(row.balanced_accuracy, best, 'best');
  assert.ok(best > 0.9, `${best}`);
  near((row.flagged + 1 - row.false_alarms) / 2, best, 'at the threshold');
  near(row.at_threshold.flagged, over(other, 0.1), 'flagged over 0.1');
  near(row.at_threshold.false_alarms, over(usual, 0.1), 'usual over 0.1');
  const sum = (list) => list.reduce((a, b) => a + b);
  assert.deepEqual([sum(report.histogram), sum(row.histogram)], [600, 80]);
  near(report.histogram_end, Math.max(...usual, ...other), 'end');

  const worst = usual.map((v, i) => [v, i]).sort((a, b) => b[0] - a[0]);
  assert.equal(report.worst.length, 10);
  for (const [k, { index, mae, label }] of report.worst.entries()) {
    near(mae, worst[k][0], `worst ${k}`);
    near(usual[index], mae, `image ${index}`);
    assert.equal(label, index % 2);
  }
  const bytes = readFileSync(png);
  assert.deepEqual([bytes.readUInt32BE(16), bytes.readUInt32BE(20)], [80, 16]);
  const drawn = readFileSync(svg, 'utf8');
  assert.match(drawn, /^<svg .*usual, 600 images.*noise, 80 images.*<\/svg>\n$/s);
  assert.doesNotMatch(drawn, /nan|inf/);
  assert.deepEqual(ok([...args, '--json', '--threads', '3', '--simd', 'scalar']), report);
});

test('outliers: of a folder the worst are named', (t) => {
  const own = folder(t);
  const { pixels } = bars(3, 4);
  const files = ['a', 'b', 'c'].map((name, i) =>
    write(join(own, `${name}.png`), greyPng(8, pixels.slice(64 * i, 64 * i + 64))),
  );
  const args = ['outliers', model, '--data', own, '--ood', `noise=${noise}`];
  const { worst } = ok([...args, '--json']);
  assert.deepEqual(
    worst.map(({ file }) => file),
    worst.map(({ index }) => files[index]),
  );
  assert.ok(ok(args).includes(`  ${worst[0].file}\nworst  2: image `));
});

test('outliers: what is refused', (t) => {
  const own = folder(t);
  const refused = (args, code, pattern) =>
    fails(['outliers', model, ...args], code, pattern, { path: own });
  const usual = ['--data', data];
  refused(['--ood', `noise=${noise}`], 2, /--data SPEC is needed/);
  refused(usual, 2, /--ood NAME=SPEC is needed/);
  refused([...usual, '--ood', noise], 2, /wants NAME=SPEC/);
  refused([...usual, '--ood', `a=${noise}`, '--out', join(own, 'x.png')], 2, /\.svg/);
  refused([...usual, '--ood', `a=${noise}`, '--worst', join(own, 'x.svg')], 2, /\.png/);
  refused([...usual, '--ood', `a=${join(own, 'none')}`], 5, /no such file/);
  const classifier = join(path, 'cnn.safetensors');
  const arch = '1x8x8 > dense 8 relu | dense 2 > ce';
  ok(['train', '--arch', arch, ...usual, '--epochs', '1', '--out', classifier]);
  fails(['outliers', classifier, ...usual, '--ood', `a=${noise}`], 4, /makes no images/);
});
