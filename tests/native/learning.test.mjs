// How a network learns: what it starts from, what it sees, when it stops, and what is told of it.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  bars,
  fails,
  folder,
  idx,
  interrupted,
  ok,
  random,
  readSafetensors,
  run,
  write,
  writeBars,
} from './helpers.mjs';

const CLASSIFIER = '1x8x8 > dense 64 relu | dense 2 > ce';

/** The tensors of a safetensors file, as typed arrays with their shapes. */
function tensors(file) {
  const { header, data } = readSafetensors(file);
  delete header.__metadata__;
  const types = { F32: Float32Array, U8: Uint8Array, U32: Uint32Array, I8: Int8Array };
  for (const [name, { dtype, data_offsets }] of Object.entries(header)) {
    const part = data.subarray(...data_offsets);
    header[name] = new types[dtype](Uint8Array.from(part).buffer);
  }
  return header;
}

/** Image number i is all of value i; labels as given, or none. Returns the images' file. */
function writeNumbered(path, count, labels, name = 'numbered') {
  const pixels = new Uint8Array(count * 64).map((_, p) => p >> 6);
  if (labels) write(join(path, `${name}-labels-idx1-ubyte`), idx([count], labels));
  return write(join(path, `${name}-images-idx3-ubyte`), idx([count, 8, 8], pixels));
}

/** Bars whose labels mean nothing: the more is learned of them, the worse the validation loss. */
function writeRandom(path, count) {
  const next = random(7);
  const labels = Uint8Array.from({ length: count }, () => (next() < 0.5 ? 0 : 1));
  write(join(path, 'random-labels-idx1-ubyte'), idx([count], labels));
  return write(join(path, 'random-images-idx3-ubyte'), idx([count, 8, 8], bars(count, 3).pixels));
}

function trainer(path, data, out, ...always) {
  return (...more) => ['train', '--data', data, '--out', join(path, out), ...always, ...more];
}

test('values that cannot be are refused before anything is read', (t) => {
  const path = folder(t);
  const common = ['--data', 'x', '--out', 'y'];
  const cases = [
    [['ae', '--augment', 'shake 2'], /expected shift, .*, not 'shake'/],
    [['ae', '--augment', 'shift 2, shift 3'], /'shift' is said twice/],
    [['ae', '--augment', 'shift -2'], /shift is .*, not '-2'/],
    [['ae', '--noise', 'dropout 0.5'], /--noise wants .*, not 'dropout 0.5'/],
    [['ae', '--noise', 'noise'], /--noise wants/],
    [['ae', '--noise', 'mask 1.5'], /--noise wants/],
    [['ae', '--noise', 'mask 0.5 relu'], /--noise wants/],
    [['ae', '--noise', 'mask 0.5 > dense 3'], /--noise wants/],
    [['ae', '--noise', `noise ${'1'.repeat(300)}`], /--noise wants/],
    [['--arch', CLASSIFIER, '--noise', 'noise 0.3'], /--noise is for families, not for --arch/],
    [['pca', '--noise', 'noise 0.3'], /--noise is not for family pca/],
    [['pca', '--augment', 'shift 1'], /--augment is not for family pca/],
    [['pca', '--patience', '1'], /--patience is not for family pca/],
    [['pca', '--from', 'x'], /--from is not for family pca/],
    [['stacked', '--from', 'x'], /--from is not for family stacked/],
    [['ae', '--pretrain-epochs', '2'], /--pretrain-epochs is not for family ae/],
    [['ae', '--warmup', '0.6', '--decay', '0.5'], /--warmup and --decay are shares of one whole/],
    [['ae', '--warmup', '1.1'], /--warmup wants/],
    [['ae', '--fall', 'steep'], /--fall wants one of linear, cosine, not 'steep'/],
    [['ae', '--weight-decay', '-1'], /--weight-decay wants/],
    [['ae', '--patience', '0'], /--patience wants/],
    [['ae', '--patience', '2', '--validation', '0'], /--patience needs images/],
    [['ae', '--validation', '-1'], /--validation wants/],
    [['ae', '--binarise', '0'], /--binarise wants a number between 0 and 1/],
    [['ae', '--binarise', '1'], /--binarise wants/],
    [['ae', '--draw', '0'], /--draw wants/],
    [['ae', '--log-jsonl', 'y.report.json'], /--log-jsonl is the same file as the report/],
  ];
  for (const [args, pattern] of cases)
    fails(['train', ...args, ...common], 2, pattern, { path, options: { cwd: path } });
  const data = writeBars(path, 60, 1);
  const train = trainer(path, data, 'm', '--arch', CLASSIFIER);
  fails(train('--draw', '51'), 2, /--draw 51 is more than 50 images/, { path });
  fails(train('--validation', '50'), 2, /--validation 50 leaves none of 50/, { path });
  fails(train('--holdout', '55', '--patience', '1'), 2, /--patience needs images/, { path });
  mkdirSync(join(path, 'm.report.json'));
  fails(train(), 5, /m\.report\.json: cannot write: a folder/, { path });
});

