// One core, one answer: on all 10,000 test images the WASM module gives the native program's bits.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  differing,
  likeness,
  modelFile,
  native,
  nativeFloats,
  nativeOf,
  testImages,
  without,
} from './artefacts.mjs';

/** @typedef {import('likeness').Preparation} Preparation */
/** @typedef {import('likeness').Result & {file: string}} NativeResult */

/** @type {{name: string, set: string, preparations: Preparation[]}[]} */
const MODELS = [
  { name: 'digits', set: 'mnist', preparations: ['image', 'ink'] },
  { name: 'fashion', set: 'fashion', preparations: ['image'] },
];

for (const { name, set, preparations } of MODELS) {
  const skip = without(name);
  const data = `${set}:test`;

  test(`${name}: codes and reconstructions of ${data} have the native bits`, { skip }, async () => {
    const model = await likeness.load(modelFile(name));
    const { count, height, width, pixels } = testImages(set);
    const size = height * width;
    const x = new Float32Array(count * size);
    for (let i = 0; i < count; i++) {
      const picture = {
        data: pixels.subarray(i * size, (i + 1) * size),
        width,
        height,
        channels: 1,
      };
      x.set(model.prepare(picture).x, i * size);
    }
    const { z, image } = model.reconstruct(x);
    assert.equal(count, 10000);
    assert.equal(differing(z, nativeFloats('encode', modelFile(name), '--data', data)), 0);
    assert.equal(differing(image, nativeFloats('reconstruct', modelFile(name), '--data', data)), 0);
    // Alone or in a batch, encoded or decoded by itself: the same.
    const some = x.subarray(0, 100 * size);
    assert.equal(differing(model.encode(some), z.slice(0, 100 * model.info.latent)), 0);
    assert.equal(differing(model.encode(x.subarray(0, size)), z.slice(0, model.info.latent)), 0);
    assert.equal(differing(model.decode(z), image), 0);
    model.dispose();
  });

  for (const preparation of preparations) {
    const ink = preparation === 'ink';
    test(`${name}: verdicts on ${data} as ${preparation} are the native ones`, {
      skip,
    }, async () => {
      const model = await likeness.load(modelFile(name));
      assert.ok(model.info.preparations.includes(preparation), `not calibrated for ${preparation}`);
      const { count, height, width, pixels } = testImages(set);
      const size = height * width;
      const words = ['score', modelFile(name), '--data', data, '--alpha', '0.05', '--json'];
      /** @type {NativeResult[]} */
      const expected = JSON.parse(String(native(...words, ...(ink ? ['--ink'] : []))));
      assert.equal(expected.length, count);
      let seen = 0;
      expected.forEach(({ verdict, p, score, scores }, i) => {
        const picture = {
          data: pixels.subarray(i * size, (i + 1) * size),
          width,
          height,
          channels: 1,
        };
        const result = model.check(picture, { alpha: 0.05, preparation });
        assert.deepEqual(result, { verdict, p, score, scores }, `image ${i}`);
        seen += Number(verdict === 'out');
      });
      assert.ok(
        seen > 0 && seen < count / 2,
        `${seen} of ${count} are out: that is no calibration`,
      );
      model.dispose();
    });
  }
}

test('neighbours are the native ones', { skip: without('digits') }, async () => {
  const model = await likeness.load(modelFile('digits'));
  const gallery = modelFile('digits').replace('.safetensors', '.gallery.safetensors');
  const { height, width, pixels } = testImages('mnist');
  const size = height * width;
  assert.ok((await model.loadGallery(gallery)) >= 10000);
  for (let i = 0; i < 5; i++) {
    const picture = { data: pixels.subarray(i * size, (i + 1) * size), width, height, channels: 1 };
    const { x } = model.prepare(picture);
    for (const metric of /** @type {const} */ (['l2', 'cosine'])) {
      const words = ['neighbours', modelFile('digits'), '--k', '20', '--metric', metric];
      const found = model.neighbours(x, { k: 20, metric });
      const bare = found.map(({ index, label, distance, origin }) => ({
        index,
        label,
        distance,
        origin,
      }));
      assert.deepEqual(bare, nativeOf(picture, ...words));
      assert.ok(found.every(({ thumbnail }) => thumbnail.length === size));
      // The first five of the test set are clear ones: most of their nearest are the same digit.
      const same = found.filter(({ label }) => label === [7, 2, 1, 0, 4][i]).length;
      assert.ok(same > 10, `${same} of 20`);
    }
  }
  model.dispose();
});

test('a check with 10,000 neighbours is fast (reported)', {
  skip: without('digits'),
}, async (t) => {
  const model = await likeness.load(modelFile('digits'));
  await model.loadGallery(modelFile('digits').replace('.safetensors', '.gallery.safetensors'));
  const { height, width, pixels } = testImages('mnist');
  const picture = { data: pixels.subarray(0, height * width), width, height, channels: 1 };
  const { x } = model.prepare(picture);
  const times = Array.from({ length: 300 }, () => {
    const start = performance.now();
    model.check(x);
    model.neighbours(x);
    return performance.now() - start;
  }).sort((a, b) => a - b);
  t.diagnostic(`median ${times[150].toFixed(3)} ms, 95 % within ${times[285].toFixed(3)} ms`);
  model.dispose();
});
