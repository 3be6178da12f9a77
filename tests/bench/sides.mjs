// Likeness and its peers as functions from images to images or codes, in Node and in a page alike;
// and how fast they are.

/** @typedef {(x: Float32Array, n: number) => Float32Array | Promise<Float32Array>} Run */
/** What a side is made of: modules loaded by the caller, and URLs, paths or bytes.
 * @typedef {{likeness?: typeof import('likeness'), ort?: any, tf?: any, layers?: any, model?: any}} Parts */

/** The networks of A, B and C's encoder for TensorFlow.js: links as in torch_nets.py. */
export const NETWORKS = {
  A: ['dense 64 relu', 'dense 784 sigmoid'],
  B: [
    ...['dense 1000 relu', 'dense 500 relu', 'dense 250 relu', 'dense 30 linear'],
    ...['dense 250 relu', 'dense 500 relu', 'dense 1000 relu', 'dense 784 sigmoid'],
  ],
  C: ['conv 32 relu', 'conv 64 relu', 'dense 256 relu', 'dense 64 linear'],
};
const SHAPES = { A: [784], B: [784], C: [28, 28, 1] };

/** @typedef {keyof typeof NETWORKS} Work */

/** Fused operations, which are faster than the layers' own `predict`. @param {any} tf @param {Work} work */
function fused(tf, work) {
  let [height, , channels = 0] = SHAPES[work];
  let values = channels ? 0 : height;
  const links = NETWORKS[work].map((link) => {
    const [name, size, how] = link.split(' ');
    const units = Number(size);
    const activation = how === 'linear' ? undefined : how;
    const bias = tf.zeros([units]);
    if (name === 'conv') {
      const filter = tf.randomNormal([3, 3, channels, units], 0, 0.1);
      channels = units;
      height /= 2;
      return (/** @type {any} */ x) =>
        tf.fused.conv2d({ x, filter, strides: 2, pad: 'same', bias, activation });
    }
    const size2d = values || height * height * channels;
    values = units;
    const b = tf.randomNormal([size2d, units], 0, 0.05);
    return (/** @type {any} */ x) =>
      tf.fused.matMul({ a: tf.reshape(x, [-1, size2d]), b, bias, activation });
  });
  return (/** @type {any} */ x) => links.reduce((value, link) => link(value), x);
}

/** @type {Record<string, (parts: Parts, work: Work) => Promise<Run>>} */
const SIDES = {
  async likeness({ likeness, model }, work) {
    const loaded = await /** @type {typeof import('likeness')} */ (likeness).load(model);
    /** @type {{n?: number, z?: Float32Array, both?: {z: Float32Array, image: Float32Array}}} */
    let last = {}; // to be written over, which onnxruntime-web cannot be asked for
    return (x, n) => {
      if (last.n !== n) last = { n };
      if (work !== 'C') last.both = loaded.reconstruct(x, { out: last.both });
      else last.z = loaded.encode(x, { out: last.z });
      return last.both?.image ?? last.z ?? new Float32Array();
    };
  },
  async onnxruntime({ ort, model }, work) {
    const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] });
    const shape = work === 'C' ? [1, 28, 28] : [784];
    return async (x, n) =>
      (await session.run({ x: new ort.Tensor('float32', x, [n, ...shape]) })).y.data;
  },
  async tfjs({ tf }, work) {
    const run = fused(tf, work);
    return (x, n) => tf.tidy(() => run(tf.tensor(x, [n, ...SHAPES[work]])).dataSync());
  },
};

/** Three quarters of the pixels are black, as in digits. @param {number} n */
export function images(n) {
  const x = new Float32Array(n * 784);
  let state = 1;
  for (let i = 0; i < x.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    x[i] = state >>> 30 ? 0 : (state & 255) / 255;
  }
  return x;
}

/**
 * A side that can be asked for its speed: images/s of batches of n, over some tenths of a second.
 * @param {string} name @param {Work} work @param {Parts} parts
 */
export async function open(name, work, parts) {
  const run = await SIDES[name](parts, work);
  return async (/** @type {number} */ n, seconds = 0.12) => {
    const x = images(n);
    for (const end = performance.now() + 30; performance.now() < end; ) await run(x, n);
    let times = 0;
    let now = performance.now();
    const start = now;
    for (; now < start + seconds * 1000; times++, now = performance.now()) {
      const y = await run(x, n);
      if (y.length % n || !Number.isFinite(y[0]))
        throw new Error(`${name} made nothing of ${work}`);
    }
    return (times * n * 1000) / (now - start);
  };
}

/**
 * GF/s of products [m][k] x [k][n], by products_wasm.c.
 * @param {BufferSource} bytes
 */
export async function openProducts(bytes) {
  const { instance } = await WebAssembly.instantiate(bytes, {
    env: { emscripten_notify_memory_growth() {} },
  });
  const calls = /** @type {Record<string, (...numbers: number[]) => number>} */ (
    /** @type {unknown} */ (instance.exports)
  );
  calls._initialize?.();
  return (/** @type {number[]} */ [m, k, n]) => {
    const run = (/** @type {number} */ times) => {
      const start = performance.now();
      if (!calls.product(m, k, n, times)) throw new Error('out of memory');
      return (performance.now() - start) / 1000;
    };
    let times = 1;
    while (run(times) < 0.1) times *= 2;
    return (2 * m * k * n * times) / run(times) / 1e9;
  };
}

/**
 * Milliseconds that the ten nearest of a gallery take, the query's code included.
 * @param {typeof import('likeness')} likeness @param {string} model @param {string} gallery
 */
export async function openSearch(likeness, model, gallery) {
  const loaded = await likeness.load(model);
  await loaded.loadGallery(gallery);
  return (/** @type {'l2' | 'cosine'} */ metric, queries = 100) => {
    const x = images(queries);
    const start = performance.now();
    for (let i = 0; i < queries; i++) {
      const query = x.subarray(784 * i, 784 * (i + 1));
      if (loaded.neighbours(query, { k: 10, metric }).length !== 10) throw new Error('too few');
    }
    return (performance.now() - start) / queries;
  };
}
