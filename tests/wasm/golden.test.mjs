// The module computes what PyTorch computed: the values that tests/src/golden_test.c reads too.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { likeness } from './artefacts.mjs';

// What a case says of its own goes before what its file says for all.
const cases = ['dense', 'conv', 'latent', 'label'].flatMap((name) => {
  const file = new URL(`../golden/${name}.json`, import.meta.url);
  const golden = JSON.parse(readFileSync(file, 'utf8'));
  return golden.cases.map((/** @type {object} */ one) => ({ ...golden, ...one }));
});
const TOLERANCE = 1e-5;

/**
 * A model file with these weights, by the safetensors format and not by our own writer.
 * @param {string} arch @param {Record<string, number[]>} weights
 * @param {Record<string, number[]>} shapes of the weights
 */
function modelFile(arch, weights, shapes) {
  /** @type {Record<string, unknown>} */
  const header = { __metadata__: { format: 'likeness 1', arch } };
  const names = Object.keys(weights);
  let offset = 0;
  for (const name of names) {
    const values = weights[name].length;
    const shape = name.endsWith('bias') ? [values] : shapes[name];
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

for (const { arch, z, x_hat, weights, shapes, pixels } of cases) {
  test(`${arch} as in PyTorch`, async () => {
    const model = await likeness.load(modelFile(arch, weights, shapes));
    pixels.forEach((/** @type {number[]} */ image, /** @type {number} */ row) => {
      const x = Float32Array.from(image, (v) => v / 255);
      const code = z.slice(row * model.info.latent, (row + 1) * model.info.latent);
      near(model.encode(x), code, 'code');
      if (!x_hat) return; // the chain makes no images
      const wanted = x_hat.slice(row * x.length, (row + 1) * x.length);
      near(model.reconstruct(x).image, wanted, 'reconstruction');
      // A code alone does not know where the maxima stood, nor of what shares are shares.
      if (arch.includes('unpool')) return;
      const whole = arch.endsWith('multinomial') ? x.reduce((sum, v) => sum + v, 0) : 1;
      const decoded = wanted.map((/** @type {number} */ v) => v / whole);
      near(model.decode(Float32Array.from(code)), decoded, 'decoded');
    });
    model.dispose();
  });
}
