// Training in WASM makes the native bits, and every misuse is an error.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { build, likeness, native, readIdx } from './artefacts.mjs';

const { createTrainer, LikenessError, load } = likeness;
const COUNT = 60;
const HELD = 30;
/** Where images are, by shape. @type {Record<string, string>} */
const DATA = {
  '1x28x28': `${build}data/mnist/train-images-idx3-ubyte`,
  '3x32x32': `${build}data/coloured/train-images-idx4-ubyte`,
};
const has = (/** @type {string} */ file) => existsSync(file) || existsSync(`${file}.gz`);

/** Images channel after channel, labels for them, and more images. @param {string} shape */
function dataOf(shape) {
  const [channels, height, width] = shape.split('x').map(Number);
  const { bytes } = readIdx(DATA[shape]);
  const plane = height * width;
  const size = channels * plane;
  // Files have the channels of a pixel side by side.
  const all = Uint8Array.from({ length: (COUNT + HELD) * size }, (_, i) => {
    const [image, at] = [Math.floor(i / size), i % size];
    return bytes[image * size + (at % plane) * channels + Math.floor(at / plane)];
  });
  return {
    shape: { channels, height, width },
    images: all.subarray(0, COUNT * size),
    heldOut: all.subarray(COUNT * size),
    labels: Array.from({ length: COUNT }, (_, i) => (i * i) % 10),
  };
}

/** Those of trained.c. @type {Partial<import('../../wasm/trainer.mjs').TrainOptions>} */
const OPTIONS = {
  batch: 14,
  epochs: 3,
  learningRate: 0.002,
  warmup: 0.25,
  decay: 0.5,
  fall: 'cosine',
  weightDecay: 0.01,
  seed: 7,
  init: 'he',
  augment: 'shift 2, rotate 10, erase 0.5',
  title: 'things',
};

/** The file that the native core makes. @param {string} family @param {ReturnType<typeof dataOf>} data */
function nativeFile(family, { shape, images, labels, heldOut }) {
  const numbers = [shape.channels, shape.height, shape.width, COUNT, HELD].map(String);
  const wide = new Uint8Array(Uint32Array.from(labels).buffer);
  const input = Buffer.concat([images, wide, heldOut]);
  return execFileSync(`${build}tests/trained`, [family, ...numbers], { input, maxBuffer: 1 << 28 });
}

/** @type {{name: string, arch: string, method: string}[]} */
const families = JSON.parse(String(native('families', '--json')));

for (const { name, arch, method } of families.filter((family) => family.method === 'trained')) {
  const shape = arch.split(' ')[0];
  const skip = !(DATA[shape] && has(DATA[shape])) && `no data of shape ${shape}`;
  test(`${name} (${method}): the file is the native one, byte by byte`, { skip }, async () => {
    const data = dataOf(shape);
    const { heldOut, ...rest } = data;
    const trainer = await createTrainer({ ...OPTIONS, ...rest, family: name });
    const first = trainer.step(4);
    assert.deepEqual([first.step, first.epoch, first.images], [4, 0.8, 56]);
    assert.equal(trainer.step().images, 4); // the last of an epoch has what is left
    const { images, step, epoch } = trainer.step(1000);
    assert.deepEqual([images, step, epoch], [120, 15, 3]);
    assert.ok(trainer.done);
    trainer.calibrate(heldOut);
    const file = trainer.save();
    assert.ok(Buffer.from(file).equals(nativeFile(name, data)));
    const model = await load(file);
    assert.deepEqual(
      [model.info.arch, model.info.family, model.info.title],
      [trainer.info.arch, name, 'things'],
    );
    trainer.dispose();
    model.dispose();
  });
}

test('a family is trained in its own way unless told otherwise', async () => {
  const images = new Uint8Array(300 * 64).map((_, i) => (i * 37) % 251);
  const own = { family: 'gate', shape: { channels: 1, height: 8, width: 8 }, images };
  const trainer = await createTrainer(own);
  assert.deepEqual([trainer.info.stepsPerEpoch, trainer.info.steps], [3, 4002]);
  const told = { batch: 128, epochs: 1334, decay: 0.5, augment: 'shift 2' };
  const same = await createTrainer({ ...own, ...told, init: 'he' });
  const other = await createTrainer({ ...own, ...told, init: 'he', augment: '' });
  const [first, second, third] = [trainer, same, other].map((each) => each.step(4).loss);
  assert.equal(first, second);
  assert.notEqual(first, third);
  const plain = await createTrainer({ ...own, family: 'ae' });
  assert.deepEqual([plain.info.stepsPerEpoch, plain.info.steps], [5, 50]);
});

