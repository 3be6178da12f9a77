// What eval says of classes, neighbours, conditions and corruption, against the same worked out here
// from codes, weights and pixels.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  fails,
  folder,
  greyPng,
  idx,
  npy,
  ok,
  random,
  readNpy,
  readSafetensors,
  write,
} from './helpers.mjs';

const AE = '1x8x8 > dense 16 relu > dense 4 | dense 16 relu > dense 64 sigmoid > bce';
const CLASSIFIER = '1x8x8 > dense 16 relu | dense 3 > ce';
const CONDITIONED =
  '1x8x8 > dense 16 relu > dense 6 | classify 3 0.5 > embed 3 > dense 64 sigmoid > bce';
const CLASSES = 3;

let path, known, fresh, knownFile, freshFile;
const models = {};
before(() => {
  path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  known = strokes(300, 1);
  fresh = strokes(120, 2);
  knownFile = writeStrokes(known, 'known');
  freshFile = writeStrokes(fresh, 'fresh');
  for (const [name, arch] of Object.entries({ ae: AE, cnn: CLASSIFIER, acae: CONDITIONED }))
    models[name] = train(name, '--arch', arch, '--epochs', '6', '--batch', '16', '--lr', '0.003');
});
after(() => rmSync(path, { recursive: true, force: true }));

/** 8x8 images of strokes across (0), down (1) and aslant (2) under so much noise that some mix. */
function strokes(count, seed) {
  const next = random(seed);
  const pixels = new Uint8Array(count * 64);
  const labels = Uint8Array.from({ length: count }, () => Math.floor(next() * CLASSES));
  for (let i = 0; i < count; i++) {
    const at = 1 + Math.floor(next() * 6);
    const light = 60 + next() * 100;
    for (let p = 0; p < 64; p++) {
      const place = [p >> 3, p % 8, ((p >> 3) + p) % 8][labels[i]];
      pixels[i * 64 + p] = (place === at ? light : 0) + next() * 90;
    }
  }
  return { count, pixels, labels };
}
function writeStrokes({ count, pixels, labels }, name) {
  write(join(path, `${name}-labels-idx1-ubyte`), idx([count], labels));
  return write(join(path, `${name}-images-idx3-ubyte`), idx([count, 8, 8], pixels));
}
function train(name, ...more) {
  const out = join(path, `${name}.safetensors`);
  ok(['train', ...more, '--data', knownFile, '--holdout', '60', '--out', out]);
  return out;
}
const evaluate = (model, ...more) => ok(['eval', model, '--data', freshFile, '--json', ...more]);

/** The rows of an array of n x d values. */
const rows = (values, d) =>
  Array.from({ length: values.length / d }, (_, i) => Array.from(values.slice(i * d, i * d + d)));
function codes(model, file) {
  const out = join(path, 'codes.npy');
  ok(['encode', model, '--data', file, '--out', out]);
  const { shape, values } = readNpy(out);
  return rows(values, shape[1]);
}
/** The tensors of a model file by name. */
function tensors(file) {
  const { header, data } = readSafetensors(file);
  delete header.__metadata__;
  const read = ({ shape, data_offsets: [from, to] }) => ({
    shape,
    values: Array.from({ length: (to - from) / 4 }, (_, i) => data.readFloatLE(from + 4 * i)),
  });
  return Object.fromEntries(Object.entries(header).map(([name, about]) => [name, read(about)]));
}

const dot = (a, b) => a.reduce((sum, v, k) => sum + v * b[k], 0);
const cosine = (a, b) => 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
const euclidean = (a, b) => Math.hypot(...a.map((v, k) => v - b[k]));
/** For each query, the references from the nearest on. */
const sorted = (queries, references, distance) =>
  queries.map((q) =>
    references
      .map((r, index) => ({ index, distance: distance(q, r) }))
      .sort((a, b) => a.distance - b.distance || a.index - b.index),
  );
const share = (guesses) =>
  guesses.filter((label, i) => label === fresh.labels[i]).length / fresh.count;
const nearest = (queries, references, distance) =>
  sorted(queries, references, distance).map(([first]) => known.labels[first.index]);
