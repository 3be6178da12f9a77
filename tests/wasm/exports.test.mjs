// Any sequence of calls with any numbers: every export answers, and the next right call is right.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fc, modelFile, trainingFile, wasmFile, without } from './artefacts.mjs';

/** @typedef {Record<string, (...numbers: number[]) => number>} Calls */

const compiled = await WebAssembly.compile(readFileSync(trainingFile));
const names = WebAssembly.Module.exports(compiled)
  .map(({ name }) => name)
  .filter((name) => name.startsWith('lk_wasm_'));

async function start() {
  const env = { emscripten_notify_memory_growth() {} };
  const { exports } = await WebAssembly.instantiate(compiled, { env });
  /** @type {() => void} */ (exports._initialize)();
  const memory = /** @type {WebAssembly.Memory} */ (exports.memory);
  return { calls: /** @type {Calls} */ (/** @type {unknown} */ (exports)), memory };
}

/** @typedef {Awaited<ReturnType<typeof start>>} Instance */

/** @param {Instance} instance @param {Uint8Array} bytes */
function put({ calls, memory }, bytes) {
  const at = calls.lk_wasm_inbox(bytes.length);
  if (at) new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
}

/** Judges a slope of grey with a model that is loaded anew. @param {Instance} instance */
function golden(instance) {
  const { calls, memory } = instance;
  put(instance, model);
  const handle = calls.lk_wasm_load();
  assert.notEqual(handle, 0);
  const x = new Float32Array(memory.buffer, calls.lk_wasm_view(handle, 0), 784);
  x.set(Float32Array.from({ length: 784 }, (_, i) => (i % 28) / 28));
  assert.equal(calls.lk_wasm_check_input(handle, 0, 0.01), 0);
  const result = new Float64Array(memory.buffer, calls.lk_wasm_view(handle, 3), 9).slice();
  assert.equal(calls.lk_wasm_free(handle), 0);
  return [...result];
}

const skip = without('digits');
const model = skip ? new Uint8Array() : new Uint8Array(readFileSync(modelFile('digits')));

test('the exports are the ones the module is written for', () => {
  const read = (/** @type {string} */ file) =>
    readFileSync(new URL(`../../wasm/${file}.mjs`, import.meta.url), 'utf8');
  const source = read('likeness') + read('trainer') + read('engine');
  assert.ok(names.length > 15);
  for (const name of names) assert.ok(source.includes(name), `${name} is never called`);
});

test('what judges has the same exports without those of training', async () => {
  const small = await WebAssembly.compile(readFileSync(wasmFile));
  assert.deepEqual(
    WebAssembly.Module.exports(small).map(({ name }) => name),
    WebAssembly.Module.exports(compiled)
      .map(({ name }) => name)
      .filter((name) => !name.startsWith('lk_wasm_train_')),
  );
});

test('a forged handle is an error for every export that takes one', async () => {
  const { calls } = await start();
  const numbers = new Set(['inbox', 'load', 'error_status', 'error_message', 'error_offset']);
  for (const name of names) {
    if (numbers.has(name.slice(8)) || /_name$|_train_/.test(name)) continue;
    for (const handle of [0, 1, 15, 16, 17, 4096, 0x7fffffff, 0xffffffff, -1, Number.NaN]) {
      const answer = calls[name](handle, 0, 0, 0, 0, 0.5);
      assert.ok([0, 2, -1].includes(answer), `${name}(${handle}) = ${answer}`);
    }
  }
});

test('a stale handle is an error, also when its slot is in use again', { skip }, async () => {
  const instance = await start();
  const { calls } = instance;
  put(instance, model);
  const first = calls.lk_wasm_load();
  assert.equal(calls.lk_wasm_free(first), 0);
  assert.equal(calls.lk_wasm_free(first), 2);
  put(instance, model);
  const second = calls.lk_wasm_load();
  assert.notEqual(second, first);
  assert.equal(calls.lk_wasm_encode(first, 1), 2);
  assert.equal(calls.lk_wasm_encode(second, 1), 0);
});

test('models can be loaded until the table is full', { skip }, async () => {
  const instance = await start();
  for (let i = 0; i < 16; i++) {
    put(instance, model);
    assert.notEqual(instance.calls.lk_wasm_load(), 0);
  }
  put(instance, model);
  assert.equal(instance.calls.lk_wasm_load(), 0);
});

