// WASM on one thread, in Node and in Chromium: inference beside onnxruntime-web and TensorFlow.js,
// and the products by themselves.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build, folder, here, interleave, likeness, median, root, worker } from './measure.mjs';
import { openPages } from './serve.mjs';
import { WORKS } from './training.mjs';

/** @typedef {import('./measure.mjs').Row} Row */
/** @typedef {import('./measure.mjs').Settings} Settings */

const made = join(build, 'peers/made');

/** A model of a work, hardly trained: speed does not depend on it. @param {string} name */
export function modelOf(name) {
  const file = join(folder, `${name}.safetensors`);
  if (existsSync(file)) return file;
  const { family, data } = WORKS[name];
  const bare = ['--limit', '64', '--epochs', '1', '--holdout', '0', '--gallery', '0'];
  likeness('train', family, '--data', data, ...bare, '--no-calibrate', '--out', file);
  return file;
}

const PACKAGES = [
  'onnxruntime-web@1.30.0',
  ...['core', 'layers', 'backend-wasm'].map((name) => `@tensorflow/tfjs-${name}@4.22.0`),
];

/** The peers' packages, installed unless they are. */
export function installPeers() {
  if (existsSync(join(build, 'peers/node_modules'))) return;
  mkdirSync(join(build, 'peers'), { recursive: true });
  writeFileSync(join(build, 'peers/package.json'), '{ "private": true }');
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...quiet, ...PACKAGES], { cwd: join(build, 'peers') });
}

/** The peers' packages; networks as ONNX, weights as they are, TensorFlow.js in one file for pages. */
export function makePeers() {
  mkdirSync(made, { recursive: true });
  installPeers();
  if (!existsSync(join(made, 'C.onnx')))
    execFileSync('/usr/bin/python3', ['-B', join(here, 'torch_onnx.py'), made]);
  const weights = Float32Array.from(
    { length: 64 * 785 + 784 * 65 },
    () => Math.random() / 10 - 0.05,
  );
  writeFileSync(join(made, 'A.weights'), weights);
  bundle(
    'tfjs',
    `export * from '@tensorflow/tfjs-core';
    export { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';`,
  );
  bundle(
    'tfjs-layers',
    `export * as tf from '@tensorflow/tfjs-core';
    export * as layers from '@tensorflow/tfjs-layers';
    export { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';`,
  );
}

/** One script of what a page imports, under a global name. @param {string} name @param {string} contents */
function bundle(name, contents) {
  const outfile = join(made, `${name}.js`);
  if (existsSync(outfile)) return;
  const { buildSync } = createRequire(join(root, 'web/package.json'))('esbuild');
  buildSync({
    stdin: { contents, resolveDir: join(build, 'peers') },
    ...{ bundle: true, minify: true, format: 'iife', globalName: 'tf', platform: 'browser' },
    ...{ define: { 'process.env.NODE_ENV': '"production"' }, outfile, logLevel: 'error' },
  });
}

/** @type {Record<'Node' | 'Chromium', (settings: Settings, work: string) => Promise<Place>>} */
const PLACES = { Node: inNode, Chromium: inChromium };
/** A place's sides, to be asked for images/s of batches, and the end of it.
 * @typedef {{sides: Record<string, (n: number) => Promise<number>>, end: () => Promise<void>}} Place */

/** @param {Settings} settings @param {string} work @returns {Promise<Place>} */
async function inNode({ peers }, work) {
  const script = join(here, 'node_side.mjs');
  const workers = Object.fromEntries(
    ['likeness', ...(peers ? ['onnxruntime', 'tfjs'] : [])].map((name) => {
      const model = name === 'likeness' ? modelOf(work) : join(made, `${work}.onnx`);
      return [name, worker(process.execPath, [script, name, work, model])];
    }),
  );
  return {
    sides: Object.fromEntries(
      Object.entries(workers).map(([name, { ask }]) => [name, (n) => ask(n)]),
    ),
    async end() {
      for (const { end } of Object.values(workers)) await end();
    },
  };
}