test('networks that tell classes apart need labels, and say how they do', (t) => {
  const path = folder(t);
  const { pixels } = bars(60, 1);
  const bare = write(join(path, 'bare-images-idx3-ubyte'), idx([60, 8, 8], pixels));
  const families = trainer(path, bare, 'm.safetensors');
  fails(families('cnn'), 3, /bare-images-idx3-ubyte: .*(labels|classes)/, { path });
  fails(families('--arch', CLASSIFIER), 3, /bare-images-.*: the images have no labels/, { path });
  const five = writeNumbered(
    path,
    60,
    Uint8Array.from({ length: 60 }, (_, i) => i % 5),
  );
  fails(
    trainer(path, five, 'm.safetensors', '--arch', CLASSIFIER)(),
    3,
    /numbered-.*: the images are of 5 classes, the network knows 2/,
    { path },
  );
  const cnn = ok(
    trainer(path, five, 'm.safetensors', 'cnn', '--latent', '8', '--epochs', '1')('--json'),
  );
  assert.match(cnn.arch, /dense 5 > ce$/); // as many as the data have

  const data = writeBars(path, 300, 1);
  const log = join(path, 'log');
  const out = join(path, 'm.safetensors');
  const train = trainer(path, data, 'm.safetensors', '--arch', CLASSIFIER, '--epochs', '6');
  const { stdout, stderr } = run(train('--json', '--log-jsonl', log, '--lr', '0.005'));
  const report = JSON.parse(stdout);
  assert.deepEqual(Object.keys(report.epochs[0]), [
    'epoch',
    'loss',
    'validation_loss',
    'accuracy',
    'validation_accuracy',
    'seconds',
    'images_per_second',
  ]);
  for (const { accuracy, validation_accuracy } of report.epochs) {
    // Shares of 250 and of 50 images.
    assert.ok(Math.abs(accuracy * 250 - Math.round(accuracy * 250)) < 1e-6);
    assert.ok(Math.abs(validation_accuracy * 50 - Math.round(validation_accuracy * 50)) < 1e-6);
  }
  assert.ok(report.epochs[5].accuracy > report.epochs[0].accuracy);
  assert.ok(report.accuracy > 0.9 && report.validation_accuracy > 0.9);
  assert.equal(report.validation_accuracy, report.epochs[5].validation_accuracy);
  assert.match(stderr, /epoch 6\/6 {2}loss [\d.]+, [\d.]+ % right {2}validation [\d.]+, [\d.]+ %/);
  const rows = readFileSync(log, 'utf8').trim().split('\n');
  assert.deepEqual(
    rows.map((row) => JSON.parse(row)),
    report.epochs,
  );
  // A model that makes no image judges too, by its code.
  const judged = ok(['score', out, '--data', data, '--limit', '50', '--json']);
  assert.equal(JSON.stringify(judged).includes('"in"'), true);
});

