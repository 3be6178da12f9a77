// Every model family gives the native bits: a tiny one of each is trained, loaded and compared.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { answers, build, differing, likeness, native, readIdx } from './artefacts.mjs';

const IMAGES = 60;
/** Data sets by the shape of their images. @type {Record<string, {spec: string, file: string}>} */
const DATA = {
  '1x28x28': { spec: 'mnist:train', file: `${build}data/mnist/train-images-idx3-ubyte` },
  '3x32x32': {
    spec: `${build}data/coloured/train-images-idx4-ubyte`,
    file: `${build}data/coloured/train-images-idx4-ubyte`,
  },
};

/** @typedef {import('likeness').Model} Model */
/** @type {{name: string, arch: string}[]} */
const families = JSON.parse(String(native('families', '--json')));

/** @param {string} shape */
function picturesOf(shape) {
  const { sizes, bytes } = readIdx(DATA[shape].file);
  const [, height, width, channels = 1] = sizes;
  const size = height * width * channels;
  return Array.from({ length: IMAGES }, (_, i) => ({
    data: bytes.subarray(i * size, (i + 1) * size),
    width,
    height,
    channels,
  }));
}

const folder = mkdtempSync(join(tmpdir(), 'likeness-'));
after(() => rmSync(folder, { recursive: true }));

/** The file of a tiny one. @param {string} family @param {string} shape */
function train(family, shape) {
  const file = join(folder, `${family}.safetensors`);
  const small = '--epochs 1 --holdout 30 --references 20 --gallery 20 --batch 15'.split(' ');
  const limit = ['--limit', String(IMAGES)];
  native('train', family, '--data', DATA[shape].spec, ...limit, ...small, '--out', file);
  return file;
}

/** Codes, images and probabilities under a label (-1: none). @param {Model} model @param {Float32Array} x @param {number} label */
function made(model, x, label) {
  const { output, classes } = model.info;
  const options = label < 0 ? {} : { label };
  const image = output === 'image' ? model.reconstruct(x, options).image : new Float32Array();
  return {
    z: model.encode(x, options),
    image,
    probabilities: classes ? model.classify(x) : new Float32Array(),
  };
}

/** What a model has not is refused in one line, and nothing else happens. @param {Model} model @param {Float32Array} x */
function checkRefusals(model, x) {
  const { output, classes, labels, latent } = model.info;
  const refused = { name: 'LikenessError', status: 'usage' };
  if (output !== 'image') {
    const message = 'this model makes no images';
    assert.throws(() => model.reconstruct(x), { ...refused, message });
    assert.throws(() => model.decode(new Float32Array(latent)), { ...refused, message });
  }
  const { codes, codebook } = model.info;
  if (codes) {
    const which = [...model.codes(x)];
    assert.ok(which.length === codes && which.every((i) => i < codebook), which.join());
  } else {
    const message = 'this model has no codebook';
    assert.throws(() => model.codes(x), { ...refused, message });
  }
  if (!classes)
    assert.throws(() => model.classify(x), { ...refused, message: 'this model knows no classes' });
  if (!labels) assert.throws(() => model.encode(x, { label: 0 }), { ...refused, message: /label/ });
  else assert.throws(() => model.encode(x, { label: labels }), { ...refused, message: /label/ });
}

for (const { name, arch } of families) {
  const shape = arch.split(' ')[0];
  const skip = !DATA[shape]
    ? `no data of shape ${shape}`
    : !existsSync(DATA[shape].file) && !existsSync(`${DATA[shape].file}.gz`) && 'no data';
  test(`${name}: codes, images, probabilities and verdicts have the native bits`, {
    skip,
  }, async () => {
    const file = train(name, shape);
    const model = await likeness.load(file);
    const pictures = picturesOf(shape);
    const { latent, labels, output } = model.info;
    const inputs = pictures.map((picture) => model.prepare(picture).x);
    const x = new Float32Array(IMAGES * inputs[0].length);
    inputs.forEach((input, i) => {
      x.set(input, i * input.length);
    });
    assert.deepEqual([model.info.arch, model.info.family], [arch, name]);
    for (const label of labels ? [-1, 0, labels - 1] : [-1]) {
      const { z, image, probabilities } = made(model, x, label);
      const all = new Float32Array(z.length + image.length + probabilities.length);
      all.set(z);
      all.set(image, z.length);
      all.set(probabilities, z.length + image.length);
      assert.equal(z.length, IMAGES * latent);
      assert.equal(differing(all, answers(file, label, x)), 0);
      assert.ok(all.every(Number.isFinite) && new Set(all).size > IMAGES);
    }
    if (output === 'classes')
      for (let i = 0; i < IMAGES; i++) {
        const one = model.classify(inputs[i]);
        const sum = one.reduce((a, b) => a + b, 0);
        assert.ok(Math.abs(sum - 1) < 1e-5, `probabilities sum to ${sum}`);
      }
    checkRefusals(model, inputs[0]);
    const words = ['score', file, '--data', DATA[shape].spec, '--limit', String(IMAGES)];
    /** @type {(import('likeness').Result & {file: string})[]} */
    const expected = JSON.parse(String(native(...words, '--json')));
    expected.forEach(({ verdict, p, score, scores }, i) => {
      if (output !== 'image') delete scores.reconstruction;
      assert.deepEqual(model.check(pictures[i]), { verdict, p, score, scores });
    });
    await model.loadGallery(file.replace('.safetensors', '.gallery.safetensors'));
    assert.equal(model.neighbours(inputs[0]).length, 8);
    model.dispose();
  });
}
