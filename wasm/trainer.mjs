// Training in WASM, by the trainer of the program: the same options and images give the same bits.
//
//   const trainer = await createTrainer({ family: 'ae', shape, images, epochs: 20 });
//   while (!trainer.done) draw(trainer.step(10)); // best in a worker: a step takes a while
//   trainer.calibrate(heldOut, { preparation: 'ink' });
//   const model = await load(trainer.save());
//
// A trainer has a WebAssembly instance of its own, of likeness-train.wasm, with a copy of the images.

import { given, instantiate, LikenessError, misuse } from './engine.mjs';

/** @typedef {import('./engine.mjs').Engine} Engine */
/** @typedef {import('./engine.mjs').LoadOptions} LoadOptions */
/** Images one after the other, each channels x height x width: bytes to 255, or values in [0, 1].
 * @typedef {Uint8Array | Uint8ClampedArray | Float32Array} Images */
/**
 * What is not given of batch, epochs, decay, augment and init is as the family is trained, else as any
 * network is: 64, 10, 0, '' and 'glorot'.
 * @typedef {object} TrainOptions
 * @property {Images} images
 * @property {ArrayLike<number>} [labels] whole numbers from 0 on, one for each image
 * @property {string} [arch] the network in the notation, or
 * @property {string} [family] the name of one that is trained as a whole, with
 * @property {{channels: number, height: number, width: number}} [shape] the shape of the images and
 * @property {number} [latent] values in a code; unless given, the family's own
 * @property {number} [batch] images in a step
 * @property {number} [epochs]
 * @property {number} [learningRate] Adam's
 * @property {number} [warmup] share of the epochs, at the start, in which the rate rises from 0
 * @property {number} [decay] share of the epochs, at the end, in which the rate falls to 0
 * @property {'linear' | 'cosine'} [fall] how it falls
 * @property {number} [weightDecay]
 * @property {string} [augment] such as 'shift 2, rotate 10': how images are changed in each epoch
 * @property {'glorot' | 'he'} [init] the first weights
 * @property {number} [seed] a whole number
 * @property {string} [title] what the images are, for sentences
 * @property {LoadOptions['wasm']} [wasm] likeness-train.wasm, beside this module unless given
 * @property {AbortSignal} [signal]
 */
/**
 * @typedef {object} Progress
 * @property {number} step done so far
 * @property {number} epoch the same in epochs: 2.5 is half way through the third
 * @property {number} images that this call has trained on
 * @property {number} loss their mean; NaN where there were none
 * @property {number | null} accuracy the share of them whose class was right; null without classes
 */

// The order of the enums in training.c and likeness.h.
const NUMBER = {
  channels: 0,
  height: 1,
  width: 2,
  classes: 3,
  parameters: 4,
  step: 5,
  steps: 6,
  stepsPerEpoch: 7,
  loss: 8,
  accuracy: 9,
  images: 10,
  file: 11,
  usualBatch: 12,
  usualEpochs: 13,
  usualDecay: 14,
  usualInit: 15,
};
const TEXT = { arch: 0, augment: 1 };
const FALLS = ['linear', 'cosine'];
const INITS = ['glorot', 'he'];
const MOST = 0xffffffff;
const encoder = new TextEncoder();

/** @param {unknown} value @param {string} what @param {number} [most] @returns {number} */
function whole(value, what, most = MOST) {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most)
    misuse(`${what} must be a whole number from 0 to ${most}`);
  return value;
}

/** @param {unknown} value @param {string} what @returns {number} */
function real(value, what) {
  if (typeof value !== 'number') misuse(`${what} must be a number`);
  return value;
}

/** @param {string[]} names @param {string} value @param {string} what */
function choice(names, value, what) {
  const i = names.indexOf(value);
  if (i < 0) misuse(`${what} must be ${names.join(' or ')}`);
  return i;
}

/** @param {Engine} engine @param {unknown} text @param {string} what */
function putText(engine, text, what) {
  if (typeof text !== 'string') misuse(`${what} must be a string`);
  engine.fillInbox(encoder.encode(text));
}

/**
 * Puts images into the inbox; whether they are floats.
 * @param {Engine} engine @param {Images} images @param {string} what
 */
function putImages(engine, images, what) {
  const areFloats = images instanceof Float32Array;
  if (!(areFloats || images instanceof Uint8Array || images instanceof Uint8ClampedArray))
    misuse(`${what} must be a Uint8Array, Uint8ClampedArray or Float32Array`);
  if (!(images.buffer instanceof ArrayBuffer)) misuse(`the buffer of ${what} is shared`);
  if (areFloats) {
    const wrong = images.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw new LikenessError('data', `${what}: not finite at ${wrong}`);
  }
  engine.fillInbox(new Uint8Array(images.buffer, images.byteOffset, images.byteLength));
  return areFloats;
}

/** The labels as the core wants them. @param {ArrayLike<number>} labels */
function checkLabels(labels) {
  if (typeof labels !== 'object' || labels === null) misuse('labels must be an array');
  return Uint32Array.from(labels, (label) => whole(label, 'a label', MOST - 1));
}

/** @param {Engine} engine @param {TrainOptions} options @param {Uint32Array | undefined} labels */
function plan(engine, options, labels) {
  const { calls } = engine;
  const { arch, family, shape, latent = 0 } = options;
  if ((arch === undefined) === (family === undefined))
    misuse('arch or family is needed, one of them');
  if (arch !== undefined) {
    if (shape !== undefined || latent !== 0)
      misuse('arch already says the shape and the latent size');
    putText(engine, arch, 'arch');
    engine.must(calls.lk_wasm_train_arch());
    return;
  }
  if (typeof shape !== 'object' || shape === null) misuse('a family needs the shape of the images');
  const sides = [shape.channels, shape.height, shape.width].map((n) => whole(n, 'a side'));
  const classes = labels?.reduce((most, label) => Math.max(most, label + 1), 0) ?? 0;
  putText(engine, family, 'family');
  engine.must(calls.lk_wasm_train_family(...sides, whole(latent, 'latent'), classes));
}