/** How a page gets the parts of each side. @type {Record<string, (work: string) => string>} */
const PARTS = {
  likeness: (work) =>
    `{ likeness: await import('/wasm/likeness.mjs'), model: '/made/${work}.safetensors' }`,
  onnxruntime: (work) => `(ort.env.wasm.wasmPaths = '/npm/onnxruntime-web/dist/',
    ort.env.wasm.numThreads = 1, { ort, model: '/peers/${work}.onnx' })`,
  tfjs: () => `(tf.setWasmPaths('/npm/@tensorflow/tfjs-backend-wasm/dist/'),
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false), await tf.setBackend('wasm'), { tf })`,
};
/** The same for training. @type {Record<string, string>} */
const TRAINING_PARTS = {
  likeness: `{ likeness: await import('/wasm/likeness.mjs') }`,
  tfjs: `(tf.setWasmPaths('/npm/@tensorflow/tfjs-backend-wasm/dist/'),
    tf.tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false), await tf.tf.setBackend('wasm'), tf)`,
};
/** @type {Record<string, string>} */
const SCRIPTS = {
  likeness: '',
  onnxruntime: '<script src=/npm/onnxruntime-web/dist/ort.wasm.min.js></script>',
  tfjs: '<script src=/peers/tfjs.js></script>',
};

/** @param {Settings} settings @param {string} work @returns {Promise<Place>} */
async function inChromium({ peers }, work) {
  modelOf(work);
  const { asks, end } = await openPages(
    Object.fromEntries(
      ['likeness', ...(peers ? ['onnxruntime', 'tfjs'] : [])].map((name) => [
        name,
        `${SCRIPTS[name]}<script type=module>
          import { open } from '/bench/sides.mjs';
          window.ask = await open('${name}', '${work}', ${PARTS[name](work)});</script>`,
      ]),
    ),
  );
  return { sides: asks, end };
}

const GOALS = /** @type {Record<string, Record<number, number>>} */ ({
  A: { 1: 2, 256: 2 },
  B: { 1: 1.3, 256: 1.8 },
  C: { 1: 1.8, 256: 1.5 },
});
/** Operations for an image. @type {Record<string, number>} */
const FLOPS = {
  A: 2 * 2 * 784 * 64,
  B: 4 * (784 * 1000 + 1000 * 500 + 500 * 250 + 250 * 30),
  C: 2 * (196 * 9 * 32 + 49 * 288 * 64 + 3136 * 256 + 256 * 64),
};

/** E: one image and a batch of 256, beside the faster of the peers. @param {Settings} settings */
export async function inference(settings) {
  if (settings.peers) makePeers();
  /** @type {Row[]} */
  const rows = [];
  for (const place of /** @type {const} */ (['Node', 'Chromium']))
    for (const work of Object.keys(GOALS)) {
      const { sides, end } = await PLACES[place](settings, work);
      for (const n of [1, 256]) {
        const contenders = Object.fromEntries(
          Object.entries(sides).map(([name, ask]) => [name, () => ask(n)]),
        );
        const { figures, others } = await interleave(settings.rounds, contenders);
        const { likeness: ours, ...theirs } = figures;
        const [best] = Object.entries(theirs).sort(([, a], [, b]) => median(b) - median(a));
        const what = `${work}${work === 'C' ? "'s encoder" : ''}, ${n === 1 ? 'one image' : `batch of ${n}`}`;
        rows.push({
          work: 'E',
          what: `${what}, ${place}`,
          unit: 'images/s',
          ours,
          ...(best ? { peer: best[1], peerName: best[0] } : {}),
          goal: { ratio: GOALS[work][n] },
          flops: FLOPS[work],
          peak: settings.wasmPeak,
          others,
        });
      }
      await end();
    }
  return rows;
}

// ---- training ----

/** What TensorFlow.js is to be outrun by, or images/s where it cannot. */
const TRAINING = /** @type {Record<string, Row['goal']>} */ ({
  A: { ratio: 8 },
  B: { ratio: 7 },
  C: { atLeast: 1200 },
});