/** Singles and doubles may order two near-equal distances differently: one image at most. */
function near(actual, expected, what) {
  assert.ok(Math.abs(actual - expected) <= 1.0001 / fresh.count, `${what}: ${actual}, ${expected}`);
}
function confusion(guesses) {
  const counts = Array.from({ length: CLASSES }, () => Array(CLASSES).fill(0));
  for (const [i, guess] of guesses.entries()) counts[fresh.labels[i]][guess]++;
  return counts;
}

test('classes: loss, accuracy, confusion and recall by the network worked out here', () => {
  const report = evaluate(models.cnn);
  const w = tensors(models.cnn);
  const layer = (x, name) =>
    rows(w[`${name}.weight`].values, x.length).map(
      (r, i) => dot(r, x) + w[`${name}.bias`].values[i],
    );
  const probabilities = rows(fresh.pixels, 64).map((pixels) => {
    const hidden = layer(
      pixels.map((v) => v / 255),
      'layers.0',
    ).map((v) => Math.max(v, 0));
    const raised = layer(hidden, 'layers.1').map(Math.exp);
    return raised.map((v) => v / raised.reduce((a, b) => a + b));
  });
  const guesses = probabilities.map((p) => p.indexOf(Math.max(...p)));
  const expected = confusion(guesses);
  assert.deepEqual(report.confusion, expected);
  assert.equal(report.accuracy, share(guesses));
  assert.ok(report.accuracy > 0.5 && report.accuracy < 1, 'a matrix that says something');
  assert.deepEqual(
    report.recall,
    Object.fromEntries(expected.map((r, k) => [k, r[k] / r.reduce((a, b) => a + b)])),
  );
  const loss = probabilities.reduce((sum, p, i) => sum - Math.log(p[fresh.labels[i]]), 0);
  assert.ok(Math.abs(report.loss - loss / fresh.count) < 1e-5, `${report.loss}`);
  assert.ok(!('reconstruction' in report));

  const said = ok(['score', models.cnn, '--data', freshFile, '--json']);
  for (const [i, row] of said.entries()) {
    assert.equal(row.class, guesses[i]);
    assert.ok(Math.abs(row.probability - probabilities[i][row.class]) < 1e-5);
    assert.deepEqual(Object.keys(row.scores), ['mahalanobis', 'neighbour', 'texture']);
  }
  const blank = write(join(path, 'blank.png'), greyPng(8, Array(64).fill(0)));
  const [empty] = ok(['score', models.cnn, blank, '--json']);
  assert.deepEqual([empty.class, empty.probability], [null, null]);
  assert.match(ok(['score', models.cnn, '--data', freshFile]), / class [012], [\d.]+ % {2}/);

  const table = ok(['eval', models.cnn, '--data', freshFile]);
  const line = expected[1].map((v) => String(v).padStart(3)).join(' ');
  assert.ok(table.includes(`\n   1 ${line}\n`), table);
});

test('classes: a label head beside a reconstruction, data without labels', () => {
  const report = evaluate(models.acae);
  for (const key of ['loss', 'accuracy', 'confusion', 'recall', 'reconstruction'])
    assert.ok(key in report, key);
  const bare = write(join(path, 'bare.npy'), npy([fresh.count, 8, 8], fresh.pixels));
  for (const model of [models.cnn, models.acae]) {
    const unlabelled = ok(['eval', model, '--data', bare, '--json']);
    for (const key of ['loss', 'accuracy', 'confusion', 'recall', 'neighbours'])
      assert.ok(!(key in unlabelled), key);
  }
  assert.ok(Math.abs(evaluate(models.ae).loss / evaluate(models.ae).reconstruction.bce - 1) < 1e-4);
  assert.ok(!('negative_elbo' in evaluate(models.ae)));
});

test('recall goes by the names of a folder of classes', () => {
  for (const [label, name] of ['across', 'down', 'slant'].entries())
    for (let i = 0; i < fresh.count; i++)
      if (fresh.labels[i] === label)
        write(
          join(path, 'classes', name, `${i}.png`),
          greyPng(8, fresh.pixels.slice(i * 64, i * 64 + 64)),
        );
  const report = ok(['eval', models.cnn, '--data', join(path, 'classes'), '--json']);
  const usual = evaluate(models.cnn);
  assert.deepEqual(report.confusion, usual.confusion);
  assert.deepEqual(report.recall, {
    across: usual.recall[0],
    down: usual.recall[1],
    slant: usual.recall[2],
  });
});

