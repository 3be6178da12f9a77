// What classes are called goes with the model: into neighbours, verdicts, confusion, and the module.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  fails,
  folder,
  greyPng,
  idx,
  ok,
  random,
  readSafetensors,
  run,
  write,
} from './helpers.mjs';

const SIDE = 8;
const CNN = '1x8x8 > conv 8 3 > bn relu > dense 16 relu | dense 4 > ce';
const HOSTILE = 'a\nb\x1b[31m é';
const LONG = `${'ä'.repeat(120)}`;
// In the order of their labels.
const KINDS = [HOSTILE, 'cats', 'dogs', LONG];
const KEPT = ['a\\nb\\x1b[31m é', 'cats', 'dogs', LONG];

let path, set, model, cnn;

/** A bar: across, down, or along either diagonal. */
function picture(kind, seed) {
  const next = random(seed);
  const at = Math.floor(4 * next());
  return greyPng(
    SIDE,
    Array.from({ length: SIDE * SIDE }, (_, p) => {
      const [x, y] = [p % SIDE, p >> 3];
      const ink = [y === at + 2, x === at + 2, x === y, x + y === SIDE - 1][kind];
      return (ink ? 200 : 0) + Math.floor(30 * next());
    }),
  );
}

function writeSet(to, kinds, count = 80) {
  for (const name of kinds)
    for (let i = 0; i < count; i++)
      write(join(to, name, `${i}.png`), picture(Math.max(KINDS.indexOf(name), 0), i));
  return to;
}

before(() => {
  path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  set = writeSet(join(path, 'set'), KINDS);
  [model, cnn] = ['gate', 'cnn'].map((name) => join(path, `${name}.safetensors`));
  const how = ['--data', set, '--epochs', '10', '--batch', '16', '--lr', '0.005', '--json'];
  ok([
    'train',
    '--arch',
    '1x8x8 > dense 32 relu > dense 4 | dense 64 sigmoid > bce',
    ...how,
    '--out',
    model,
  ]);
  ok(['train', '--arch', CNN, ...how, '--gallery', '0', '--out', cnn]);
});
after(() => rmSync(path, { recursive: true, force: true }));

