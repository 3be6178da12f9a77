// node tests/bench/onnx.mjs [FAMILY...]: graphs of `export --onnx` in onnxruntime-web, beside the module.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build, folder, likeness } from './measure.mjs';
import { installPeers } from './wasm.mjs';

const IMAGES = 16;
const OF_NO_IMAGES = ['table', 'text', 'text-softmax'];

/** @typedef {{name: string, shape: number[]}} Family */
/** @typedef {ArrayLike<number>} Values */

/** The largest difference, as a part of the largest value. @param {Values} a @param {Values} b */
function apart(a, b) {
  const most = (/** @type {(i: number) => number} */ of) =>
    Array.from({ length: b.length }, (_, i) => Math.abs(of(i))).reduce((x, y) => Math.max(x, y));
  return (most((i) => a[i] - b[i]) / most((i) => b[i])).toExponential(1);
}

/** A little trained, on digits, or in colour on what is in three of them. @param {Family} family */
function train({ name, shape: [channels, ...sides] }) {
  const model = join(folder, `${name}.safetensors`);
  const shape = ['--shape', [channels, ...sides].join('x')];
  const bare = ['--limit', '500', '--epochs', '1', '--holdout', '0', '--gallery', '0'];
  likeness('train', name, '--data', 'mnist', ...shape, ...bare, '--out', model);
  return model;
}

installPeers();
const ort = createRequire(join(build, 'peers/package.json'))('onnxruntime-web');
ort.env.wasm.numThreads = 1;
const { load } = await import(join(build, 'wasm/likeness.mjs'));
const wanted = process.argv.slice(2);
/** @type {Family[]} */
const families = likeness('families');
for (const family of families) {
  const { name } = family;
  if (OF_NO_IMAGES.includes(name) || (wanted.length && !wanted.includes(name))) continue;
  const file = train(family);
  const graph = join(folder, `${name}.onnx`);
  likeness('export', file, '--onnx', graph);
  const model = await load(file);
  const { channels, height, width } = model.info.shape;
  const size = channels * height * width;
  const x = Float32Array.from({ length: IMAGES * size }, (_, i) => Math.sin(i * i) ** 2);
  const image = new ort.Tensor('float32', x, [IMAGES, channels, height, width]);
  const session = await ort.InferenceSession.create(readFileSync(graph));
  const out = await session.run({ image });
  const said = [`code ${apart(out.code.data, model.encode(x))}`];
  if (out.reconstruction)
    said.push(`reconstruction ${apart(out.reconstruction.data, model.reconstruct(x).image)}`);
  if (out.probabilities)
    said.push(`probabilities ${apart(out.probabilities.data, model.classify(x))}`);
  console.log(`${name.padEnd(14)} ${said.join(', ')}`);
  model.dispose();
}
process.exit(0);
