// E2: what a page must fetch before the first result, and how long that takes in a fresh browser.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, interleave } from './measure.mjs';
import { launch, serve } from './serve.mjs';
import { makePeers, modelOf } from './wasm.mjs';

/** @typedef {import('./measure.mjs').Row} Row */
/** @typedef {import('./measure.mjs').Settings} Settings */

const MEGABIT = 125_000; // bytes a second
const LATENCY = 40; // ms

const ours = join(build, 'wasm');
const npm = join(build, 'peers/node_modules');
const dist = {
  ort: join(npm, 'onnxruntime-web/dist'),
  tfjs: join(npm, '@tensorflow/tfjs-backend-wasm/dist'),
};
const preload = (/** @type {string[]} */ ...urls) =>
  urls.map((url) => `<link rel=preload as=fetch crossorigin href=${url}>`).join('');
const INPUT = 'new Float32Array(784).fill(0.5)';
const DONE = 'window.first = performance.now()';

/** Code and page of each side; the page is about the network A and asks for all it can at once. */
const SIDES = {
  likeness: {
    code: ['likeness.wasm', 'likeness.mjs', 'engine.mjs'].map((name) => join(ours, name)),
    page: `<link rel=modulepreload href=/wasm/likeness.mjs><link rel=modulepreload href=/wasm/engine.mjs>
      ${preload('/wasm/likeness.wasm', '/made/A.safetensors')}
      <script type=module>
        import { load } from '/wasm/likeness.mjs';
        const model = await load('/made/A.safetensors');
        model.reconstruct(${INPUT});
        ${DONE};
      </script>`,
  },
  tfjs: {
    code: [join(build, 'peers/made/tfjs.js'), join(dist.tfjs, 'tfjs-backend-wasm-simd.wasm')],
    page: `${preload('/npm/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm', '/peers/A.weights')}
      <script src=/peers/tfjs.js></script>
      <script type=module>
        tf.setWasmPaths('/npm/@tensorflow/tfjs-backend-wasm/dist/');
        tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
        const fetched = fetch('/peers/A.weights');
        await tf.setBackend('wasm');
        const all = new Float32Array(await (await fetched).arrayBuffer());
        let at = 0;
        const take = (...shape) => {
          const n = shape.reduce((a, b) => a * b);
          at += n;
          return tf.tensor(all.subarray(at - n, at), shape);
        };
        const link = (a, b, bias, activation) => tf.fused.matMul({ a, b, bias, activation });
        const code = link(tf.tensor(${INPUT}, [1, 784]), take(784, 64), take(64), 'relu');
        link(code, take(64, 784), take(784), 'sigmoid').dataSync();
        ${DONE};
      </script>`,
  },
  onnxruntime: {
    code: ['ort.wasm.min.js', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm'].map(
      (name) => join(dist.ort, name),
    ),
    page: `${preload('/npm/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm', '/peers/A.onnx')}
      <script src=/npm/onnxruntime-web/dist/ort.wasm.min.js></script>
      <script type=module>
        ort.env.wasm.wasmPaths = '/npm/onnxruntime-web/dist/';
        ort.env.wasm.numThreads = 1;
        const session = await ort.InferenceSession.create('/peers/A.onnx');
        await session.run({ x: new ort.Tensor('float32', ${INPUT}, [1, 784]) });
        ${DONE};
      </script>`,
  },
};
/** @typedef {keyof typeof SIDES} Side */

/** Milliseconds to a page's first result in a browser that has just started.
 * @param {string} url @param {number} megabits a second; 0: as fast as it goes */
async function firstResult(url, megabits) {
  const browser = await launch();
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(`${url}: ${error}`));
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  if (megabits)
    await session.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: LATENCY,
      downloadThroughput: megabits * MEGABIT,
      uploadThroughput: megabits * MEGABIT,
    });
  await page.goto(url, { waitUntil: 'commit' });
  await page.waitForFunction('window.first', undefined, { timeout: 60_000 });
  const ms = Number(await page.evaluate('window.first'));
  await browser.close();
  return ms;
}

/** @param {Settings} settings @returns {Promise<Row[]>} */
export async function coldPage({ peers, rounds }) {
  modelOf('A');
  if (peers) makePeers();
  const names = /** @type {Side[]} */ (peers ? Object.keys(SIDES) : ['likeness']);
  const gzipped = (/** @type {Side} */ name) =>
    SIDES[name].code.reduce(
      (sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length,
      0,
    );
  /** @type {Row[]} */
  const rows = [];
  const common = { work: 'E2', less: true };
  for (const peer of peers ? names.slice(1) : [undefined])
    rows.push({
      ...common,
      what: 'code, gzip -9',
      unit: 'bytes',
      ours: [gzipped('likeness')],
      ...(peer ? { peer: [gzipped(peer)], peerName: peer } : {}),
      goal: { atMost: 70_000 },
    });
  const server = await serve(Object.fromEntries(names.map((name) => [name, SIDES[name].page])));
  for (const name of names) await firstResult(`${server.url}/${name}`, 0); // all is compressed then
  for (const megabits of [10, 0]) {
    const { figures, others } = await interleave(
      rounds,
      Object.fromEntries(
        names.map((name) => [name, () => firstResult(`${server.url}/${name}`, megabits)]),
      ),
    );
    for (const peer of peers ? names.slice(1) : [undefined])
      rows.push({
        ...common,
        what: `cold page to first result, ${megabits ? `${megabits} Mbit/s` : 'localhost'}`,
        unit: 'ms',
        ours: figures.likeness,
        ...(peer ? { peer: figures[peer], peerName: peer } : {}),
        goal: megabits ? { atMost: 600 } : undefined,
        others,
      });
  }
  server.close();
  return rows;
}