test('the names are in the model, printable', () => {
  const listed = KEPT.map((name, i) => `class ${i}: 80 images, ${name}\n`);
  assert.ok(ok(['data', 'info', set]).endsWith(listed.join('')));
  assert.deepEqual(ok(['inspect', model, '--json']).class_names, KEPT);
  assert.match(ok(['inspect', model]), /\nclass_names +\[".*", "cats", "dogs", /);
});

test('neighbours, explanations and the opinion of a classifier have them beside the labels', () => {
  const [cat, odd] = ['cats', HOSTILE].map((name) => join(set, name, '3.png'));
  const [first] = ok(['neighbours', model, cat, '--json']);
  assert.deepEqual([first.label, first.name], [1, 'cats']);
  assert.match(ok(['neighbours', model, cat, '--k', '1']), / label cats\n$/);
  assert.match(ok(['neighbours', model, odd, '--k', '1']), / label a\\nb\\x1b\[31m é\n$/);
  const score = ['score', model, cat, '--classifier', cnn, '--explain', join(path, 'why.png')];
  const [row] = ok([...score, '--json']);
  assert.deepEqual([row.nearest[0].label, row.nearest[0].name], [1, 'cats']);
  assert.deepEqual([row.classifier.class, row.classifier.name], [1, 'cats']);
  const said = ok(score);
  assert.match(said, / the classifier says cats, /);
  assert.match(said, / nearest known: cats \(image /);
  const [own] = ok(['score', cnn, cat, '--json']);
  assert.equal(own.name, 'cats');
  assert.match(ok(['score', cnn, cat]), / class cats, /);
});

test('confusion and recall go by names, also of images that are of other classes', (t) => {
  const some = writeSet(join(folder(t), 'some'), ['birds', 'dogs', LONG], 20);
  const report = ok(['eval', cnn, '--data', some, '--json']);
  assert.deepEqual(report.classes, [...KEPT, 'birds']);
  assert.deepEqual(
    report.confusion.map((row) => row.reduce((a, b) => a + b)),
    [0, 0, 20, 20, 20],
  );
  assert.equal(report.recall.dogs, report.confusion[2][2] / 20);
  assert.ok(report.recall.dogs > 0.9 && report.recall[LONG] > 0.9);
  assert.equal(report.recall.birds, 0);
  assert.match(ok(['eval', cnn, '--data', some]), /\n {3}2( +\d+){5} {2}dogs\n/);
  const clusters = ok(['cluster', model, '--data', some, '--k', '3', '--json']).clusters;
  assert.deepEqual(clusters.map(({ name }) => name).sort(), ['birds', 'dogs', LONG].sort());
});

/** The model's file with another text for its classes, or with none. */
function altered(t, classes) {
  const { header, data } = readSafetensors(model);
  header.__metadata__.classes = classes;
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(padded.length));
  const to = join(folder(t), 'gate.safetensors');
  writeFileSync(to, Buffer.concat([size, padded, data]));
  const gallery = (file) => file.replace('.safetensors', '.gallery.safetensors');
  writeFileSync(gallery(to), readFileSync(gallery(model)));
  return to;
}

test('a model without names has numbers; one with strange names is safe to print', (t) => {
  const cat = join(set, 'cats', '3.png');
  const nearest = (file) => ok(['neighbours', file, cat, '--k', '1', '--json'])[0];
  const old = altered(t, undefined);
  assert.ok(!('name' in nearest(old)));
  assert.match(ok(['neighbours', old, cat, '--k', '1']), / label 1\n$/);
  assert.ok(!('class_names' in ok(['inspect', old, '--json'])));
  assert.equal(nearest(altered(t, 'a')).name, undefined);
  assert.equal(nearest(altered(t, 'a\n\nb')).name, undefined);
  assert.equal(nearest(altered(t, 'a\n\x1b]0;x\x07')).name, '\\x1b]0;x\\x07');
  assert.ok(nearest(altered(t, `a\n${'b'.repeat(9000)}`)).name.length < 256);
  const long = run(['inspect', altered(t, 'x'.repeat(1 << 16))]);
  assert.equal(long.code, 4);
  assert.match(long.stderr, /text 'classes' is too long/);
});

test('garments are called what they are, and chosen by name or by number', (t) => {
  const data = folder(t);
  const of = (labels) => {
    write(join(data, 'fashion', 'train-labels-idx1-ubyte'), idx([labels.length], labels));
    const pixels = labels.flatMap((label) => Array.from({ length: 4 }, (_, i) => 20 * label + i));
    write(join(data, 'fashion', 'train-images-idx3-ubyte'), idx([labels.length, 2, 2], pixels));
    return (spec) => ok(['data', 'info', spec, '--json'], { env: { LIKENESS_DATA: data } });
  };
  const info = of([0, 6, 9, 6]);
  assert.deepEqual(
    info('fashion').labels.flatMap(({ name, images }) => (images ? [name, images] : [])),
    ['T-shirt', 1, 'Shirt', 2, 'Boot', 1],
  );
  assert.equal(info('fashion:only=Shirt').sha256, info('fashion:only=6').sha256);
  assert.equal(info('fashion:without=Shirt,0').images, 1);
  assert.equal(of([0, 10])('fashion').labels[0].name, null); // somebody else's
});

test('--label takes the name of a class, and a number where no class is called so', (t) => {
  const own = folder(t);
  const file = (name) => join(own, name);
  const data = writeSet(file('named'), ['1', 'cats', 'dögs'], 50);
  const arch = '1x8x8 > dense 4 | classify 3 0.5 > embed 3 > dense 64 sigmoid > bce';
  const conditioned = file('m');
  ok(['train', '--arch', arch, '--data', data, '--epochs', '2', '--out', conditioned]);
  const bytes = (args) => {
    ok([...args, '--out', file('x.npy')]);
    return readFileSync(file('x.npy'));
  };
  const seen = join(data, 'cats', '0.png');
  for (const command of [
    ['sample', conditioned, '--count', '2'],
    ['reconstruct', conditioned, seen],
    ['interpolate', conditioned, seen, join(data, '1', '0.png')],
  ]) {
    const as = (label) => bytes([...command, '--label', label]);
    const [first, cats, dogs] = ['0', 'cats', '2'].map(as);
    assert.deepEqual(as('1'), first, 'called 1, and of label 0');
    assert.deepEqual(as('dögs'), dogs);
    assert.equal(new Set([first, cats, dogs].map(String)).size, 3);
  }
  for (const label of ['cat', 'Cats', '3', '-1', '00', '1e0', '4294967295', '4294967296'])
    fails(
      ['sample', conditioned, '--label', label, '--out', file('y.npy')],
      2,
      new RegExp(`--label ${label}: the model knows no such class`),
    );
});