test('the report stands beside the model, as it was printed', (t) => {
  const path = folder(t);
  const data = writeBars(path, 60, 1);
  const train = trainer(path, data, 'm.safetensors', 'ae', '--latent', '3', '--epochs', '1');
  const file = join(path, 'm.report.json');
  const first = run(train('--json')).stdout;
  assert.equal(readFileSync(file, 'utf8'), first);
  assert.equal(JSON.parse(first).accuracy, undefined);
  assert.equal(JSON.parse(first).epochs[0].accuracy, undefined);
  const second = run(train('--json', '--seed', '2')).stdout;
  assert.equal(readFileSync(file, 'utf8'), second);
  assert.notEqual(JSON.parse(first).weights_sha256, JSON.parse(second).weights_sha256);
  ok(train()); // without --json it is written all the same
  assert.equal(
    JSON.parse(readFileSync(file, 'utf8')).weights_sha256,
    ok(['inspect', join(path, 'm.safetensors'), '--json']).weights_sha256,
  );
  ok(trainer(path, data, 'bare', 'pca', '--latent', '2')());
  assert.equal(
    JSON.parse(readFileSync(join(path, 'bare.report.json'), 'utf8')).explained.length,
    2,
  );
});

test('images are parted: trained on, to validate, held out, drawn by class', (t) => {
  const path = folder(t);
  const labels = Uint8Array.from({ length: 200 }, (_, i) => (i < 150 ? 0 : i < 190 ? 1 : 2));
  const data = writeNumbered(path, 200, labels);
  const train = trainer(path, data, 'm.safetensors', 'ae', '--latent', '3', '--epochs', '1');
  const trainedOn = (...more) => {
    const report = ok(train('--json', '--holdout', '40', ...more));
    const gallery = tensors(join(path, 'm.gallery.safetensors'));
    const numbers = Array.from({ length: report.images }, (_, i) => gallery.images[i * 64]);
    assert.equal(new Set(numbers).size, report.images); // nothing twice
    assert.deepEqual(
      [...gallery.labels],
      numbers.map((n) => labels[n]),
    );
    return { report, numbers, count: (c) => numbers.filter((n) => labels[n] === c).length };
  };
  const all = trainedOn();
  assert.deepEqual([all.report.images, all.report.validation, all.report.holdout], [160, 0, 40]);
  // Those held out stay the same, whatever else is taken away: 160 - 30 of the same are left.
  const fewer = trainedOn('--validation', '30');
  assert.deepEqual([fewer.report.images, fewer.report.validation], [130, 30]);
  assert.ok(fewer.numbers.every((n) => all.numbers.includes(n)));
  const patient = trainedOn('--patience', '3');
  assert.deepEqual([patient.report.images, patient.report.validation], [144, 16]);
  const drawn = trainedOn('--draw', '12', '--validation', '30');
  assert.deepEqual([drawn.count(0), drawn.count(1), drawn.count(2)], [4, 4, 4]);
  assert.ok(drawn.numbers.every((n) => fewer.numbers.includes(n)));
  assert.equal(drawn.report.validation_loss > 0, true);
  // Where a class has too few, the others fill up.
  const more = trainedOn('--draw', '60');
  const third = all.count(2);
  assert.ok(third < 12 && more.count(2) === third);
  assert.ok(Math.abs(more.count(0) - more.count(1)) <= 1 && more.report.images === 60);
  assert.notDeepEqual(trainedOn('--draw', '12', '--seed', '2').numbers, drawn.numbers);
  const bare = writeNumbered(path, 50, undefined, 'bare');
  const out = join(path, 'b.safetensors');
  const args = ['train', 'ae', '--latent', '2', '--data', bare, '--out', out, '--epochs', '1'];
  assert.equal(ok([...args, '--draw', '7', '--json']).images, 7);
});

