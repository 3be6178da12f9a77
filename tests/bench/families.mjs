// The figures of the README's table of families, each from a full training on real data:
//
//     node tests/bench/families.mjs [FAMILY...] [--seeds 1,2,3] [--threads N]
//
// Needs what `sh web/demo.sh --no-serve` leaves in build/. Prints one line for each figure, mean and
// spread (largest - smallest) over the seeds, and adds each seed's figures to build/families.json as
// they come: seeds may be measured in several runs, and `--print` shows all there are.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { likenessAloud as likeness, root } from './measure.mjs';

const models = join(root, 'build/families');
const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    threads: { type: 'string', default: '2' },
    print: { type: 'boolean', default: false },
  },
});

const words = (/** @type {string} */ text) => text.split(' ').filter(Boolean);

/**
 * Trains and returns the report; `what` is a family or an architecture.
 * @param {string} name of the model @param {string} what @param {string} data
 * @param {string} options @param {number} seed
 */
function train(name, what, data, options, seed) {
  const file = join(models, `${name}-${seed}.safetensors`);
  const chosen = what.includes('>') ? ['--arch', what] : [what];
  const report = likeness(
    ...['train', ...chosen, '--data', data, '--out', file, '--seed', String(seed)],
    ...['--threads', given.threads ?? '2', ...quoted(options)],
  );
  return { file, report };
}

/** Words, but what stands in double quotes is one. @param {string} text */
function quoted(text) {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2]);
}

const evaluate = (/** @type {string} */ file, /** @type {string} */ data, options = '') =>
  likeness('eval', file, '--data', data, ...quoted(options));

/** @typedef {Record<string, number>} Figures */

const BARE = '--holdout 1000 --gallery 0 --no-calibrate';
const FEW = `--init he --batch 128 --decay 0.8 --augment "shift 2, rotate 15, scale 0.15, stroke 1"`;