test('neighbours among all training images, by a search by hand', () => {
  const out = join(path, 'pca.safetensors');
  const pca = ['train', 'pca', '--latent', '4', '--data', knownFile, '--holdout', '0'];
  ok([...pca, '--gallery', '0', '--out', out]);
  const queries = codes(models.ae, freshFile);
  const references = codes(models.ae, knownFile);
  const pixels = rows(fresh.pixels, 64);
  const others = rows(known.pixels, 64);
  for (const k of [5, 2, 17]) {
    const more = k === 5 ? [] : ['--k', String(k)];
    const report = evaluate(models.ae, '--train', knownFile, ...more);
    const found = sorted(queries, references, cosine);
    const votes = found.map((all) => {
      const labels = all.slice(0, k).map(({ index }) => known.labels[index]);
      const count = (label) => labels.filter((v) => v === label).length;
      return labels.find((label) => labels.every((other) => count(other) <= count(label)));
    });
    const { neighbours } = report;
    assert.equal(neighbours.references, 300);
    assert.equal(neighbours.k, k);
    near(neighbours.cosine_1nn, share(nearest(queries, references, cosine)), 'cosine_1nn');
    near(neighbours.cosine_knn, share(votes), 'cosine_knn');
    near(neighbours.pixel_1nn, share(nearest(pixels, others, euclidean)), 'pixel_1nn');
    near(neighbours.pixel_cosine_1nn, share(nearest(pixels, others, cosine)), 'pixel_cosine_1nn');
    const components = nearest(codes(out, freshFile), codes(out, knownFile), cosine);
    near(neighbours.pca_1nn, share(components), 'pca_1nn');
    assert.equal(neighbours.pca_components, 4);
    const matrix = confusion(nearest(queries, references, cosine)).flat();
    const off = report.neighbour_confusion.flat().map((v, i) => Math.abs(v - matrix[i]));
    assert.ok(off.reduce((a, b) => a + b) <= 2, `${report.neighbour_confusion}`);
    assert.ok(neighbours.cosine_1nn < 1 && neighbours.cosine_1nn > 1 / 3);
    const precision = (all, n) =>
      all.reduce(
        (sum, row, i) =>
          sum + row.slice(0, n).filter((v) => known.labels[v.index] === fresh.labels[i]).length / n,
        0,
      ) / fresh.count;
    for (const n of [1, 10, 50]) {
      near(report.search.codes[`at_${n}`], precision(found, n), `codes at ${n}`);
      near(
        report.search.pixels[`at_${n}`],
        precision(sorted(pixels, others, euclidean), n),
        `pixels at ${n}`,
      );
    }
    assert.ok(!('conditioning' in report));
  }
  const few = writeStrokes(strokes(3, 5), 'few');
  const three = evaluate(models.ae, '--train', few); // fewer than vote
  assert.equal(three.neighbours.references, 3);
  assert.deepEqual(Object.keys(three.search.codes), ['at_1']);
  assert.equal(evaluate(models.ae).neighbours.references, 240); // the gallery: all not held out
});

