// Likeness in JavaScript: the same file in Node, page, worker and bundler, around likeness.wasm.
//
//   import { load } from 'likeness';
//   const model = await load(new URL('digits.safetensors', import.meta.url));
//   const { verdict, p } = model.check(imageData, { alpha: 0.01, preparation: 'ink' });
//   model.dispose();
//
// A model has a WebAssembly instance of its own, so that whatever happens to one leaves the others
// alone. Results are copies. All images are channels x height x width with values in [0, 1].

import { given, instantiate, LikenessError, misuse, readBytes } from './engine.mjs';

export { LikenessError, supported } from './engine.mjs';

/** @typedef {import('./engine.mjs').LoadOptions} LoadOptions */
/** @typedef {import('./engine.mjs').Source} Source */
/** @typedef {import('./engine.mjs').Status} Status */
/**
 * A picture: rows top down, channels interleaved (1 grey, 3 RGB, 4 RGBA, the default).
 * @typedef {{data: Uint8ClampedArray | Uint8Array, width: number, height: number,
 *            channels?: number}} Picture
 */
/** @typedef {'image' | 'ink'} Preparation */
/** @typedef {'in' | 'out' | 'empty'} Verdict */
/** What a model makes of an image behind its code. @typedef {'image' | 'classes' | 'code'} Output */
/**
 * @typedef {object} Result
 * @property {Verdict} verdict
 * @property {number} p (1 + held-out images at least as unusual) / (n + 1); 0 when empty
 * @property {number} score rises with unusualness
 * @property {Record<string, {value: number, p: number, surprise: number}>} scores each piece of
 *   evidence that the model has, by name; `surprise`, -log of how common the value is or what there
 *   is for being over a limit, tells what it adds to the score: the largest has made it
 */
/**
 * @typedef {object} Neighbour
 * @property {number} index its place in the gallery
 * @property {number} origin its place in the training set
 * @property {number | null} label
 * @property {string | null} name what the label is called; null where it has no name
 * @property {number} distance
 * @property {Uint8Array} thumbnail channels x height x width
 */
/**
 * @typedef {object} Info
 * @property {string} arch
 * @property {{channels: number, height: number, width: number}} shape
 * @property {number} latent
 * @property {number} parameters
 * @property {string} title
 * @property {string} family
 * @property {string} data
 * @property {string} weights
 * @property {Preparation[]} preparations those it is calibrated for
 * @property {Output} output
 * @property {number} classes that it tells apart; 0 when none
 * @property {readonly string[]} names what the classes that it learnt from are called, by label; none
 *   where they are numbers alone
 * @property {number} labels that its codes and images may be asked for under; 0 when none
 * @property {boolean} labelled it cannot learn without labels
 * @property {number} codes vectors of a codebook that make a code; 0 when there is none
 * @property {number} codebook vectors in it
 * @property {number} alpha the share of false alarms that it is judged by unless another is asked for
 */
// ---- the model ----

// The order of the enums view, number and lk_text in bindings.c and likeness.h.
const VIEW = { x: 0, z: 1, xHat: 2, result: 3, neighbours: 4, probabilities: 5, codes: 6 };
const NUMBER = {
  channels: 0,
  height: 1,
  width: 2,
  latent: 3,
  parameters: 4,
  batch: 5,
  gallery: 6,
  output: 7,
  classes: 8,
  labelled: 9,
  codes: 10,
  codebook: 11,
  alpha: 12,
};
/** @type {Output[]} */
const OUTPUTS = ['image', 'classes', 'code'];
const TEXT = { family: 0, title: 1, data: 2, weights: 3, names: 6, arch: 7 };
const NO_LABEL = 0xffffffff;
const METRICS = ['l2', 'cosine'];
const MAX_NEIGHBOURS = 128;
const MAX_SIDE = 8192;
const KEPT_INBOX = 1 << 22; // bytes; a bigger picture's room is given back

