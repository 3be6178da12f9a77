// Images made of codes: drawn at random, given in a file, or between two images.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { bars, fails, folder, greyPng, npy, ok, readNpy, trainBars, write } from './helpers.mjs';

const CONDITIONED = '1x8x8 > dense 8 relu > dense 4 | embed 2 > dense 64 sigmoid > bce';

let path, data, model, conditioned;
before(() => {
  path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  ({ data, model } = trainBars(path));
  conditioned = join(path, 'conditioned.safetensors');
  ok(['train', '--arch', CONDITIONED, '--data', data, '--epochs', '2', '--out', conditioned]);
});
after(() => rmSync(path, { recursive: true, force: true }));

/** The pixels of an 8-bit grey PNG, row after row. */
function readPng(file) {
  const bytes = readFileSync(file);
  const width = bytes.readUInt32BE(16);
  const height = bytes.readUInt32BE(20);
  assert.deepEqual([...bytes.subarray(24, 26)], [8, 0]);
  const parts = [];
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at))
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
  const raw = inflateSync(Buffer.concat(parts));
  const pixels = new Uint8Array(width * height);
  const of = (x, y) => (x < 0 || y < 0 ? 0 : pixels[y * width + x]);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [left, up, corner] = [of(x - 1, y), of(x, y - 1), of(x - 1, y - 1)];
      const sides = [left, up, corner].map((v) => ({ v, far: Math.abs(left + up - corner - v) }));
      const paeth = sides.reduce((a, b) => (b.far < a.far ? b : a)).v;
      const guess = [0, left, up, (left + up) >> 1, paeth][raw[y * (width + 1)]];
      pixels[y * width + x] = raw[y * (width + 1) + 1 + x] + guess;
    }
  return { width, height, pixels };
}
/** The k-th of a sheet's 8x8 images. */
function tile({ width, pixels }, k) {
  const columns = width / 8;
  const first = Math.floor(k / columns) * 8 * width + (k % columns) * 8;
  return Array.from({ length: 64 }, (_, p) => pixels[first + (p >> 3) * width + (p % 8)]);
}
const bytes = (values) => Array.from(values, (v) => Math.floor(Math.fround(v * 255) + 0.5));
const image = (values, k) => values.subarray(64 * k, 64 * k + 64);
const picture = (i) =>
  write(join(path, `${i}.png`), greyPng(8, bars(600, 1).pixels.slice(i * 64, i * 64 + 64)));

test('decode: what reconstruct makes by way of the codes, as .npy and as a sheet', (t) => {
  const own = folder(t);
  const file = (name) => join(own, name);
  ok(['encode', model, '--data', data, '--limit', '7', '--out', file('z.npy')]);
  ok(['reconstruct', model, '--data', data, '--limit', '7', '--out', file('r.npy')]);
  const report = ok(['decode', model, file('z.npy'), '--out', file('d.npy'), '--json']);
  assert.deepEqual(report, { file: file('d.npy'), images: 7, shape: [1, 8, 8] });
  assert.deepEqual(readFileSync(file('d.npy')), readFileSync(file('r.npy')));
  ok(['decode', model, file('z.npy'), '--out', file('d.png')]);
  const sheet = readPng(file('d.png'));
  assert.deepEqual([sheet.width, sheet.height], [24, 24]); // 3 x 3
  const { values } = readNpy(file('d.npy'));
  for (let k = 0; k < 7; k++) assert.deepEqual(tile(sheet, k), bytes(image(values, k)), `${k}`);
  for (const k of [7, 8]) assert.deepEqual(tile(sheet, k), Array(64).fill(0));
});

