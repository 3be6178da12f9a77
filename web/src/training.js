// The worker's side of "Train one here": trains, and now and then tells the loss and shows what the
// network makes of a few images by then.

import { createTrainer, load } from 'likeness';

/**
 * @typedef {object} Task
 * @property {Uint8Array} images
 * @property {Uint8Array} heldOut to calibrate on; too few are none
 * @property {Uint8Array} watched images whose reconstruction is shown
 * @property {import('likeness').Info['shape']} shape
 * @property {boolean} ink they are drawings: it is to judge drawings too
 * @property {string} family
 * @property {number} latent
 * @property {number} batch
 * @property {number} epochs
 * @property {string} augment
 * @property {string} title
 */
/** @typedef {{epoch: number, loss: number, speed: number, redrawn: Float32Array | null}} News */

export const FEWEST_HELD_OUT = 20;
const SLICE = 60; // milliseconds of training between messages
const POINTS = 60; // of the curve, or more
const LOOK = 400; // milliseconds between looks at the images

/** @param {{save(): ArrayBuffer}} trainer @param {Float32Array} x */
async function redraw(trainer, x) {
  const model = await load(trainer.save());
  const { image } = model.reconstruct(x);
  model.dispose();
  return image;
}

/** @param {Task} task @param {import('./known.js').Pause} pause */
export async function train(task, pause) {
  const { images, heldOut, watched, shape, ink, ...options } = task;
  const trainer = await createTrainer({ ...options, shape, images, init: 'he' });
  const x = Float32Array.from(watched, (value) => value / 255);
  let steps = 1;
  let looked = 0;
  while (!trainer.done) {
    const began = performance.now();
    const { step, epoch, loss, images: trained } = trainer.step(steps);
    const now = performance.now();
    const most = Math.ceil(trainer.info.steps / POINTS);
    steps = Math.max(1, Math.min(most, Math.round((steps * SLICE) / (now - began))));
    const look = now - looked > LOOK || trainer.done;
    const redrawn = look ? await redraw(trainer, x) : null;
    if (look) looked = performance.now();
    /** @type {News} */
    const news = { epoch, loss, speed: (1000 * trained) / (now - began), redrawn };
    await pause(step / trainer.info.steps, news);
  }
  const size = shape.channels * shape.height * shape.width;
  const judges = heldOut.length / size >= FEWEST_HELD_OUT;
  if (judges) trainer.calibrate(heldOut);
  if (judges && ink) trainer.calibrate(heldOut, { preparation: 'ink' });
  const file = trainer.save();
  trainer.dispose();
  return { file, judges };
}