test('any calls with any numbers leave the next right call right', { skip }, async () => {
  const expected = golden(await start());
  const number = fc.oneof(
    fc.constantFrom(0, 1, 2, 28, 64, 65, -1, 2 ** 31, 2 ** 32 - 1, Number.NaN, Infinity),
    fc.nat(40),
    fc.double(),
  );
  const call = fc.record({
    name: fc.constantFrom(...names),
    numbers: fc.array(number, { minLength: 6, maxLength: 6 }),
    valid: fc.boolean(), // whether the first is a handle in use
  });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.nat(model.length - 1).map((n) => model.subarray(0, n)),
    fc.tuple(fc.nat(model.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => {
      const changed = model.slice();
      changed[at] ^= flip;
      return changed;
    }),
    fc.constant(new Uint8Array(784).fill(200)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(call, bytes), { maxLength: 12 }), async (steps) => {
      const instance = await start();
      put(instance, model);
      const handle = instance.calls.lk_wasm_load();
      for (const step of steps) {
        if (step instanceof Uint8Array) {
          put(instance, step);
          continue;
        }
        const { name, numbers, valid } = step;
        // Gigabytes are asked for elsewhere.
        if (name === 'lk_wasm_inbox') numbers[0] = Math.abs(numbers[0] % 100000) || 0;
        instance.calls[name](...(valid ? [handle, ...numbers.slice(1)] : numbers));
      }
      assert.deepEqual(golden(instance), expected);
    }),
    { numRuns: 150, seed: 1 },
  );
});

/** Two steps from the same weights. @param {Instance} instance */
function goldenTraining(instance) {
  const { calls, memory } = instance;
  put(instance, tinyArch);
  assert.equal(calls.lk_wasm_train_arch(), 0);
  put(instance, tinyImages);
  assert.equal(calls.lk_wasm_train_images(0), 0);
  calls.lk_wasm_inbox(0);
  assert.equal(calls.lk_wasm_train_begin(0, 1, 4, 3, 0.01, 0, 0, 0, 0), 0);
  assert.equal(calls.lk_wasm_train_step(2), 0);
  assert.equal(calls.lk_wasm_train_save(), 0);
  const at = calls.lk_wasm_train_file();
  return new Uint8Array(memory.buffer, at, calls.lk_wasm_train_number(11)).slice();
}

const tinyArch = new TextEncoder().encode('1x1x8 > dense 3 | dense 8 > mse');
const tinyImages = Uint8Array.from({ length: 24 * 8 }, (_, i) => (i * 37) % 251);

test('training in any order leaves the next right one right', async () => {
  const expected = goldenTraining(await start());
  const training = names.filter((name) => name.includes('_train_'));
  assert.ok(training.length > 10);
  const call = (/** @type {string} */ name, /** @type {number[]} */ ...numbers) => ({
    name: `lk_wasm_train_${name}`,
    numbers,
  });
  const none = new Uint8Array();
  const right = fc.constantFrom(
    [tinyArch, call('arch')],
    [tinyImages, call('images', 0)],
    [tinyImages, call('images', 1)],
    [tinyImages.slice(0, 24 * 4), call('labels')],
    [none, call('begin', 0, 1, 4, 3, 0.01, 0, 0, 0, 0)],
    [call('step', 2)],
    [tinyImages, call('calibrate', 0, 0)],
    [call('save')],
    [call('end')],
  );
  const number = fc.constantFrom(0, 1, 4, 8, -1, Number.NaN, 2 ** 32 - 1);
  const any = fc.record({
    name: fc.constantFrom(...training),
    numbers: fc.array(number, { minLength: 9, maxLength: 9 }),
  });
  const some = fc.oneof({ weight: 4, arbitrary: right }, fc.tuple(any), fc.constant([none]));
  /** @type {Set<string>} */
  const reached = new Set();
  await fc.assert(
    fc.asyncProperty(
      fc.array(some, { minLength: 10, maxLength: 60, size: 'max' }),
      async (steps) => {
        const instance = await start();
        for (const each of steps.flat()) {
          if (each instanceof Uint8Array) {
            put(instance, each);
            continue;
          }
          if (instance.calls[each.name](...each.numbers) === 0) reached.add(each.name.slice(14));
        }
        assert.deepEqual(goldenTraining(instance), expected);
      },
    ),
    { numRuns: 300, seed: 1 },
  );
  for (const name of ['images', 'labels', 'begin', 'step', 'calibrate', 'save'])
    assert.ok(reached.has(name), `${name} never went well`);
});

test('more than there is is refused, and the next right call is right', { skip }, async () => {
  const instance = await start();
  const expected = golden(instance);
  assert.equal(instance.calls.lk_wasm_inbox(0xfffffff0), 0);
  assert.deepEqual(golden(instance), expected);
});