test('one class teaches a labelled network nothing', (t) => {
  const path = folder(t);
  const data = writeNumbered(path, 40, new Uint8Array(40));
  const arch = '1x8x8 > dense 4 > l2norm | triplet';
  fails(trainer(path, data, 'm.safetensors', '--arch', arch)(), 3, /all of one class/);
});

test('binarised pixels are 0 or 1, and the model says so', (t) => {
  const path = folder(t);
  const data = writeNumbered(path, 250);
  const train = trainer(path, data, 'm.safetensors', 'ae', '--latent', '2', '--epochs', '1');
  const light = (threshold) => {
    const report = ok(train('--binarise', threshold, '--holdout', '0', '--json'));
    assert.equal(report.binarise, Number(threshold));
    const { images } = tensors(join(path, 'm.gallery.safetensors'));
    assert.ok(images.every((value) => value === 0 || value === 255));
    return images.filter((value) => value === 255).length / 64;
  };
  assert.equal(light('0.5'), 250 - 128); // 128 is the first that is at or over 127.5
  assert.equal(light('0.2'), 250 - 51); // 51 / 255 is 0.2
  // What is black and white has no verdict on images as they come.
  const judged = ok(train('--binarise', '0.5', '--holdout', '60', '--json'));
  assert.deepEqual(judged.calibration, {});
  assert.equal(light('0.2'), 250 - 51);
  const told = ok(['inspect', join(path, 'm.safetensors'), '--json']).data;
  assert.match(
    told,
    /, binarised at 0\.2, 250 images trained on and 0 held out, sha256 [0-9a-f]{64}$/,
  );
  // The longest of names leaves room for the rest.
  const deep = join(path, 'x'.repeat(200), 'y'.repeat(200));
  const far = writeNumbered(deep, 40);
  ok(
    trainer(
      path,
      far,
      'm.safetensors',
      'ae',
      '--latent',
      '2',
      '--epochs',
      '1',
    )('--binarise', '0.5'),
  );
});

test('the noise stands in front of the chain, or in place of its own', (t) => {
  const path = folder(t);
  const data = writeBars(path, 60, 1);
  const arch = (family, noise) =>
    ok(
      trainer(
        path,
        data,
        'm',
        family,
        '--latent',
        '3',
        '--epochs',
        '1',
      )('--noise', noise, '--json'),
    ).arch;
  assert.equal(arch('ae', 'salt  0.1'), '1x8x8 > salt 0.1 > dense 3 relu | dense 64 sigmoid > bce');
  assert.match(arch('denoise', 'mask 0.5'), /^1x8x8 > mask 0\.5 > conv/);
  assert.match(arch('denoise', 'noise 0.4'), /^1x8x8 > noise 0\.4 > conv/);
});

test('with patience training stops, and ends with the weights of the best epoch', (t) => {
  const path = folder(t);
  const data = writeRandom(path, 400);
  const train = trainer(path, data, 'm', '--arch', CLASSIFIER, '--lr', '0.01', '--json');
  const least = ({ epochs }) => {
    const losses = epochs.map((epoch) => epoch.validation_loss);
    return 1 + losses.indexOf(Math.min(...losses));
  };
  const stopped = ok(train('--patience', '4', '--epochs', '40', '--validation', '80'));
  assert.equal(stopped.best_epoch, least(stopped));
  assert.equal(stopped.epochs.length, stopped.best_epoch + 4);
  assert.equal(stopped.validation, 80);
  assert.equal(stopped.validation_loss, stopped.epochs[stopped.best_epoch - 1].validation_loss);
  // Training just as long as that gives the same weights.
  const best = String(stopped.best_epoch);
  assert.equal(
    ok(train('--epochs', best, '--validation', '80')).weights_sha256,
    stopped.weights_sha256,
  );
  // So it is when training ends before patience does.
  const ended = run(train('--patience', '39', '--epochs', '12', '--validation', '80'));
  assert.equal(ended.json.epochs.length, 12);
  assert.equal(ended.json.weights_sha256, stopped.weights_sha256);
  assert.match(ended.stderr, new RegExp(`the weights are those of epoch ${best}, the best`));
});