/** How each family is trained: as `web/demo.sh --full` does. @type {Record<string, string>} */
const OPTIONS = {};
for (const line of execFileSync('sh', ['-c', '. web/setup.sh; families'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n')) {
  const [row, full] = line.split('|');
  OPTIONS[words(row)[1]] ??= `${BARE} ${full}`;
}
OPTIONS['deep-fashion'] = OPTIONS.deep.replace(/"shift.*"/, '"shift 1, flip 0.5"');
OPTIONS['vae-color'] =
  `${BARE.replace('1000', '200')} --init he --epochs 80 --lr 0.003 --decay 0.5`;
OPTIONS.vae += ' --binarise 0.5';
OPTIONS['stacked-few'] = `${BARE.replace('1000', '0')} ${FEW}`;
/** Images that are no part of the project. @type {Record<string, string>} */
const COLOURS = {
  objects: join(root, '../shared/data/cifar10/cifar10-train-images-idx4-ubyte.gz'),
  faces: join(root, '../shared/data/utkface/utkface-train-images-idx4-ubyte.gz'),
};
const STACK = '1x28x28 > dense 1000 relu > dense 500 relu > dense 250 relu';

/** @param {string} file @param {string} data @param {string} [options] */
const reconstruction = (file, data, options) => evaluate(file, data, options).reconstruction;

/** Squared error of a network on a data set's test images, and its training's seconds.
 * @param {string} name @param {string} family @param {string} data @param {number} seed */
function squaredError(name, family, data, seed) {
  const { file, report } = train(name, family, data, OPTIONS[name], seed);
  return [reconstruction(file, `${data}:test`).sse_per_image, report.seconds];
}

/** The nearest neighbours' accuracy among all 60,000 training images of Fashion-MNIST.
 * @param {string} name @param {string} how @param {number} seed */
function neighbours(name, how, seed) {
  const { file, report } = train(name, name, 'fashion', how, seed);
  return { report, result: evaluate(file, 'fashion:test', '--train fashion:train') };
}

/** Of a class-conditioned network: neighbours by its codes under each condition.
 * @param {string} name @param {number} seed @returns {Figures} */
function conditioned(name, seed) {
  const { report, result } = neighbours(name, OPTIONS[name], seed);
  const under = Object.entries(result.conditioning ?? {}).map(([how, share]) => [
    `${how}, %`,
    100 * Number(share),
  ]);
  return {
    'Fashion cosine 1-NN, %': 100 * result.neighbours.cosine_1nn,
    ...Object.fromEntries(under),
    seconds: report.seconds,
  };
}

/** Every family: from a seed to its figures. @type {Record<string, (seed: number) => Figures>} */
const FAMILIES = {
  deep(seed) {
    const [mnist, seconds] = squaredError('deep', 'deep', 'mnist', seed);
    const [fashion] = squaredError('deep-fashion', 'deep', 'fashion', seed);
    return { 'MNIST error per image': mnist, 'Fashion error per image': fashion, seconds };
  },
  stacked(seed) {
    const whole = train('stacked', 'stacked', 'mnist', OPTIONS.stacked, seed);
    /** @type {Figures} */
    const figures = { seconds: whole.report.seconds };
    for (const labels of [100, 1000])
      for (const from of [true, false]) {
        const few = train(
          `stacked-${labels}-${from ? 'from' : 'anew'}`,
          `${STACK} | dropout 0.5 > dense 10 > ce`,
          'mnist',
          `${OPTIONS['stacked-few']} --draw ${labels} --epochs ${400000 / labels}${from ? ` --from ${whole.file}` : ''}`,
          seed,
        );
        const { accuracy } = evaluate(few.file, 'mnist:test');
        const name = `MNIST error %, ${labels} labels, ${from ? 'pre-trained' : 'from nothing'}`;
        figures[name] = 100 * (1 - accuracy);
      }
    return figures;
  },
  denoise(seed) {
    /** @type {Figures} */
    const figures = {};
    for (const how of ['noise 0.3', 'mask 0.5']) {
      const name = how.split(' ')[0];
      const net = train(
        `denoise-${name}`,
        'denoise',
        'mnist',
        `${OPTIONS.denoise} --noise "${how}"`,
        seed,
      );
      const result = evaluate(net.file, 'mnist:test', `--corrupt "${how}"`);
      figures[`${how}: input dB`] = result.corrupted.psnr;
      figures[`${how}: PCA dB`] = bestPca(how, seed);
      figures[`${how}: network dB`] = result.reconstruction.psnr;
      figures[`${how}: seconds`] = net.report.seconds;
    }
    return figures;
  },
  conv(seed) {
    const conv = train('conv', 'conv', 'mnist', OPTIONS.conv, seed);
    const ae = train('conv-ae', 'ae', 'mnist', OPTIONS.conv, seed);
    return {
      'MNIST MSE': reconstruction(conv.file, 'mnist:test').mse,
      'MNIST MSE of ae, with 64 values as well': reconstruction(ae.file, 'mnist:test').mse,
      seconds: conv.report.seconds,
    };
  },
  vae(seed) {
    const { file, report } = train('vae', 'vae', 'mnist', OPTIONS.vae, seed);
    const { negative_elbo } = evaluate(file, 'mnist:test', '--binarise 0.5');
    return { 'MNIST -ELBO, nats': negative_elbo, seconds: report.seconds };
  },
  'vae-color'(seed) {
    /** @type {Figures} */
    const figures = {};
    for (const [title, file] of Object.entries(COLOURS)) {
      if (!existsSync(file)) {
        console.log(`vae-color ${title}: skipped, there is no ${file}`);
        continue;
      }
      const { report } = train(`vae-color-${title}`, 'vae-color', file, OPTIONS['vae-color'], seed);
      const [first] = report.epochs;
      figures[`${title}: held-out loss after an epoch`] = first.validation_loss;
      figures[`${title}: held-out loss`] = report.validation_loss;
      figures[`${title}: seconds`] = report.seconds;
    }
    return figures;
  },
  vqvae(seed) {
    const { file, report } = train('vqvae', 'vqvae', 'fashion', OPTIONS.vqvae, seed);
    const result = evaluate(file, 'fashion:test');
    return {
      'Fashion MSE': result.reconstruction.mse,
      'codes used, %': 100 * result.codebook.used,
      'bits an image': result.codebook.bits_per_image,
      seconds: report.seconds,
    };
  },
  acae: (seed) => conditioned('acae', seed),
  'acae-softmax': (seed) => conditioned('acae-softmax', seed),
  triplet(seed) {
    const { report, result } = neighbours('triplet', OPTIONS.triplet, seed);
    return {
      'Fashion cosine 1-NN, %': 100 * result.neighbours.cosine_1nn,
      seconds: report.seconds,
    };
  },
  cnn(seed) {
    const { file, report } = train('cnn', 'cnn', 'fashion', OPTIONS.cnn, seed);
    const { accuracy, recall } = evaluate(file, 'fashion:test');
    return {
      'Fashion accuracy, %': 100 * accuracy,
      'Shirt recall, %': 100 * recall.Shirt,
      seconds: report.seconds,
    };
  },
};

/** An IDX file of `count` training images of MNIST from `first` on.
 * @param {string} name @param {number} first @param {number} count */
function part(name, first, count) {
  const file = join(models, `${name}-images-idx3-ubyte`);
  const all = readFileSync(join(root, 'build/data/mnist/train-images-idx3-ubyte'));
  const header = Buffer.from(all.subarray(0, 16));
  header.writeUInt32BE(count, 4);
  const images = all.subarray(16 + first * 784, 16 + (first + count) * 784);
  writeFileSync(file, Buffer.concat([header, images]));
  return file;
}

/** The test PSNR of PCA on corrupted images, its size chosen on 10,000 images it was not fitted to.
 * @param {string} how @param {number} seed */
function bestPca(how, seed) {
  const fitted = part('fitted', 0, 50000);
  const others = part('others', 50000, 10000);
  let best = { psnr: -1, file: '' };
  for (const latent of [8, 12, 16, 24, 32, 48, 64, 96, 128]) {
    const options = `--holdout 0 --gallery 0 --no-calibrate --latent ${latent}`;
    const { file } = train(`pca-${latent}`, 'pca', fitted, options, seed);
    const { psnr } = reconstruction(file, others, `--corrupt "${how}"`);
    if (psnr > best.psnr) best = { psnr, file };
  }
  return reconstruction(best.file, 'mnist:test', `--corrupt "${how}"`).psnr;
}

/** Mean and spread as text. @param {number[]} values */
function summary(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const spread = Math.max(...values) - Math.min(...values);
  return `${mean.toPrecision(4)} (spread ${spread.toPrecision(2)}, ${values.length} seeds)`;
}

const path = join(root, 'build/families.json');

/** What has been measured: figures by seed by family. @returns {Record<string, Record<string, Figures>>} */
function measured() {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

/** Adds a seed's figures to the file, which another run may have changed since this one began.
 * @param {string} family @param {number} seed @param {Figures} figures */
function record(family, seed, figures) {
  const all = measured();
  all[family] = { ...all[family], [seed]: figures };
  writeFileSync(path, `${JSON.stringify(all, null, 2)}\n`);
}

const seeds = words((given.seeds ?? '').replaceAll(',', ' ')).map(Number);
const wanted = positionals.length ? positionals : Object.keys(FAMILIES);
mkdirSync(models, { recursive: true });
for (const family of wanted) {
  if (!FAMILIES[family]) throw new Error(`no such family: ${family}`);
  if (!given.print) for (const seed of seeds) record(family, seed, FAMILIES[family](seed));
  const bySeed = Object.entries(measured()[family] ?? {});
  const chosen = bySeed.filter(([seed]) => given.print || seeds.includes(Number(seed)));
  for (const name of new Set(chosen.flatMap(([, figures]) => Object.keys(figures))))
    console.log(`${family.padEnd(9)} ${name}: ${summary(chosen.map(([, f]) => f[name]))}`);
}