// ---- everything else on eight pixels: a bright one wanders along the row ----

const tiny = '1x1x8 > dense 3 tanh | dense 8 sigmoid > bce';
const rows = Uint8Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 255 : 0));
const options = { arch: tiny, images: rows, batch: 4, epochs: 400, learningRate: 0.05 };

/** Any value, where only some are allowed. @param {unknown} value @returns {any} */
const wrong = (value) => value;

/** @param {string} status @param {RegExp} message */
function failure(status, message) {
  return (/** @type {unknown} */ error) =>
    error instanceof LikenessError && error.status === status && message.test(error.message);
}

test('the loss falls, and the model makes its images again', async () => {
  const trainer = await createTrainer(options);
  assert.deepEqual(trainer.info, {
    arch: tiny,
    shape: { channels: 1, height: 1, width: 8 },
    parameters: 8 * 3 + 3 + 3 * 8 + 8,
    classes: 0,
    steps: 800,
    stepsPerEpoch: 2,
  });
  const first = trainer.step(2).loss;
  const last = trainer.step(798);
  assert.ok(last.loss < first / 5, `${first}, then ${last.loss}`);
  assert.equal(last.accuracy, null);
  const model = await load(trainer.save());
  const { image } = model.reconstruct(Float32Array.from(rows, (byte) => byte / 255));
  image.forEach((value, i) => {
    assert.equal(Math.round(value), rows[i] / 255);
  });
});

test('images as floats are the same as bytes', async () => {
  const floats = Float32Array.from(rows, (byte) => byte / 255);
  /** @type {Buffer[]} */
  const files = [];
  for (const images of [rows, new Uint8ClampedArray(rows), floats]) {
    const trainer = await createTrainer({ ...options, images });
    trainer.step(20);
    files.push(Buffer.from(trainer.save()));
  }
  assert.ok(files.every((file) => file.equals(files[0])));
});

test('labels are learnt', async () => {
  const labels = Array.from({ length: 8 }, (_, i) => i % 2);
  const trainer = await createTrainer({
    ...options,
    arch: '1x1x8 > dense 4 relu | dense 2 > ce',
    labels,
  });
  trainer.step(700);
  assert.equal(trainer.step(100).accuracy, 1);
  const model = await load(trainer.save());
  const p = model.classify(Float32Array.from(rows, (byte) => byte / 255));
  labels.forEach((label, i) => {
    assert.ok(p[2 * i + label] > 0.9);
  });
});

test('what is calibrated and trained on is to be calibrated again', async () => {
  const trainer = await createTrainer(options);
  const heldOut = Uint8Array.from({ length: 24 * 8 }, (_, i) => rows[i % 64] - (i % 7));
  trainer.step(10);
  trainer.calibrate(heldOut);
  trainer.calibrate(heldOut); // once more: the same
  assert.deepEqual((await load(trainer.save())).info.preparations, ['image']);
  trainer.step();
  assert.throws(() => trainer.save(), failure('usage', /calibrate again/));
  trainer.calibrate(heldOut);
  await load(trainer.save());
});

test('families for verdicts are rounded with the last step', async () => {
  const images = new Uint8Array(40 * 64).map((_, i) => (i * 37) % 251);
  const shape = { channels: 1, height: 8, width: 8 };
  const trainer = await createTrainer({ family: 'gate', shape, images, batch: 40, epochs: 2 });
  trainer.step(1);
  const before = trainer.save().byteLength;
  trainer.step(1);
  const { parameters } = trainer.info;
  assert.ok(Math.abs(before - trainer.save().byteLength - 2 * parameters) < 100);
});

test('a loss that is not finite ends the training', async () => {
  const trainer = await createTrainer({
    ...options,
    arch: '1x1x8 > dense 3 | dense 8 > mse',
    images: Float32Array.from({ length: 64 }, (_, i) => (i % 2 ? 3e38 : -3e38)),
  });
  assert.throws(() => trainer.step(), failure('non-finite', /not finite/));
  assert.throws(() => trainer.save(), failure('usage', /is over/));
});