test('an interrupted training goes on to the same bits with all of these', async (t) => {
  const path = folder(t);
  const data = writeRandom(path, 3000);
  const chain = '1x8x8 > mask 0.2 > dense 64 > bn relu > dropout 0.2 | dense 2 > ce';
  const how = ['--arch', chain, '--batch', '16', '--epochs', '14', '--patience', '11', '--json'];
  const rate = ['--lr', '0.01', '--warmup', '0.1', '--decay', '0.5', '--fall', 'cosine'];
  const more = ['--augment', 'shift 1, flip 0.5', '--weight-decay', '0.01', '--draw', '2001'];
  const train = (out, ...rest) => trainer(path, data, out, ...how, ...rate, ...more)(...rest);
  const whole = ok(train('whole', '--threads', '1'));
  ok(train('first', '--epochs', '2'));
  assert.ok(whole.best_epoch < whole.epochs.length, 'the last epoch is the best');
  for (const n of [whole.best_epoch, whole.best_epoch + 2]) {
    const cut = await interrupted(path, train('cut'), `epoch ${n}/`);
    assert.equal(cut.code, 130, cut.stderr);
    assert.ok(existsSync(join(path, 'cut.checkpoint')) && !existsSync(join(path, 'cut')));
    for (const other of [
      ['--patience', '3'],
      ['--init', 'he'],
      ['--from', join(path, 'first')],
    ])
      fails(
        train('cut', '--resume', ...other).filter((word) => word !== '--json'),
        2,
        new RegExp(`begun with(out)? ${other[0]}.*, it cannot be resumed with ${other[0]} `),
      );
    fails(
      train('cut', '--resume', '--augment', 'shift 2').filter((word) => word !== '--json'),
      2,
      /begun with --augment "shift 1, flip 0\.5", it cannot be resumed with --augment "shift 2"\n/,
    );
    const resumed = ok(train('cut', '--resume'));
    assert.equal(resumed.weights_sha256, whole.weights_sha256);
    assert.equal(resumed.best_epoch, whole.best_epoch);
    const curves = ({ epochs }) => epochs.map(({ seconds, images_per_second, ...rest }) => rest);
    assert.deepEqual(curves(resumed), curves(whole));
    assert.deepEqual(readFileSync(join(path, 'cut')), readFileSync(join(path, 'whole')));
    rmSync(join(path, 'cut'));
  }
});

test("training starts from another model's layers", (t) => {
  const path = folder(t);
  const data = writeBars(path, 120, 1);
  const from = join(path, 'from.safetensors');
  const chain =
    '1x8x8 > dense 20 relu > l1 0.001 > dense 6 | dense 20 relu > dense 64 sigmoid > bce';
  ok(['train', '--arch', chain, '--data', data, '--out', from, '--epochs', '3']);
  const other = '1x8x8 > noise 0.2 > dense 20 relu > dense 6 relu > dense 4 | dense 2 > ce';
  const train = trainer(path, data, 'm.safetensors', '--arch', other, '--epochs', '1', '--json');
  // Steps too small to be seen leave the weights as they were at the start.
  const report = ok(train('--from', from, '--lr', '1e-30'));
  assert.deepEqual(report.from, { model: from, layers: 2 });
  const old = tensors(from);
  const begun = tensors(join(path, 'm.safetensors'));
  ok(train('--lr', '1e-30'));
  const fresh = tensors(join(path, 'm.safetensors'));
  const visible = (values) => values.map((value) => (Math.abs(value) < 1e-20 ? 0 : value));
  for (const kind of ['weight', 'bias'])
    for (const [of, layer, source] of [
      [old, 1, 0],
      [old, 2, 2],
      [fresh, 3, 3],
      [fresh, 4, 4],
    ])
      assert.deepEqual(
        visible(begun[`layers.${layer}.${kind}`]),
        visible(of[`layers.${source}.${kind}`]),
      );
  assert.notDeepEqual(begun['layers.1.weight'], fresh['layers.1.weight']);
  const args = train('--from', join(path, 'absent')).filter((word) => word !== '--json');
  fails(args, 5, /absent: cannot open/, { path });
  const wide = ['train', '--arch', CLASSIFIER, '--data', data, '--out', join(path, 'w')];
  fails([...wide, '--from', from], 4, /from\.safetensors: not even its first layer fits/, { path });
  const junk = write(join(path, 'junk'), 'junk');
  fails([...wide, '--from', junk], 4, /junk: /, { path });
});

