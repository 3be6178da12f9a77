// Training in WASM by Likeness and by TensorFlow.js, in Node and in a page alike. TensorFlow.js
// cannot train C there: its WASM has no gradient of a convolution's weights.
import { images, NETWORKS } from './sides.mjs';

/** @typedef {import('./sides.mjs').Parts} Parts */
/** @typedef {import('./sides.mjs').Work} Work */
/** One step; how many images it took. @typedef {() => number | Promise<number>} Step */

/** @type {Record<Work, {family: string, batch: number}>} */
const WORKS = {
  A: { family: 'ae', batch: 64 },
  B: { family: 'deep', batch: 128 },
  C: { family: 'vae-conv', batch: 128 },
};

/** @type {Record<string, (parts: Parts, work: Work) => Promise<Step>>} */
const SIDES = {
  async likeness({ likeness }, work) {
    const { family, batch } = WORKS[work];
    const shape = { channels: 1, height: 28, width: 28 };
    const pixels = Uint8Array.from(images(10 * batch), (value) => 255 * value);
    const options = { family, shape, images: pixels, batch, epochs: 100_000 };
    const { createTrainer } = /** @type {typeof import('likeness')} */ (likeness);
    const trainer = await createTrainer(options);
    return () => trainer.step(1).images;
  },
  async tfjs({ tf, layers }, work) {
    const { batch } = WORKS[work];
    const model = layers.sequential();
    NETWORKS[work].forEach((link, i) => {
      const [, units, activation] = link.split(' ');
      const start = { kernelInitializer: 'glorotNormal', ...(i ? {} : { inputShape: [784] }) };
      model.add(layers.layers.dense({ units: Number(units), activation, ...start }));
    });
    model.compile({ optimizer: tf.train.adam(1e-3), loss: 'binaryCrossentropy' });
    const x = tf.tensor(images(batch), [batch, 784]);
    return async () => {
      await model.trainOnBatch(x, x);
      return batch;
    };
  },
};

/**
 * A side that can be asked for its speed: images/s.
 * @param {string} name @param {Work} work @param {Parts} parts
 */
export async function openTraining(name, work, parts) {
  const step = await SIDES[name](parts, work);
  return async (seconds = 0.5) => {
    await step();
    let done = 0;
    let now = performance.now();
    const start = now;
    for (; now < start + seconds * 1000; now = performance.now()) done += await step();
    return (done * 1000) / (now - start);
  };
}