test('leaks: images that are known too are counted, and shuffled labels are found by chance', () => {
  const both = {
    count: fresh.count + 7,
    pixels: [...fresh.pixels, ...known.pixels.slice(0, 7 * 64)],
    labels: [...fresh.labels, ...known.labels.slice(0, 7)],
  };
  const data = writeStrokes(both, 'both');
  const found = ok(['eval', models.ae, '--data', data, '--train', knownFile, '--json']);
  assert.equal(found.neighbours.duplicates, 7);
  // What chance is: over all orders of the labels, how often that of another image is told.
  const own = codes(models.acae, knownFile).map((code, i) => [code, known.labels[i]]);
  const vectors = rows(tensors(models.acae)['layers.3.weight'].values, 6);
  const times = (code, label) => code.map((v, i) => v * vectors[label][i]);
  const multiplied = own.map(([code, label]) => times(code, label));
  const queries = codes(models.acae, freshFile);
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const [all, seeds] = [fresh.count, [1, 2, 3, 4, 5, 6, 7, 8]];
  const labelled = [0, 1, 2].map((k) => fresh.labels.filter((label) => label === k).length);
  const told = nearest(
    queries,
    own.map(([code]) => code),
    cosine,
  );
  const leaked = [0, 1, 2].map((k) => {
    const under = queries.map((q) => times(q, k));
    return nearest(under, multiplied, cosine).filter((label) => label === k).length;
  });
  const chance = sum(told.map((k) => labelled[k])) / all ** 2;
  const chanceOfLeak = sum(leaked.map((n, k) => n * labelled[k])) / all ** 2;
  const reports = seeds.map((seed) =>
    evaluate(models.acae, '--train', knownFile, '--seed', String(seed)),
  );
  const mean = (of) => sum(reports.map(of)) / seeds.length;
  const shuffled = mean((r) => r.neighbours.shuffled_1nn);
  const leak = mean((r) => r.conditioning.shuffled_label_leak);
  assert.ok(Math.abs(shuffled - chance) < 0.05, `${shuffled}, by chance ${chance}`);
  assert.ok(Math.abs(leak - chanceOfLeak) < 0.05, `${leak}, by chance ${chanceOfLeak}`);
  assert.ok(new Set(reports.map((r) => r.neighbours.shuffled_1nn)).size > 1);
  assert.equal(new Set(reports.map((r) => r.neighbours.cosine_1nn)).size, 1);
});

test('neighbours: threads and instruction sets never change the report', () => {
  const more = ['--train', knownFile, '--corrupt', 'salt 0.2'];
  const report = evaluate(models.acae, ...more, '--threads', '1', '--simd', 'scalar');
  assert.deepEqual(evaluate(models.acae, ...more, '--threads', '3'), report);
});

test('neighbours: --train wants labels on both sides', () => {
  const bare = write(join(path, 'bare.npy'), npy([fresh.count, 8, 8], fresh.pixels));
  const wants = /bare\.npy: --train wants images with labels on both sides/;
  fails(['eval', models.ae, '--data', freshFile, '--train', bare], 3, wants);
  fails(['eval', models.ae, '--data', bare, '--train', freshFile], 3, wants);
  fails(['eval', models.ae, '--data', freshFile, '--train', join(path, 'no')], 5, /no such file/);
});

test('conditions: codes multiplied by the vectors of labels, none, supposed or known', () => {
  const report = evaluate(models.acae, '--train', knownFile);
  const vectors = rows(tensors(models.acae)['layers.3.weight'].values, 6);
  const times = (code, label) => code.map((v, i) => v * vectors[label][i]);
  const queries = codes(models.acae, freshFile);
  const references = codes(models.acae, knownFile);
  const own = references.map((code, i) => times(code, known.labels[i]));
  const under = (label, to) =>
    sorted(
      queries.map((q) => times(q, label)),
      to,
      cosine,
    );
  const supposed = [0, 1, 2].map((label) => under(label, own).map(([first]) => first));
  const best = queries.map((_, i) =>
    supposed.map((found) => found[i]).reduce((a, b) => (b.distance < a.distance ? b : a)),
  );
  const of = (found) => found.map(({ index }) => known.labels[index]);
  const { conditioning } = report;
  assert.deepEqual(Object.keys(conditioning), [
    'no_multiply',
    'label_0',
    'hypotheses',
    'true_label_leak',
    'shuffled_label_leak',
  ]);
  assert.equal(conditioning.no_multiply, report.neighbours.cosine_1nn);
  const zero = references.map((code) => times(code, 0));
  near(conditioning.label_0, share(of(under(0, zero).map(([first]) => first))), 'label_0');
  near(conditioning.hypotheses, share(of(best)), 'hypotheses');
  const leak = of(queries.map((_, i) => supposed[fresh.labels[i]][i]));
  near(conditioning.true_label_leak, share(leak), 'true_label_leak');
  assert.match(ok(['eval', models.acae, '--data', freshFile]), /\nconditioning\n {2}no_multiply /);
});