test('a stacked network is trained layer by layer first', async (t) => {
  const path = folder(t);
  const data = writeBars(path, 240, 1);
  const train = (out, ...more) =>
    trainer(path, data, out, 'stacked', '--latent', '8', '--batch', '32', '--json')(...more);
  const whole = ok(train('whole', '--epochs', '6', '--threads', '1'));
  assert.deepEqual(
    whole.pretraining.map((row) => Object.keys(row)),
    Array(3).fill(['layer', 'loss', 'seconds']),
  );
  for (const [i, { layer, loss, seconds }] of whole.pretraining.entries())
    assert.ok(layer === i + 1 && loss > 0 && seconds > 0);
  assert.equal(whole.epochs.length, 6);
  // The longer by themselves, the better, and fine-tuning starts from there.
  const long = ok(train('long', '--epochs', '1', '--pretrain-epochs', '12'));
  assert.ok(long.pretraining[0].loss < 0.8 * whole.pretraining[0].loss);
  const chain = ['--arch', whole.arch, '--batch', '32', '--epochs', '1', '--json'];
  const plain = ok(trainer(path, data, 'plain', ...chain)());
  assert.ok(long.epochs[0].loss < 0.8 * plain.epochs[0].loss);
  assert.equal(plain.pretraining, undefined);

  const cut = (out, at) => interrupted(path, train(out, '--epochs', '6', '--threads', '2'), at);
  const early = await cut('early', 'layer 1/3, epoch 2/');
  assert.equal(early.code, 130, early.stderr);
  assert.match(early.stderr, /interrupted: of layers by themselves nothing is saved\n$/);
  assert.deepEqual(
    readdirSync(path).filter((name) => name.startsWith('early')),
    [],
  );
  const anew = ok(train('early', '--epochs', '6', '--resume'));
  assert.equal(anew.weights_sha256, whole.weights_sha256);
  const late = await cut('late', 'epoch 1/');
  assert.equal(late.code, 130, late.stderr);
  const resumed = run(train('late', '--epochs', '6', '--resume'));
  assert.doesNotMatch(resumed.stderr, /layer/);
  assert.equal(resumed.json.weights_sha256, whole.weights_sha256);
  assert.deepEqual(
    resumed.json.pretraining.map(({ loss }) => loss),
    whole.pretraining.map(({ loss }) => loss),
  );
});

test('batches and sets of any size', (t) => {
  const path = folder(t);
  const data = writeBars(path, 40, 1);
  const chain = '1x8x8 > dense 8 > bn relu | dense 64 sigmoid > bce';
  const train = trainer(path, data, 'm', '--arch', chain, '--json', '--holdout', '0');
  for (const [draw, batch] of [
    [40, 39],
    [40, 40],
    [40, 1000],
    [33, 32],
    [1, 64],
    [1, 1],
    [2, 1],
  ]) {
    const size = ['--draw', String(draw), '--batch', String(batch), '--epochs', '2'];
    const one = ok(train(...size, '--threads', '1'));
    const two = ok(train(...size, '--threads', '2'));
    assert.equal(one.images, draw);
    assert.ok(one.epochs.every(({ loss }) => loss > 0 && loss < 2));
    assert.equal(one.weights_sha256, two.weights_sha256, `${draw} images, batches of ${batch}`);
  }
});