/** E3: training, beside TensorFlow.js where that can. @param {Settings} settings */
export async function wasmTraining(settings) {
  if (settings.peers) makePeers();
  /** @type {Row[]} */
  const rows = [];
  for (const work of Object.keys(TRAINING)) {
    const names = ['likeness', ...(settings.peers && work !== 'C' ? ['tfjs'] : [])];
    const workers = names.map((name) =>
      worker(process.execPath, [join(here, 'node_side.mjs'), name, work]),
    );
    const { asks, end } = await openPages(
      Object.fromEntries(
        names.map((name) => [
          name,
          `${name === 'tfjs' ? '<script src=/peers/tfjs-layers.js></script>' : ''}<script type=module>
            import { openTraining } from '/bench/train_sides.mjs';
            window.ask = await openTraining('${name}', '${work}', ${TRAINING_PARTS[name]});</script>`,
        ]),
      ),
    );
    const { figures, others } = await interleave(
      settings.rounds,
      Object.fromEntries(
        names.flatMap((name, i) => [
          [`${name} Node`, () => workers[i].ask(0.5)],
          [`${name} Chromium`, () => asks[name](0.5)],
        ]),
      ),
    );
    for (const { end: stop } of workers) await stop();
    await end();
    for (const place of ['Node', 'Chromium'])
      rows.push({
        work: 'E3',
        what: `train ${work}, ${place}`,
        unit: 'images/s',
        ours: figures[`likeness ${place}`],
        peer: figures[`tfjs ${place}`],
        ...(names.length > 1 ? { peerName: 'tfjs' } : {}),
        goal: TRAINING[work],
        flops: WORKS[work].flops,
        peak: settings.wasmPeak,
        others,
      });
  }
  return rows;
}

// ---- products ----

/** Builds products_wasm.c around the kernels of likeness.wasm. */
function buildProducts() {
  const file = join(folder, 'products.wasm');
  if (existsSync(file)) return file;
  const flags = ['-std=c11', '-O2', '-DNDEBUG', '-msimd128', '-ffp-contract=off'];
  const defines = ['-DLK_VARIANT_wasm', '-DLK_HAVE_wasm', '-I', join(root, 'src')];
  const sources = ['linear', 'cpu', 'alloc', 'base', 'rng'].map((name) =>
    join(root, `src/${name}.c`),
  );
  execFileSync('emcc', [
    ...[...flags, ...defines, '-sSTANDALONE_WASM', '--no-entry', '-sALLOW_MEMORY_GROWTH'],
    ...[join(here, 'products_wasm.c'), ...sources, join(build, 'wasm/kernels.o'), '-o', file],
  ]);
  return file;
}

/** Products of batches of 256, in both places. @param {Settings} settings */
export async function wasmProducts({ rounds, wasmPeak }) {
  const file = buildProducts();
  const node = worker(process.execPath, [join(here, 'node_products.mjs'), file]);
  const { asks, end } = await openPages({
    products: `<script type=module>
      import { openProducts } from '/bench/sides.mjs';
      window.ask = await openProducts(await (await fetch('/made/products.wasm')).arrayBuffer());
      </script>`,
  });
  /** @type {Row[]} */
  const rows = [];
  for (const sizes of [
    [256, 784, 64],
    [256, 64, 784],
    [256, 784, 1000],
    [256, 1000, 500],
    [256, 3136, 256],
  ]) {
    const { figures, others } = await interleave(rounds, {
      Node: () => node.ask(JSON.stringify(sizes)),
      Chromium: () => asks.products(sizes),
    });
    for (const place of /** @type {const} */ (['Node', 'Chromium']))
      rows.push({
        work: 'wasm-gemm',
        what: `${sizes.join(' x ')}, ${place}`,
        unit: 'GF/s',
        ours: figures[place],
        flops: 1e9,
        peak: wasmPeak,
        goal: { atLeast: (45 / 57) * wasmPeak }, // 45 where 57 is the most
        others,
      });
  }
  await node.end();
  await end();
  return rows;
}