test('decode: codes of another width, of bytes, or not finite', (t) => {
  const own = folder(t);
  const given = (name, ...args) => write(join(own, name), npy(...args));
  const float = { descr: '<f4' };
  const refused = (file, pattern, code = 3) =>
    fails(['decode', model, file, '--out', join(own, 'x.npy')], code, pattern, { path: own });
  const wants = /rows of 4 floats are wanted/;
  refused(given('a.npy', [2, 3], new Float32Array(6), float), wants);
  refused(given('b.npy', [2, 4], new Uint8Array(8)), wants);
  refused(given('c.npy', [4], new Float32Array(4), float), wants);
  refused(
    given('d.npy', [1, 4], new Float32Array([0, 1, NaN, 2]), float),
    /d\.npy: a value is not finite \(offset 136\)/,
  );
  refused(given('e.npy', [1, 4], new Float64Array([0, 1e300, 0, 2]), { descr: '<f8' }), /finite/);
  refused(given('f.npy', [2, 4], new Float32Array(4), float), /truncated/);
  refused(join(own, 'absent.npy'), /cannot open/, 5);
  const good = given('g.npy', [1, 4], new Float32Array([0, 5, -7, 2]), float);
  ok(['decode', model, good, '--out', join(own, 'x.npy')]);
  fails(['decode', model, good, '--out', good], 2, /--out is one of the inputs/);
  fails(['decode', model, good], 2, /--out FILE is needed/);
  fails(['decode', model, good, '--out', join(own, 'x.gif')], 2, /ending in \.npy or \.png/);
});

test('sample: by the seed, as many as are asked for, like the images trained on', (t) => {
  const own = folder(t);
  const sample = (name, ...more) => {
    ok(['sample', model, '--count', '50', '--out', join(own, name), ...more]);
    return readFileSync(join(own, name));
  };
  const first = sample('a.npy');
  assert.deepEqual(sample('b.npy', '--simd', 'scalar'), first);
  assert.notDeepEqual(sample('b.npy', '--seed', '2'), first);
  const { shape, values } = readNpy(join(own, 'a.npy'));
  assert.deepEqual(shape, [50, 1, 8, 8]);
  sample('a.png');
  const sheet = readPng(join(own, 'a.png'));
  assert.deepEqual([sheet.width, sheet.height], [64, 56]); // 8 x 7
  assert.deepEqual(tile(sheet, 49), bytes(image(values, 49)));
  // Bars are an eighth of white: so is the mean of what looks like them.
  const mean = (x) => x.reduce((a, b) => a + b, 0) / x.length;
  const usual = mean(Array.from(bars(600, 1).pixels)) / 255;
  assert.ok(Math.abs(mean(values) / usual - 1) < 0.2, `${mean(values)}, ${usual}`);

  const bare = join(path, 'bare.safetensors');
  const train = ['train', '--data', data, '--holdout', '0', '--out', bare];
  ok([...train, 'pca', '--latent', '2', '--no-calibrate']);
  const unknown = /bare\.safetensors: where its codes lie is not known/;
  fails(['sample', bare, '--out', join(own, 'x.npy')], 4, unknown, { path: own });
});

test('interpolate: both ends, and what lies between their codes', (t) => {
  const own = folder(t);
  const file = (name) => join(own, name);
  const ends = [picture(0), picture(1)];
  ok(['encode', model, ...ends, '--out', file('z.npy')]);
  const { values: z } = readNpy(file('z.npy'));
  const on = (part) => Array.from({ length: 4 }, (_, k) => (1 - part) * z[k] + part * z[4 + k]);
  const way = new Float32Array([0, 0.25, 0.5, 0.75, 1].flatMap(on));
  write(file('way.npy'), npy([5, 4], way, { descr: '<f4' }));
  ok(['decode', model, file('way.npy'), '--out', file('d.npy')]);
  const args = ['interpolate', model, ...ends, '--steps', '5', '--out'];
  assert.equal(ok([...args, file('i.npy'), '--json']).images, 5);
  const [expected, made] = ['d.npy', 'i.npy'].map((name) => readNpy(file(name)));
  assert.deepEqual(made.shape, [5, 1, 8, 8]);
  for (const [i, v] of made.values.entries()) assert.ok(Math.abs(v - expected.values[i]) < 1e-5);
  ok([...args, file('i.png')]);
  const strip = readPng(file('i.png'));
  assert.deepEqual([strip.width, strip.height], [40, 8]);
  assert.deepEqual(tile(strip, 4), bytes(image(made.values, 4)));

  fails([...args, ends[1]], 2, /--out is one of the inputs/);
  fails(['interpolate', model, '--out', 'x.npy'], 2, /usage: likeness interpolate/);
  fails(['interpolate', model, ends[0], '--out', file('x.npy')], 2, /wants two images/);
  const named = { input: `${ends.join('\n')}\n` };
  ok(['interpolate', model, '-', '--steps', '5', '--out', file('n.npy')], named);
  assert.deepEqual(readFileSync(file('n.npy')), readFileSync(file('i.npy')));
  fails(['interpolate', model, '-', '--out', ends[1]], 2, /one of the inputs/, { options: named });
  fails([...args, file('x.npy'), '--steps', '1'], 2, /--steps wants a whole number from 2/);
  const large = join(path, 'large.safetensors');
  const train = ['train', 'pca', '--latent', '2', '--shape', '1x16x16', '--data', data];
  ok([...train, '--limit', '60', '--gallery', '0', '--out', large]);
  fails(
    ['interpolate', large, ...ends, '--steps', '600', '--out', file('x.png')],
    2,
    /600 images make a PNG of over 8192 pixels a side: use \.npy/,
    { path: own },
  );
});