/** @param {Engine} engine @param {TrainOptions} options */
function begin(engine, options) {
  const { calls } = engine;
  const { batch = calls.lk_wasm_train_number(NUMBER.usualBatch) } = options;
  const { epochs = calls.lk_wasm_train_number(NUMBER.usualEpochs) } = options;
  const { decay = calls.lk_wasm_train_number(NUMBER.usualDecay) } = options;
  const { init = INITS[calls.lk_wasm_train_number(NUMBER.usualInit)] } = options;
  const { augment = engine.text(calls.lk_wasm_train_text(TEXT.augment)) } = options;
  const { learningRate = 1e-3, warmup = 0, fall = 'linear', weightDecay = 0, seed = 1 } = options;
  const numbers = [
    choice(INITS, init, 'init'),
    whole(seed, 'seed', Number.MAX_SAFE_INTEGER),
    whole(batch, 'batch'),
    whole(epochs, 'epochs'),
    real(learningRate, 'learningRate'),
    real(warmup, 'warmup'),
    real(decay, 'decay'),
    choice(FALLS, fall, 'fall'),
    real(weightDecay, 'weightDecay'),
  ];
  putText(engine, augment, 'augment');
  engine.must(calls.lk_wasm_train_begin(...numbers));
}

/** One training; made by `createTrainer`. */
export class Trainer {
  /** @type {Engine | undefined} none once it is over */ #engine;
  /** Of the network, and of the whole schedule. */ info;

  /** @param {Engine} engine fresh, and this trainer's alone @param {TrainOptions} options */
  constructor(engine, options) {
    const { calls } = engine;
    const labels = options.labels === undefined ? undefined : checkLabels(options.labels);
    plan(engine, options, labels);
    if (options.title !== undefined) {
      putText(engine, options.title, 'title');
      engine.must(calls.lk_wasm_train_title());
    }
    engine.must(calls.lk_wasm_train_images(Number(putImages(engine, options.images, 'images'))));
    if (labels) {
      engine.fillInbox(new Uint8Array(labels.buffer));
      engine.must(calls.lk_wasm_train_labels());
    }
    begin(engine, options);
    this.#engine = engine;
    const number = calls.lk_wasm_train_number;
    this.info = Object.freeze({
      arch: engine.text(calls.lk_wasm_train_text(TEXT.arch)),
      shape: Object.freeze({
        channels: number(NUMBER.channels),
        height: number(NUMBER.height),
        width: number(NUMBER.width),
      }),
      parameters: number(NUMBER.parameters),
      classes: number(NUMBER.classes),
      steps: number(NUMBER.steps),
      stepsPerEpoch: number(NUMBER.stepsPerEpoch),
    });
  }

  /** Whether all steps of the schedule are done. */
  get done() {
    return this.#use().calls.lk_wasm_train_number(NUMBER.step) === this.info.steps;
  }

  /**
   * Trains for n steps, or fewer at the end of the schedule. A loss that is not finite ends the
   * training with an error.
   * @param {number} [n] @returns {Progress}
   */
  step(n = 1) {
    const { calls } = this.#use();
    const status = calls.lk_wasm_train_step(whole(n, 'n'));
    if (status !== 0) {
      const error = this.#use().lastError();
      this.dispose();
      throw error;
    }
    const number = calls.lk_wasm_train_number;
    const step = number(NUMBER.step);
    return {
      step,
      epoch: step / this.info.stepsPerEpoch,
      images: number(NUMBER.images),
      loss: number(NUMBER.loss),
      accuracy: this.info.classes ? number(NUMBER.accuracy) : null,
    };
  }

  /**
   * Learns from images that were held out, at least 20, what is usual, so that the model can judge;
   * once the last step is done, for it takes a while. Ink is for drawings, grey and in bytes.
   * @param {Images} heldOut @param {{preparation?: 'image' | 'ink'}} [options]
   */
  calibrate(heldOut, options = {}) {
    const { preparation = 'image' } = given(options);
    const engine = this.#use();
    const { calls } = engine;
    const how = choice(engine.names(calls.lk_wasm_preparation_name), preparation, 'preparation');
    const areFloats = putImages(engine, heldOut, 'the held-out images');
    engine.must(calls.lk_wasm_train_calibrate(how, Number(areFloats)));
  }

  /** The model as it now is: a file for `load`. Families for verdicts are rounded to 16 bits with
   * the last step: until then the file is larger. */
  save() {
    const engine = this.#use();
    const { calls } = engine;
    engine.must(calls.lk_wasm_train_save());
    const at = calls.lk_wasm_train_file();
    const size = calls.lk_wasm_train_number(NUMBER.file);
    return new Uint8Array(engine.memory.buffer, at, size).slice().buffer;
  }

  /** Gives the memory back; any later use throws. */
  dispose() {
    this.#engine?.calls.lk_wasm_train_end();
    this.#engine = undefined;
  }

  #use() {
    if (!this.#engine) misuse('the training is over: it has failed, or was disposed of');
    return this.#engine;
  }
}

/**
 * Begins a training, from new weights on.
 * @param {TrainOptions} options
 */
export async function createTrainer(options) {
  const { wasm, signal } = given(options);
  signal?.throwIfAborted();
  const beside = new URL('./likeness-train.wasm', import.meta.url);
  const engine = await instantiate({ wasm, signal }, beside);
  signal?.throwIfAborted();
  return new Trainer(engine, options);
}