/** One model with its workspace; made by `load`. */
export class Model {
  #engine;
  #handle = 0;
  #pixels; // of one input
  #latent;
  #batch;
  /** @type {string[]} */ #verdicts;
  /** @type {string[]} */ #evidences;
  /** @type {string[]} */ #preparations;
  /** What the model says of itself. @type {Readonly<Info>} */ info;

  /**
   * @param {import('./engine.mjs').Engine} engine fresh, and this model's alone
   * @param {Uint8Array} bytes
   */
  constructor(engine, bytes) {
    const { calls } = engine;
    this.#engine = engine;
    engine.fillInbox(bytes);
    this.#handle = calls.lk_wasm_load();
    if (!this.#handle) throw engine.lastError();
    const number = (/** @type {number} */ which) => calls.lk_wasm_number(this.#handle, which);
    const text = (/** @type {number} */ which) =>
      engine.text(calls.lk_wasm_text(this.#handle, which));
    const shape = {
      channels: number(NUMBER.channels),
      height: number(NUMBER.height),
      width: number(NUMBER.width),
    };
    this.#pixels = shape.channels * shape.height * shape.width;
    this.#latent = number(NUMBER.latent);
    this.#batch = number(NUMBER.batch);
    this.#verdicts = engine.names(calls.lk_wasm_verdict_name);
    this.#evidences = engine.names(calls.lk_wasm_evidence_name);
    this.#preparations = engine.names(calls.lk_wasm_preparation_name);
    const arch = text(TEXT.arch);
    const names = text(TEXT.names);
    this.info = Object.freeze({
      arch,
      shape: Object.freeze(shape),
      latent: this.#latent,
      parameters: number(NUMBER.parameters),
      title: text(TEXT.title),
      family: text(TEXT.family),
      data: text(TEXT.data),
      weights: text(TEXT.weights),
      output: OUTPUTS[number(NUMBER.output)],
      classes: number(NUMBER.classes),
      names: Object.freeze(names ? names.split('\n') : []),
      labels: Number(/ embed (\d+)/.exec(arch)?.[1] ?? 0),
      labelled: number(NUMBER.labelled) !== 0,
      codes: number(NUMBER.codes),
      codebook: number(NUMBER.codebook),
      alpha: number(NUMBER.alpha),
      preparations: /** @type {Preparation[]} */ (
        this.#preparations.filter((_, i) => calls.lk_wasm_calibration_count(this.#handle, i) > 0)
      ),
    });
  }

  /**
   * Judges a picture, or an input that is prepared already.
   * @param {Picture | Float32Array} input
   * @param {{alpha?: number, preparation?: Preparation}} [options] `alpha` is the share of false
   *   alarms to live with, `info.alpha` unless given; a drawing needs preparation 'ink'
   * @returns {Result}
   */
  check(input, options = {}) {
    const { alpha = this.info.alpha, preparation = 'image' } = given(options);
    const calls = this.#use();
    const how = this.#preparation(preparation);
    if (typeof alpha !== 'number' || !(alpha > 0 && alpha < 1))
      misuse('alpha must lie between 0 and 1');
    if (input instanceof Float32Array) {
      this.#write(input, VIEW.x, this.#pixels, 'the input');
      this.#engine.must(calls.lk_wasm_check_input(this.#handle, how, alpha));
    } else {
      const { width, height, channels } = this.#picture(input);
      this.#engine.must(calls.lk_wasm_check(this.#handle, how, width, height, channels, alpha));
      this.#trimInbox(input);
    }
    const [verdict, p, score, ...rest] = this.#doubles(3 + 3 * this.#evidences.length);
    const scores = Object.fromEntries(
      this.#evidences
        .map((name, i) => {
          const [value, p, surprise] = rest.slice(3 * i, 3 * i + 3);
          return /** @type {const} */ ([name, { value, p, surprise }]);
        })
        .filter((_, i) => calls.lk_wasm_has_evidence(this.#handle, how, i)),
    );
    return { verdict: /** @type {Verdict} */ (this.#verdicts[verdict]), p, score, scores };
  }

  /**
   * The model's input made of a picture; `empty` says that there is nothing to judge.
   * @param {Picture} input @param {{preparation?: Preparation}} [options]
   * @returns {{x: Float32Array, empty: boolean}}
   */
  prepare(input, options = {}) {
    const { preparation = 'image' } = given(options);
    const calls = this.#use();
    const how = this.#preparation(preparation);
    const { width, height, channels } = this.#picture(input);
    this.#engine.must(calls.lk_wasm_prepare(this.#handle, how, width, height, channels));
    this.#trimInbox(input);
    return { x: this.#floats(VIEW.x, this.#pixels).slice(), empty: this.#doubles(1)[0] !== 0 };
  }

  /**
   * Codes of one input or of several, one after the other.
   * @param {Float32Array} x
   * @param {{label?: number, out?: Float32Array}} [options] `out` is an earlier result for as many
   *   inputs, to be written over: to get new memory may take a page longer than a small network
   */
  encode(x, options = {}) {
    const call = { name: 'lk_wasm_encode', label: this.#label(options) };
    const results = [{ view: VIEW.z, size: this.#latent, out: options.out }];
    return this.#batches(call, x, VIEW.x, this.#pixels, 'the input', results)[0];
  }

  /**
   * Images of one code or of several.
   * @param {Float32Array} z
   * @param {{label?: number, out?: Float32Array}} [options] `label`, where `info.labels` is not 0, is
   *   what to make of it; `out` as of encode
   */
  decode(z, options = {}) {
    const call = { name: 'lk_wasm_decode', label: this.#label(options) };
    const results = [{ view: VIEW.xHat, size: this.#pixels, out: options.out }];
    return this.#batches(call, z, VIEW.z, this.#latent, 'the code', results)[0];
  }

  /**
   * Codes and images of one input or of several.
   * @param {Float32Array} x
   * @param {{label?: number, out?: {z: Float32Array, image: Float32Array}}} [options] as of decode
   */
  reconstruct(x, options = {}) {
    const call = { name: 'lk_wasm_reconstruct', label: this.#label(options) };
    const { out } = options;
    const [z, image] = this.#batches(call, x, VIEW.x, this.#pixels, 'the input', [
      { view: VIEW.z, size: this.#latent, out: out?.z },
      { view: VIEW.xHat, size: this.#pixels, out: out?.image },
    ]);
    return { z, image };
  }

  /** Which vectors of the codebook make an input's code. @param {Float32Array} x */
  codes(x) {
    const calls = this.#use();
    this.#write(x, VIEW.x, this.#pixels, 'the input');
    this.#engine.must(calls.lk_wasm_codes(this.#handle));
    const at = calls.lk_wasm_view(this.#handle, VIEW.codes);
    return new Uint32Array(this.#engine.memory.buffer, at, this.info.codes).slice();
  }

  /** The probability of each class, `info.classes` an input. @param {Float32Array} x */
  classify(x) {
    const call = { name: 'lk_wasm_classify', label: NO_LABEL };
    const results = [{ view: VIEW.probabilities, size: this.info.classes }];
    return this.#batches(call, x, VIEW.x, this.#pixels, 'the input', results)[0];
  }

  /**
   * Loads the images that neighbours are shown from; returns how many.
   * @param {Source} source @param {Pick<LoadOptions, 'onProgress' | 'signal'>} [options]
   */
  async loadGallery(source, options = {}) {
    this.#use();
    const bytes = await readBytes(source, 'the gallery', given(options));
    const calls = this.#use(); // it may have been disposed of meanwhile
    this.#engine.fillInbox(bytes);
    this.#engine.must(calls.lk_wasm_load_gallery(this.#handle));
    return this.gallerySize;
  }

  /** How many images the gallery has; 0 before it is loaded. */
  get gallerySize() {
    return this.#use().lk_wasm_number(this.#handle, NUMBER.gallery);
  }

  /** One image of the gallery. @param {number} i @returns {Omit<Neighbour, 'distance'>} */
  galleryImage(i) {
    const calls = this.#use();
    if (!Number.isInteger(i) || i < 0 || i >= this.gallerySize) misuse('no such gallery image');
    const label = calls.lk_wasm_gallery_label(this.#handle, i);
    const pixels = calls.lk_wasm_gallery_pixels(this.#handle, i);
    return {
      index: i,
      origin: calls.lk_wasm_gallery_origin(this.#handle, i),
      label: label < 0 ? null : label,
      name: this.info.names[label] || null,
      thumbnail: new Uint8Array(this.#engine.memory.buffer, pixels, this.#pixels).slice(),
    };
  }

  /**
   * The known images nearest to an input, by their codes.
   * @param {Float32Array} x @param {{k?: number, metric?: 'l2' | 'cosine'}} [options]
   * @returns {Neighbour[]}
   */
  neighbours(x, options = {}) {
    const { k = 8, metric = 'cosine' } = given(options);
    const calls = this.#use();
    if (!Number.isInteger(k) || k < 1 || k > MAX_NEIGHBOURS)
      misuse(`k must be a whole number from 1 to ${MAX_NEIGHBOURS}`);
    const by = METRICS.indexOf(metric);
    if (by < 0) misuse(`metric must be ${METRICS.join(' or ')}`);
    if (this.gallerySize === 0) misuse('no gallery is loaded');
    this.#write(x, VIEW.x, this.#pixels, 'the input');
    this.#engine.must(calls.lk_wasm_encode(this.#handle, 1, NO_LABEL));
    const found = calls.lk_wasm_neighbours(this.#handle, by, k);
    if (found < 0) throw this.#engine.lastError();
    const at = calls.lk_wasm_view(this.#handle, VIEW.neighbours);
    const list = new DataView(this.#engine.memory.buffer, at, found * 8); // {uint32 index, float distance}
    return Array.from({ length: found }, (_, i) => ({
      ...this.galleryImage(list.getUint32(8 * i, true)),
      distance: list.getFloat32(8 * i + 4, true),
    }));
  }

  /**
   * The ascending scores of the held-out images behind the p-values; none if not calibrated so.
   * @param {Preparation} [preparation]
   */
  calibration(preparation = 'image') {
    const calls = this.#use();
    const how = this.#preparation(preparation);
    const count = calls.lk_wasm_calibration_count(this.#handle, how);
    if (count === 0) return new Float32Array();
    const at = calls.lk_wasm_calibration(this.#handle, how);
    return new Float32Array(this.#engine.memory.buffer, at, count).slice();
  }

  /** Gives the memory back; any later use throws. */
  dispose() {
    if (this.#handle) this.#engine.calls.lk_wasm_free(this.#handle);
    this.#handle = 0;
  }

  #use() {
    if (!this.#handle) misuse('the model has been disposed of');
    return this.#engine.calls;
  }

  /** @param {string} preparation */
  #preparation(preparation) {
    const i = this.#preparations.indexOf(preparation);
    if (i < 0) misuse(`preparation must be ${this.#preparations.join(' or ')}`);
    return i;
  }

  /** @param {{label?: number}} options */
  #label(options) {
    const { label } = given(options);
    this.#use();
    if (label === undefined) return NO_LABEL;
    const { labels } = this.info;
    if (labels === 0) misuse('this model takes no label');
    if (!Number.isInteger(label) || label < 0 || label >= labels)
      misuse(`label must be a whole number from 0 to ${labels - 1}`);
    return label;
  }

  /** @param {Picture} picture */
  #trimInbox({ data }) {
    if (data.length > KEPT_INBOX) this.#engine.calls.lk_wasm_inbox(0);
  }

  /** Checks a picture and puts it into the inbox. @param {Picture} picture */
  #picture(picture) {
    if (typeof picture !== 'object' || picture === null)
      misuse('a picture {data, width, height} or a Float32Array is needed');
    const { data, width, height, channels = 4 } = picture;
    if (![width, height].every((side) => Number.isInteger(side) && side > 0 && side <= MAX_SIDE))
      misuse(`a picture's sides must be whole numbers from 1 to ${MAX_SIDE}`);
    if (![1, 3, 4].includes(channels)) misuse('a picture has 1, 3 or 4 channels');
    if (!(data instanceof Uint8ClampedArray || data instanceof Uint8Array))
      misuse("a picture's data must be a Uint8ClampedArray or Uint8Array");
    if (!(data.buffer instanceof ArrayBuffer)) misuse("the picture's buffer is shared");
    if (data.length !== width * height * channels)
      misuse(`${width * height * channels} bytes are needed, the picture has ${data.length}`);
    this.#engine.fillInbox(data);
    return { width, height, channels };
  }

  /**
   * Checks one or more vectors and copies them in.
   * @param {Float32Array} values @param {number} view @param {number} size @param {string} what
   */
  #write(values, view, size, what) {
    if (!(values instanceof Float32Array)) misuse(`${what} must be a Float32Array`);
    if (!(values.buffer instanceof ArrayBuffer)) misuse(`the buffer of ${what} is shared`);
    if (values.length !== size) misuse(`${what} must have ${size} values, not ${values.length}`);
    this.#floats(view, size).set(values);
    const wrong = this.#engine.calls.lk_wasm_not_finite(this.#handle, view, size);
    if (wrong >= 0) throw new LikenessError('data', `${what} is not finite at ${wrong}`);
  }

  /** @param {number} view @param {number} count */
  #floats(view, count) {
    const at = this.#engine.calls.lk_wasm_view(this.#handle, view);
    return new Float32Array(this.#engine.memory.buffer, at, count);
  }

  /** @param {number} count */
  #doubles(count) {
    const at = this.#engine.calls.lk_wasm_view(this.#handle, VIEW.result);
    return [...new Float64Array(this.#engine.memory.buffer, at, count)];
  }

  /**
   * Runs vectors of `size` through a call, as many at a time as the workspace holds.
   * @param {{name: string, label: number}} call
   * @param {Float32Array} values @param {number} view @param {number} size
   * @param {string} what
   * @param {{view: number, size: number, out?: Float32Array}[]} results of each input
   */
  #batches(call, values, view, size, what, results) {
    const calls = this.#use();
    if (!(values instanceof Float32Array)) misuse(`${what} must be a Float32Array`);
    const n = values.length / size;
    if (!Number.isInteger(n) || n < 1)
      misuse(`${what} must have ${size} values, or a multiple, not ${values.length}`);
    const all = results.map(({ size: each, out = new Float32Array(n * each) }) => {
      if (!(out instanceof Float32Array) || out.length !== n * each)
        misuse(`out must be a Float32Array of ${n * each} values`);
      return out;
    });
    for (let first = 0; first < n; first += this.#batch) {
      const count = Math.min(this.#batch, n - first);
      this.#write(values.subarray(first * size, (first + count) * size), view, count * size, what);
      this.#engine.must(calls[call.name](this.#handle, count, call.label));
      results.forEach(({ view: from, size: each }, i) => {
        all[i].set(this.#floats(from, count * each), first * each);
      });
    }
    return all;
  }
}

/**
 * Loads a model file.
 * @param {Source} source
 * @param {LoadOptions} [options]
 */
export async function load(source, options = {}) {
  given(options);
  const stop = new AbortController(); // when one half fails, the other is not to go on
  const abort = () => stop.abort(options.signal?.reason);
  options.signal?.throwIfAborted();
  options.signal?.addEventListener('abort', abort);
  const both = { ...options, signal: stop.signal };
  try {
    const [bytes, instance] = await Promise.all([
      readBytes(source, 'the model', both),
      instantiate(both, new URL('./likeness.wasm', import.meta.url)),
    ]);
    stop.signal.throwIfAborted();
    return new Model(instance, bytes);
  } catch (error) {
    stop.abort(error);
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

/**
 * Begins a training, from new weights on; see trainer.mjs, which is fetched by this.
 * @param {import('./trainer.mjs').TrainOptions} options
 */
export async function createTrainer(options) {
  const trainer = await import('./trainer.mjs');
  return trainer.createTrainer(options);
}
