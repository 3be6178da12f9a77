// likeness.mjs: every way in, every misuse, and that a misuse changes nothing for the next call.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { likeness, modelFile, wasmFile, without } from './artefacts.mjs';

const { createTrainer, LikenessError, load } = likeness;
const skip = without('digits');
const file = modelFile('digits');
const bytes = skip ? new Uint8Array() : new Uint8Array(readFileSync(file));

const slope = () => Float32Array.from({ length: 784 }, (_, i) => (i % 28) / 28);
const grey = () => ({ data: new Uint8Array(784).fill(77), width: 28, height: 28, channels: 1 });

/** @param {string} status @param {RegExp} message */
function failure(status, message) {
  return (/** @type {unknown} */ error) =>
    error instanceof LikenessError && error.status === status && message.test(error.message);
}

/** Any value, where only some are allowed. @param {unknown} value @returns {any} */
const wrong = (value) => value;

/** @param {ArrayBuffer} buffer */
function detach(buffer) {
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

test('a model comes from a path, URL, Response or bytes', { skip }, async () => {
  const server = createServer((_, response) => response.end(bytes));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  const http = `http://127.0.0.1:${address.port}/digits`;
  try {
    const expected = (await load(bytes)).check(slope());
    const sources = [file, pathToFileURL(file), String(pathToFileURL(file)), http, new URL(http)];
    for (const source of [...sources, await fetch(http), bytes.slice().buffer])
      assert.deepEqual((await load(source)).check(slope()), expected);
  } finally {
    server.close();
  }
});

test('the WASM module comes from a URL, Response, bytes or compiled', { skip }, async () => {
  const wasm = readFileSync(wasmFile);
  const response = new Response(wasm, { headers: { 'content-type': 'application/wasm' } });
  const compiled = await WebAssembly.compile(wasm);
  for (const source of [
    pathToFileURL(wasmFile),
    wasmFile,
    response,
    new Uint8Array(wasm),
    compiled,
  ])
    assert.equal((await load(bytes, { wasm: source })).info.title, 'digits');
});

test('loading tells how far it is, and can be stopped', { skip }, async () => {
  /** @type {{loaded: number, total: number | null}[]} */
  const seen = [];
  const headers = { 'content-length': String(bytes.length) };
  const onProgress = (/** @type {{loaded: number, total: number | null}} */ at) => seen.push(at);
  await load(new Response(bytes, { headers }), { onProgress });
  assert.deepEqual(seen.at(-1), { loaded: bytes.length, total: bytes.length });
  await assert.rejects(load(file, { signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('what the model says of itself', { skip }, async () => {
  const { info } = await load(bytes);
  assert.deepEqual(info.shape, { channels: 1, height: 28, width: 28 });
  assert.equal(info.title, 'digits');
  assert.match(info.arch, /^1x28x28 > .*\|/);
  assert.match(info.weights, /^[0-9a-f]{64}$/);
  assert.ok(info.parameters > 1000 && info.latent > 1);
  assert.ok(info.preparations.includes('image') && info.preparations.includes('ink'));
});

test('classes have names where their data had', { skip: skip || without('fashion') }, async () => {
  assert.deepEqual((await load(bytes)).info.names, []);
  const fashion = await load(modelFile('fashion'));
  assert.deepEqual([fashion.info.names.length, fashion.info.names[9]], [10, 'Boot']);
  await fashion.loadGallery(modelFile('fashion').replace(/(\.safetensors)$/, '.gallery$1'));
  const { label, name } = fashion.galleryImage(0);
  assert.equal(name, fashion.info.names[Number(label)]);
  const [near] = fashion.neighbours(slope(), { k: 1 });
  assert.equal(near.name, fashion.info.names[Number(near.label)]);
});

test('the pieces of evidence say what they add, and a model its own alpha', { skip }, async () => {
  const model = await load(bytes);
  assert.equal(model.info.alpha, 0.01);
  const { scores } = model.check(slope());
  for (const { p, surprise } of Object.values(scores)) {
    // -log of how common it is, which p counts: within the one held-out image more or less.
    assert.ok(surprise >= 0 && Number.isFinite(surprise));
    assert.ok(p < 0.03 || Math.abs(surprise + Math.log(p)) < 0.03, `${p}, ${surprise}`);
  }
  // In the header, which is read as it is: "alpha" in place of "title", as long.
  const text = Buffer.from(bytes).toString('latin1');
  const own = text.replace('"title":"digits"', '"alpha":"0.0625"');
  assert.notEqual(own, text);
  const strict = await load(new Uint8Array(Buffer.from(own, 'latin1')));
  assert.equal(strict.info.alpha, 0.0625);
  const same = (/** @type {number} */ alpha) =>
    assert.deepEqual(strict.check(grey(), { alpha }), model.check(grey(), { alpha }));
  same(0.0625);
  const judged = strict.check(slope());
  assert.equal(judged.verdict, judged.p <= 0.0625 ? 'out' : 'in');
  for (const alpha of ['0.0000', '1.0000', '0.06x5']) {
    const wrong = text.replace('"title":"digits"', `"alpha":"${alpha}"`);
    const loading = load(new Uint8Array(Buffer.from(wrong, 'latin1')));
    await assert.rejects(loading, failure('model', /its alpha is not a decimal between 0 and 1/));
  }
});

test('the calibration ascends and gives the p-values', { skip }, async () => {
  const model = await load(bytes);
  const scores = model.calibration();
  assert.ok(scores.every((score, i) => i === 0 || score >= scores[i - 1]));
  const { p, score } = model.check(slope());
  const unusual = scores.filter((other) => other >= score).length;
  assert.equal(p, (1 + unusual) / (scores.length + 1));
});

test('alpha alone moves the verdict', { skip }, async () => {
  const model = await load(bytes);
  const { p } = model.check(slope());
  assert.equal(model.check(slope(), { alpha: Math.min(0.999, p * 1.01) }).verdict, 'out');
  if (p > 0.001) assert.equal(model.check(slope(), { alpha: p * 0.99 }).verdict, 'in');
});

test('a blank image is empty, whatever its form', { skip }, async () => {
  const model = await load(bytes);
  const clear = { data: new Uint8ClampedArray(280 * 280 * 4), width: 280, height: 280 };
  assert.equal(model.check(clear, { preparation: 'ink' }).verdict, 'empty');
  assert.equal(model.prepare(clear, { preparation: 'ink' }).empty, true);
  const white = { data: new Uint8ClampedArray(280 * 280 * 4).fill(255), width: 280, height: 280 };
  assert.equal(model.check(white, { preparation: 'ink' }).verdict, 'empty');
});

test('results are copies', { skip }, async () => {
  const model = await load(bytes);
  const first = model.encode(slope());
  const kept = first.slice();
  model.encode(new Float32Array(784).fill(1));
  assert.deepEqual(first, kept);
});

test('models do not disturb each other', { skip }, async () => {
  const [a, b] = await Promise.all([load(bytes), load(bytes)]);
  const expected = a.check(slope());
  b.check(grey());
  b.dispose();
  assert.deepEqual(a.check(slope()), expected);
});

test('what is no model is refused with a reason', { skip }, async () => {
  const long = bytes.slice();
  new DataView(long.buffer).setBigUint64(0, 1n << 60n, true);
  const cases = [new Uint8Array([1]), bytes.subarray(0, 1000), bytes.subarray(0, -1), long];
  for (const source of cases) await assert.rejects(load(source), failure('model', /\w/));
  await assert.rejects(load(new Response(new Uint8Array())), failure('model', /file ends before/));
  const nan = bytes.slice();
  nan.fill(255, nan.length - 4000);
  await assert.rejects(load(nan), LikenessError);
});

test('wrong sources are refused', { skip }, async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(64));
  for (const source of [null, undefined, 7, {}, [], new Uint16Array(9)])
    await assert.rejects(load(wrong(source)), failure('usage', /is needed/));
  await assert.rejects(load(wrong(shared)), failure('usage', /shared/));
  await assert.rejects(load(new Uint8Array()), failure('usage', /no bytes/));
  await assert.rejects(load(detach(bytes.slice().buffer)), failure('usage', /detached/));
  await assert.rejects(load('/no/such/file'), failure('io', /cannot read/));
  await assert.rejects(load(new Response('', { status: 404 })), failure('io', /404/));
  await assert.rejects(load(bytes, { wasm: new Uint8Array([0]) }), failure('io', /compile/));
  const other = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
  await assert.rejects(load(bytes, { wasm: other }), failure('io', /another module/));
});

test('every misuse of a model is an error, and the next call is right', { skip }, async () => {
  const model = await load(bytes);
  const expected = model.check(slope());
  const nan = slope();
  nan[5] = Number.NaN;
  const detached = slope();
  detach(detached.buffer);
  const shared = new Float32Array(new SharedArrayBuffer(784 * 4));
  const inputs = [null, undefined, 7, 'x', [], {}, new Float64Array(784), new Float32Array(783)];
  const pictures = [
    { ...grey(), width: 27 },
    { ...grey(), width: 0 },
    { ...grey(), width: 2.5 },
    { ...grey(), width: -28 },
    { ...grey(), width: Number.NaN },
    { ...grey(), width: 9000 },
    { ...grey(), channels: 2 },
    { ...grey(), data: [...grey().data] },
    { ...grey(), data: new Uint8Array(new SharedArrayBuffer(784)) },
  ];
  /** @type {[string, () => unknown][]} */
  const misuses = [
    ...[...inputs, nan, detached, shared].flatMap((x) => [
      /** @type {[string, () => unknown]} */ (['check', () => model.check(wrong(x))]),
      /** @type {[string, () => unknown]} */ (['encode', () => model.encode(wrong(x))]),
      /** @type {[string, () => unknown]} */ (['reconstruct', () => model.reconstruct(wrong(x))]),
      /** @type {[string, () => unknown]} */ (['neighbours', () => model.neighbours(wrong(x))]),
    ]),
    ...pictures.flatMap((picture) => [
      /** @type {[string, () => unknown]} */ (['check', () => model.check(wrong(picture))]),
      /** @type {[string, () => unknown]} */ (['prepare', () => model.prepare(wrong(picture))]),
    ]),
    ...[0, 1, -1, Number.NaN, '0.1', null].map(
      (alpha) =>
        /** @type {[string, () => unknown]} */ ([
          `alpha ${alpha}`,
          () => model.check(slope(), { alpha: wrong(alpha) }),
        ]),
    ),
    ['preparation', () => model.check(slope(), { preparation: wrong('oil') })],
    ['no options', () => model.check(slope(), wrong(null))],
    ['options', () => model.prepare(grey(), wrong('ink'))],
    ['a number for options', () => model.neighbours(slope(), wrong(8))],
    ['decode', () => model.decode(new Float32Array(model.info.latent + 1))],
    ['no gallery', () => model.neighbours(slope())],
    ['gallery image', () => model.galleryImage(0)],
    ['calibration', () => model.calibration(wrong(1))],
  ];
  for (const [name, misuse] of misuses) {
    assert.throws(misuse, LikenessError, name);
    assert.deepEqual(model.check(slope()), expected, `after ${name}`);
  }
});

test('what is not finite is found wherever it is', async () => {
  const images = Uint8Array.from({ length: 7 * 40 }, (_, i) => (i * 37) % 256);
  const arch = '1x1x7 > dense 3 | dense 7 > mse';
  const model = await load((await createTrainer({ arch, images })).save());
  for (const value of [Number.NaN, Infinity, -Infinity])
    for (const n of [1, 2, 3])
      for (let i = 0; i < 7 * n; i++) {
        const x = new Float32Array(7 * n).fill(3.4e38);
        model.encode(x);
        x[i] = value;
        const message = new RegExp(`is not finite at ${i}$`);
        assert.throws(() => model.encode(x), failure('data', message));
        if (i < 3 * n) {
          const z = new Float32Array(3 * n);
          z[i] = value;
          assert.throws(() => model.decode(z), failure('data', message));
        }
      }
  model.dispose();
});

test('a result can be written over', { skip }, async () => {
  const model = await load(bytes);
  const n = 70; // more than go through the network at once
  const x = Float32Array.from({ length: 784 * n }, (_, i) => ((i * i) % 97) / 97);
  const once = model.reconstruct(x);
  const again = { z: new Float32Array(once.z.length), image: new Float32Array(once.image.length) };
  const same = model.reconstruct(x, { out: again });
  assert.equal(same.z, again.z);
  assert.equal(same.image, again.image);
  assert.deepEqual(same, once);
  const z = new Float32Array(once.z.length);
  assert.equal(model.encode(x, { out: z }), z);
  assert.deepEqual(z, once.z);
  const image = new Float32Array(once.image.length);
  assert.equal(model.decode(z, { out: image }), image);
  assert.deepEqual(image, once.image);
  for (const out of [null, [], new Float32Array(z.length - 1), new Float64Array(z.length)]) {
    const message = new RegExp(`out must be a Float32Array of ${z.length} values`);
    assert.throws(() => model.encode(x, { out: wrong(out) }), failure('usage', message));
  }
  assert.throws(() => model.decode(z, { out: z }), failure('usage', /out must be/));
  const half = { z, image: z };
  assert.throws(() => model.reconstruct(x, { out: half }), failure('usage', /out must be/));
  model.dispose();
});

test('use after dispose is an error', { skip }, async () => {
  const model = await load(bytes);
  model.dispose();
  model.dispose();
  const calls = [
    () => model.check(slope()),
    () => model.encode(slope()),
    () => model.decode(new Float32Array(model.info.latent)),
    () => model.prepare(grey()),
    () => model.calibration(),
    () => model.gallerySize,
  ];
  for (const call of calls) assert.throws(call, failure('usage', /disposed/));
  await assert.rejects(model.loadGallery(bytes), failure('usage', /disposed/));
});

test('a gallery of another model, or none at all, is refused', { skip }, async () => {
  const model = await load(bytes);
  for (const source of [bytes, new Response(new Uint8Array())])
    await assert.rejects(model.loadGallery(source), failure('model', /\w/));
  assert.equal(model.gallerySize, 0);
});
