// The module computes what PyTorch computed: the values that tests/src/golden_test.c reads too.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { likeness } from './artefacts.mjs';

const golden = JSON.parse(readFileSync(new URL('../golden/dense.json', import.meta.url), 'utf8'));
const TOLERANCE = 1e-5;

/**
 * A model file with these weights, by the safetensors format and not by our own writer.
 * @param {string} arch @param {Record<string, number[]>} weights
 */
function modelFile(arch, weights) {
  /** @type {Record<string, unknown>} */
  const header = { __metadata__: { format: 'likeness 1', arch } };
  const names = Object.keys(weights);
  let offset = 0;
  for (const name of names) {
    const values = weights[name].length;
    const rows = weights[name.replace('weight', 'bias')].length;
    const shape = name.endsWith('bias') ? [values] : [rows, values / rows];
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + 4 * values] };
    offset += 4 * values;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const data = names.map((name) => Buffer.from(Float32Array.from(weights[name]).buffer));
  return new Uint8Array(Buffer.concat([length, json, ...data]));
}

/** @param {ArrayLike<number>} values @param {number[]} expected @param {string} what */
function near(values, expected, what) {
  assert.equal(values.length, expected.length, what);
  for (let i = 0; i < expected.length; i++) {
    const allowed = TOLERANCE * Math.max(1, Math.abs(expected[i]));
    assert.ok(
      Math.abs(values[i] - expected[i]) <= allowed,
      `${what}[${i}]: ${values[i]}, PyTorch has ${expected[i]}`,
    );
  }
}

for (const { arch, z, x_hat } of golden.cases) {
  test(`${arch} as in PyTorch`, async () => {
    const model = await likeness.load(modelFile(arch, golden.weights));
    golden.pixels.forEach((/** @type {number[]} */ pixels, /** @type {number} */ i) => {
      const x = Float32Array.from(pixels, (v) => v / 255);
      const code = z.slice(i * model.info.latent, (i + 1) * model.info.latent);
      const image = x_hat.slice(i * x.length, (i + 1) * x.length);
      near(model.encode(x), code, 'code');
      near(model.reconstruct(x).image, image, 'reconstruction');
      near(model.decode(Float32Array.from(code)), image, 'decoded');
    });
    model.dispose();
  });
}
