// `likeness export --onnx`: the graph gives what the program gives, whatever the operators.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fails, folder, idx, ok, random, readNpy, write } from './helpers.mjs';
import { readOnnx, runOnnx } from './onnx.mjs';

const IMAGES = 3;

/** Random images with labels; their bytes as the graph gets them too, channel after channel. */
function images(path, [channels, side], count = 60) {
  const next = random(channels * side);
  const bytes = Uint8Array.from({ length: count * side * side * channels }, () => 255 * next());
  const sizes = channels === 1 ? [count, side, side] : [count, side, side, channels];
  const data = write(join(path, `r-images-idx${sizes.length}-ubyte`), idx(sizes, bytes));
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
  write(join(path, 'r-labels-idx1-ubyte'), idx([count], labels));
  const pixels = side * side;
  const planes = Array.from({ length: IMAGES * channels * pixels }, (_, i) => {
    const [image, rest] = [Math.floor(i / (channels * pixels)), i % (channels * pixels)];
    const [channel, pixel] = [Math.floor(rest / pixels), rest % pixels];
    return bytes[(image * pixels + pixel) * channels + channel] / 255;
  });
  return { data, planes };
}

/** The largest difference, as a part of the largest value. */
function apart(a, b) {
  assert.equal(a.length, b.length);
  const largest = b.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-9);
  return a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0) / largest;
}

const CHAINS = {
  'dense layers and every activation':
    '1x6x6 > noise 0.1 > dense 20 relu > dense 12 leaky > dropout 0.2 > dense 5 tanh | dense 36 sigmoid > bce',
  'convolutions of all steps and kernels, and their transposes':
    '3x12x12 > conv 8 3 s2 relu > bn leaky > conv 6 4 s2 > conv 4 3 s3 > dense 7 | dense 16 relu > reshape 4 2 2 > deconv 5 3 s3 relu > deconv 4 5 s2 leaky > deconv 3 1 > conv 3 2 sigmoid > mse',
  'windows that stay inside':
    '1x9x9 > conv 4 3 valid > conv 4 3 s2 valid > dense 4 | dense 16 > reshape 4 2 2 > deconv 3 3 s2 valid relu > deconv 2 5 valid > conv 1 1 sigmoid > mse',
  'pools that are undone where the maxima stood, in colour':
    '3x8x8 > conv 6 3 relu > maxpool 2 > conv 4 3 > maxpool 2 > bn relu | conv 4 3 > unpool 2 > conv 6 3 relu > unpool 2 > conv 3 3 sigmoid > mse',
  'means of windows, and pixels made larger':
    '3x8x8 > avgpool 2 > conv 4 3 relu > l1 0.1 | up 2 > conv 3 3 sigmoid > mse',
  'a Gaussian code': '1x6x6 > dense 9 > bn relu > gaussian 4 | dense 36 sigmoid > bce beta 1',
  'words of a codebook':
    '3x8x8 > conv 6 3 s2 relu > conv 4 3 s2 > vq 8 | deconv 6 4 s2 relu > deconv 3 4 s2 sigmoid > mse',
  'a network that was taught poses':
    '1x8x8 > conv 4 3 s2 relu > pose 3 4 > dense 5 | dense 64 sigmoid > mse',
  'a code of length 1 alone': '3x6x6 > conv 4 3 relu > dense 5 > l2norm | triplet margin 0.2',
  classes: '3x6x6 > conv 4 3 s2 relu > bn > dense 8 leaky | dense 3 > ce',
  'a code multiplied by labels, and told':
    '1x6x6 > dense 8 relu > dense 5 | classify 3 0.5 > embed 3 > dense 36 sigmoid > bce',
};

for (const [what, arch] of Object.entries(CHAINS))
  test(`a graph of ${what}`, (t) => {
    const path = folder(t);
    const { data, planes } = images(path, arch.split('x').map(Number));
    const model = join(path, 'm.safetensors');
    const how = ['--holdout', '0', '--epochs', '2', '--batch', '10', '--lr', '0.01'];
    ok(['train', '--arch', arch, '--data', data, '--out', model, '--gallery', '0', ...how]);
    const file = join(path, 'm.onnx');
    const said = ok(['export', model, '--onnx', file, '--json']);
    const bytes = readFileSync(file);
    assert.deepEqual(said, { onnx: file, model, bytes: bytes.length, gallery: false });
    const {
      shape,
      latent,
      classes,
      output,
      arch: spelt,
      weights_sha256,
    } = ok(['inspect', model, '--json']);
    const graph = readOnnx(bytes);
    assert.deepEqual([graph.texts.arch, graph.texts.weights_sha256], [spelt, weights_sha256]);
    assert.deepEqual(graph.inputs, { image: ['N', ...shape] });
    const expected = { code: ['N', latent] };
    if (output === 'image') expected.reconstruction = ['N', ...shape];
    if (classes) expected.probabilities = ['N', classes];
    assert.deepEqual(graph.outputs, expected);

    const results = runOnnx(graph, planes);
    const given = (command) => {
      const out = join(path, `${command}.npy`);
      ok([command, model, '--data', data, '--limit', String(IMAGES), '--out', out]);
      return readNpy(out).values;
    };
    for (const [name, [, ...dims]] of Object.entries(expected))
      assert.deepEqual(results.get(name).dims, [IMAGES, ...dims], name);
    const code = apart(results.get('code').values, given('encode'));
    assert.ok(code < 1e-5, `code: ${code}`);
    if (output === 'image') {
      const made = apart(results.get('reconstruction').values, given('reconstruct'));
      assert.ok(made < 1e-5, `reconstruction: ${made}`);
    }
    if (!classes) return;
    const rows = results.get('probabilities').values;
    const [confusion] = [
      ok(['eval', model, '--data', data, '--limit', String(IMAGES), '--json']).confusion,
    ];
    for (let i = 0; i < IMAGES; i++) {
      const row = rows.slice(i * classes, i * classes + classes);
      assert.ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-6);
      assert.equal(confusion[i % 3][row.indexOf(Math.max(...row))] >= 1, true, `image ${i}`);
    }
  });

test('what has no counterpart is said in a line', (t) => {
  const path = folder(t);
  const rows = Array.from({ length: 60 }, (_, i) => `${i % 7},${i % 5},${i % 3}\n`);
  const table = write(join(path, 't.csv'), `a,b,c\n${rows.join('')}`);
  const model = join(path, 't.safetensors');
  ok(['train', '--data', table, '--epochs', '1', '--holdout', '0', '--out', model]);
  const out = join(path, 't.onnx');
  const options = { path };
  fails(
    ['export', model, '--onnx', out],
    4,
    /t\.safetensors: ONNX has no counterpart of its operator 'table'\n/,
    options,
  );
  fails(
    ['export', model, '--onnx', out, '--with-gallery'],
    2,
    /--with-gallery is for pages/,
    options,
  );
  fails(
    ['export', model, '--onnx', out, '--html', out],
    2,
    /one of --html FILE, --c-header FILE and --onnx FILE/,
    options,
  );
  fails(['export', model, '--onnx', model], 2, /--onnx is one of the inputs/, options);
  const broken = join(path, 'b.safetensors');
  copyFileSync(table, broken);
  fails(['export', broken, '--onnx', out], 4, /b\.safetensors: /, options);
});