test('options that cannot be are refused', async () => {
  const nan = new Float32Array(64);
  nan[9] = Number.NaN;
  const family = { arch: undefined, family: 'ae', shape: { channels: 1, height: 1, width: 8 } };
  /** @type {[object, RegExp, string?][]} */
  const cases = [
    [{ arch: undefined }, /arch or family/],
    [{ family: 'ae' }, /arch or family/],
    [{ arch: 7 }, /arch must be a string/],
    [{ arch: '' }, /\w/],
    [{ arch: '1x1x8 > dense | > bce' }, /\w/],
    [{ arch: 'x'.repeat(5000) }, /too long/],
    [{ latent: 3 }, /already says/],
    [{ ...family, family: 'no' }, /no such family/],
    [{ ...family, family: 'pca' }, /not made by training/],
    [{ ...family, family: 'stacked' }, /not made by training/],
    [{ ...family, shape: undefined }, /shape/],
    [{ ...family, shape: { channels: 1, height: 1 } }, /a side/],
    [{ ...family, shape: { channels: 1, height: 0, width: 8 } }, /\w/],
    [{ ...family, latent: -1 }, /latent/],
    [{ ...family, family: 'cnn' }, /classes/, 'data'],
    [{ images: undefined }, /must be a Uint8Array/],
    [{ images: [...rows] }, /must be a Uint8Array/],
    [{ images: rows.subarray(1) }, /do not match/],
    [{ images: new Uint8Array() }, /do not match/],
    [{ images: new Uint8Array(new SharedArrayBuffer(64)) }, /shared/],
    [{ images: nan }, /not finite at 9/, 'data'],
    [{ labels: 1 }, /array/],
    [{ labels: [0] }, /a label for each/],
    [{ labels: new Array(8).fill(0.5) }, /a label must be/],
    [{ labels: new Array(8).fill(0xffffffff) }, /a label must be/],
    [{ batch: 0 }, /batch/],
    [{ batch: 2 ** 32 + 4 }, /batch/],
    [{ batch: '4' }, /batch/],
    [{ epochs: 0 }, /epochs/],
    [{ learningRate: Number.NaN }, /rate/],
    [{ learningRate: '1' }, /learningRate/],
    [{ warmup: 0.6, decay: 0.6 }, /warmup/],
    [{ fall: 'off' }, /fall must be linear or cosine/],
    [{ init: null }, /init must be glorot or he/],
    [{ seed: -1 }, /seed/],
    [{ seed: 2 ** 53 }, /seed/],
    [{ weightDecay: 2 }, /weight decay/],
    [{ augment: 'shake 3' }, /\w/],
    [{ title: 'x'.repeat(300) }, /longer/],
    [{ title: 7 }, /title must be a string/],
  ];
  for (const [change, message, status = 'usage'] of cases) {
    const given = wrong({ ...options, ...change });
    const what = JSON.stringify(change).slice(0, 100);
    await assert.rejects(createTrainer(given), (error) => {
      assert.ok(failure(status, message)(error), `${what}: ${error}`);
      return true;
    });
  }
  await assert.rejects(createTrainer(wrong(null)), failure('usage', /options/));
  await assert.rejects(createTrainer({ ...options, signal: AbortSignal.abort() }), {
    name: 'AbortError',
  });
});

test('misuse of a trainer is an error, and changes nothing', async () => {
  const [a, b] = [await createTrainer(options), await createTrainer(options)];
  for (const n of [-1, 0.5, Number.NaN, '1', null, 2 ** 32])
    assert.throws(() => a.step(wrong(n)), failure('usage', /n must be a whole number/));
  assert.throws(() => a.calibrate(wrong([])), failure('usage', /Uint8Array/));
  assert.throws(() => a.calibrate(rows), failure('data', /at least 20/));
  assert.throws(() => a.calibrate(rows.subarray(1)), failure('usage', /do not match/));
  const oil = wrong({ preparation: 'oil' });
  assert.throws(() => a.calibrate(rows, oil), failure('usage', /image or ink/));
  assert.deepEqual(a.step(0), { step: 0, epoch: 0, images: 0, loss: Number.NaN, accuracy: null });
  assert.deepEqual(a.step(9), b.step(9));
  b.dispose();
  b.dispose();
  for (const use of [() => b.step(), () => b.save(), () => b.done, () => b.calibrate(rows)])
    assert.throws(use, failure('usage', /is over/));
});