test('corrupted images: how much, by which seed, and against what errors are', () => {
  const x = Array.from(fresh.pixels, (v) => v / 255);
  const mean = (f) => x.reduce((sum, v) => sum + f(v), 0) / x.length;
  const expected = {
    'noise 0.3': 0.09,
    'mask 0.5': 0.5 * mean((v) => v * v),
    'salt 0.1': 0.05 * mean((v) => v * v) + 0.05 * mean((v) => (1 - v) ** 2),
  };
  const plain = evaluate(models.ae);
  assert.ok(!('corrupted' in plain));
  for (const [how, mse] of Object.entries(expected)) {
    const report = evaluate(models.ae, '--corrupt', how);
    const { corrupted } = report;
    assert.ok(Math.abs(corrupted.mse / mse - 1) < 0.1, `${how}: ${corrupted.mse}, ${mse}`);
    assert.ok(Math.abs(corrupted.psnr + 10 * Math.log10(corrupted.mse)) < 1e-9);
    assert.ok(report.reconstruction.mse > plain.reconstruction.mse, how);
    assert.ok(!('loss' in report)); // its target would be the corrupted image
    assert.deepEqual(evaluate(models.ae, '--corrupt', how), report);
    const other = evaluate(models.ae, '--corrupt', how, '--seed', '2');
    assert.notEqual(other.corrupted.mse, corrupted.mse);
  }
  // Every value times the number: nothing of it is drawn, and once is what there was.
  const triple = evaluate(models.ae, '--corrupt', 'scale 3');
  assert.ok(Math.abs(triple.corrupted.mse / mean((v) => (2 * v) ** 2) - 1) < 1e-5);
  const other = evaluate(models.ae, '--corrupt', 'scale 3', '--seed', '2');
  assert.deepEqual(other.reconstruction, triple.reconstruction);
  const once = evaluate(models.ae, '--corrupt', 'scale 1');
  assert.deepEqual(once.reconstruction, plain.reconstruction);
  assert.equal(once.corrupted.mse, 0);
  // Errors are those of the clean image: with all of it masked, those of what black becomes.
  const black = write(join(path, 'black.npy'), npy([1, 8, 8], new Uint8Array(64)));
  ok(['reconstruct', models.ae, '--data', black, '--out', join(path, 'grey.npy')]);
  const grey = readNpy(join(path, 'grey.npy')).values;
  const mse = x.reduce((sum, v, i) => sum + (v - grey[i % 64]) ** 2, 0) / x.length;
  const masked = evaluate(models.ae, '--corrupt', 'mask 1').reconstruction.mse;
  assert.ok(Math.abs(masked / mse - 1) < 1e-4, `${masked}, ${mse}`);
  const wrong = ['', 'noise', 'noise x', 'blur 1', 'mask 1.5', 'salt 0', 'scale 0', 'scale 1001'];
  for (const bad of [...wrong, 'noise 0.3 mask 0.5'])
    fails(['eval', models.ae, '--data', freshFile, `--corrupt=${bad}`], 2, /--corrupt wants/);
});

test('binarised images are those made so by hand', () => {
  const pixels = fresh.pixels.map((v) => (v / 255 >= 0.25 ? 255 : 0));
  const file = writeStrokes({ ...fresh, pixels }, 'binary');
  const others = known.pixels.map((v) => (v / 255 >= 0.25 ? 255 : 0));
  const train = writeStrokes({ ...known, pixels: others }, 'binary-known');
  assert.deepEqual(
    evaluate(models.ae, '--binarise', '0.25', '--train', knownFile),
    ok(['eval', models.ae, '--data', file, '--train', train, '--json']),
  );
});