test('interpolate: on the great circle where codes are normal', (t) => {
  const own = folder(t);
  const file = (name) => join(own, name);
  const arch = '1x8x8 > dense 8 relu > gaussian 3 | dense 64 sigmoid > bce';
  ok(['train', '--arch', arch, '--data', data, '--epochs', '3', '--out', file('vae')]);
  ok(['encode', file('vae'), picture(0), picture(1), '--out', file('z.npy')]);
  const { values: z } = readNpy(file('z.npy'));
  const [a, b] = [Array.from(z.slice(0, 3)), Array.from(z.slice(3))];
  const sum = a.map((v, k) => v + b[k]);
  const middle = sum.map(
    (v) => (v / Math.hypot(...sum)) * ((Math.hypot(...a) + Math.hypot(...b)) / 2),
  );
  const way = new Float32Array([a, middle, b].flat());
  write(file('way.npy'), npy([3, 3], way, { descr: '<f4' }));
  ok(['decode', file('vae'), file('way.npy'), '--out', file('d.npy')]);
  const args = ['interpolate', file('vae'), picture(0), picture(1), '--steps', '3'];
  ok([...args, '--out', file('i.npy')]);
  const [expected, made] = ['d.npy', 'i.npy'].map((name) => readNpy(file(name)).values);
  for (const [i, v] of made.entries()) assert.ok(Math.abs(v - expected[i]) < 1e-5, `${i}`);
  ok(['sample', file('vae'), '--count', '4', '--out', file('s.png')]);
  const book = '1x8x8 > dense 4 > vq 8 | dense 64 sigmoid > bce';
  ok(['train', '--arch', book, '--data', data, '--epochs', '1', '--out', file('vq')]);
  fails(
    ['sample', file('vq'), '--out', file('x.png')],
    4,
    /vq: which codes of its book go together/,
  );
});

test('--label: images as of a class', (t) => {
  const own = folder(t);
  const file = (name) => join(own, name);
  const some = ['--data', data, '--limit', '3'];
  ok(['encode', conditioned, ...some, '--out', file('z.npy')]);
  const images = ['0', '1', undefined].map((label) => {
    const as = label ? ['--label', label] : [];
    ok(['reconstruct', conditioned, ...some, '--out', file('r.npy'), ...as]);
    ok(['decode', conditioned, file('z.npy'), '--out', file('d.npy'), ...as]);
    const made = readFileSync(file('r.npy'));
    assert.deepEqual(readFileSync(file('d.npy')), made);
    return made;
  });
  assert.notDeepEqual(images[0], images[1]);
  assert.notDeepEqual(images[0], images[2]);
  ok(['sample', conditioned, '--label', '1', '--count', '2', '--out', file('s.npy')]);
  const out = ['--out', file('x.npy')];
  fails(['sample', conditioned, '--label', '2', ...out], 2, /--label 2: the model knows no such/);
  fails(['sample', model, '--label', '0', ...out], 2, /--label is for models that decode as of a/);
});