test('negative ELBO: that of the two networks, by draws of our own', () => {
  const arch = '1x8x8 > dense 16 relu > gaussian 3 | dense 64 sigmoid > bce';
  const model = train('vae', '--arch', arch, '--epochs', '8', '--lr', '0.01');
  const report = evaluate(model);
  assert.ok(Math.abs(report.negative_elbo / (64 * report.loss) - 1) < 1e-12);
  const w = tensors(model);
  const linear = (x, name, part = '') =>
    rows(w[`${name}.${part}weight`].values, x.length).map(
      (r, i) => dot(r, x) + w[`${name}.${part}bias`].values[i],
    );
  const next = random(4);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  let sum = 0;
  for (const pixels of rows(fresh.pixels, 64)) {
    const x = pixels.map((v) => v / 255);
    const hidden = linear(x, 'layers.0').map((v) => Math.max(v, 0));
    const mean = linear(hidden, 'layers.1', 'mean.');
    const spread = linear(hidden, 'layers.1', 'log_variance.');
    for (const [i, m] of mean.entries()) sum += (m * m + Math.exp(spread[i]) - 1 - spread[i]) / 2;
    for (let draw = 0; draw < 20; draw++) {
      const z = mean.map((m, i) => m + Math.exp(spread[i] / 2) * normal());
      for (const [i, l] of linear(z, 'layers.2').entries())
        sum += (Math.log1p(Math.exp(l)) - l * x[i]) / 20;
    }
  }
  const expected = sum / fresh.count;
  assert.ok(
    Math.abs(report.negative_elbo / expected - 1) < 0.02,
    `${report.negative_elbo}, ${expected}`,
  );
  const beta = train('beta', '--arch', `${arch} beta 2`, '--epochs', '1');
  assert.ok(!('negative_elbo' in evaluate(beta))); // not a bound
});

test('classes beyond those of the model leave out its loss alone', () => {
  const file = writeStrokes({ ...fresh, labels: fresh.labels.map((k) => k + 1) }, 'beyond');
  const report = ok(['eval', models.cnn, '--data', file, '--json']);
  assert.ok(!('loss' in report));
  assert.equal(report.confusion.length, CLASSES + 1);
});

test('codes that decode to what is not finite are told', () => {
  const arch = '1x8x8 > dense 4 | dense 64 > mse';
  const wild = train('wild', '--arch', arch, '--epochs', '1', '--lr', '9', '--no-calibrate');
  const huge = write(
    join(path, 'huge.npy'),
    npy([1, 4], new Float32Array(4).fill(3e38), { descr: '<f4' }),
  );
  for (const out of ['made.npy', 'made.png'])
    fails(['decode', wild, huge, '--out', join(path, out)], 7, /not finite/);
});

test('codebook: the entropy of the vectors that codes are made of', () => {
  const arch = '1x8x8 > dense 16 relu > dense 12 > reshape 4 1 3 > vq 8 | dense 64 sigmoid > bce';
  const model = train('vq', '--arch', arch, '--epochs', '4');
  const report = evaluate(model).codebook;
  /** @type {Map<string, number>} */
  const uses = new Map();
  const vectors = rows(codes(model, freshFile).flat(), 4);
  for (const vector of vectors) uses.set(`${vector}`, (uses.get(`${vector}`) ?? 0) + 1);
  let entropy = 0;
  for (const n of uses.values()) entropy -= (n / vectors.length) * Math.log2(n / vectors.length);
  assert.equal(vectors.length, 3 * fresh.count);
  assert.ok(uses.size > 1);
  assert.deepEqual([report.vectors, report.codes, report.used], [8, 3, uses.size / 8]);
  assert.ok(Math.abs(report.bits_per_image - 3 * entropy) < 1e-9, report.bits_per_image);
});

test('families and inspect say what a network is for', (t) => {
  for (const family of ok(['families', '--json'])) {
    assert.match(family.arch, new RegExp(`^${family.shape.join('x')} > `));
    assert.ok(['trained', 'solved', 'stacked'].includes(family.method));
    assert.equal(family.method === 'solved', family.name === 'pca');
    assert.equal(family.output === 'classes', family.arch.endsWith('> ce'));
  }
  const about = (model) => {
    const { output, classes } = ok(['inspect', model, '--json']);
    return [output, classes];
  };
  assert.deepEqual(about(models.ae), ['image', 0]);
  assert.deepEqual(about(models.cnn), ['classes', 3]);
  assert.deepEqual(about(models.acae), ['image', 3]);
  const own = folder(t);
  for (const command of [
    ['reconstruct', models.cnn, '--data', freshFile, '--out', join(own, 'x.npy')],
    ['sample', models.cnn, '--out', join(own, 'x.npy')],
    ['decode', models.cnn, freshFile, '--out', join(own, 'x.npy')],
    ['interpolate', models.cnn, 'a.png', 'b.png', '--out', join(own, 'x.npy')],
  ])
    fails(command, 4, /cnn\.safetensors: the model makes no images, but guesses classes/, {
      path: own,
    });
});
