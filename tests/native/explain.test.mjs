// Why a verdict: score --explain and --classifier; and a model's own alpha.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inflateSync } from 'node:zlib';
import {
  bars,
  fails,
  folder,
  greyPng,
  ok,
  readNpy,
  run,
  trainBars,
  write,
  writeBars,
} from './helpers.mjs';

const CLASSIFIER = '1x16x16 > conv 8 3 > bn relu > maxpool 4 > dense 16 relu | dense 2 > ce';
let path, model, usual, classifier;
before(() => {
  path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  let data;
  ({ model, data } = trainBars(path, ['--holdout', '150']));
  usual = writeBars(path, 200, 7, 'usual');
  classifier = join(path, 'classes.safetensors');
  // Of another shape than the model: each gets the picture as it wants it.
  const large = writeLarge(path, 600);
  const how = ['--epochs', '12', '--batch', '16', '--lr', '0.005', '--gallery', '0'];
  ok(['train', '--arch', CLASSIFIER, '--data', large, '--out', classifier, ...how]);
  assert.ok(data);
});
after(() => rmSync(path, { recursive: true, force: true }));

/** The bars, twice as large, in class folders. */
function writeLarge(to, count) {
  const { pixels, labels } = bars(count, 1);
  const set = join(to, 'large');
  for (let i = 0; i < count; i++) {
    const one = pixels.subarray(i * 64, i * 64 + 64);
    const twice = Array.from({ length: 256 }, (_, at) => one[(at >> 5) * 8 + ((at % 16) >> 1)]);
    write(join(set, String(labels[i]), `${i}.png`), greyPng(16, twice));
  }
  return set;
}

/** Pixels [height][width][3] of an RGB PNG of this program's, whose rows may be filtered. */
function decode(file) {
  const bytes = readFileSync(file);
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  assert.deepEqual([...bytes.subarray(24, 26)], [8, 2], 'eight bits, RGB');
  const parts = [];
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at))
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
  const raw = inflateSync(Buffer.concat(parts));
  const rows = [];
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (3 * width + 1)];
    const row = Uint8Array.from(raw.subarray(y * (3 * width + 1) + 1, (y + 1) * (3 * width + 1)));
    for (let i = 0; i < row.length; i++) {
      const a = i < 3 ? 0 : row[i - 3];
      const b = y ? rows[y - 1][i] : 0;
      const c = i < 3 || !y ? 0 : rows[y - 1][i - 3];
      const near = [a, b, c].map((v) => Math.abs(a + b - c - v));
      const paeth = near[0] <= near[1] && near[0] <= near[2] ? a : near[1] <= near[2] ? b : c;
      row[i] += [0, a, b, (a + b) >> 1, paeth][filter];
    }
    rows.push(row);
  }
  return { width, height, at: (x, y) => [...rows[y].subarray(3 * x, 3 * x + 3)] };
}

test('score --explain: the picture shows what was seen, made, wrong and near', (t) => {
  const own = folder(t);
  const out = join(own, 'why.png');
  const rows = ok(['score', model, '--data', usual, '--limit', '3', '--explain', out, '--json']);
  ok(['reconstruct', model, '--data', usual, '--limit', '3', '--out', join(own, 'x.npy')]);
  const made = readNpy(join(own, 'x.npy')).values;
  const { pixels } = bars(200, 7);
  const all = bars(600, 1);
  const { width, height, at } = decode(out);
  const scale = 14; // 112 pixels for 8
  assert.deepEqual([width, height], [scale * (8 * 9 + 1), scale * (3 * 9 + 1)]);
  const cell = (row, column, x, y) => {
    const [left, top] = [scale * (1 + 9 * column + x), scale * (1 + 9 * row + y)];
    const colour = at(left, top);
    assert.deepEqual(at(left + scale - 1, top + scale - 1), colour, 'no blurred pixel');
    return colour;
  };
  const grey = (v) => [v, v, v];
  assert.deepEqual(at(0, 0), grey(255));
  for (let row = 0; row < 3; row++)
    for (let i = 0; i < 64; i++) {
      const [x, y] = [i % 8, i >> 3];
      const [before, after] = [pixels[row * 64 + i], made[row * 64 + i]];
      assert.deepEqual(cell(row, 0, x, y), grey(before));
      assert.deepEqual(cell(row, 1, x, y), grey(Math.round(after * 255)));
      const difference = after - before / 255;
      const strength = 255 * Math.sqrt(Math.abs(difference));
      const end = difference < 0 ? [0.25, 0.5, 1] : [1, 0.25, 0.125]; // left out: blue; added: red
      const colour = cell(row, 2, x, y);
      for (const c of [0, 1, 2]) assert.ok(Math.abs(colour[c] - end[c] * strength) <= 1);
    }
  // The neighbours are images that were trained on, as their number in the gallery says.
  const known = ok([
    'neighbours',
    model,
    write(join(own, '0.png'), image(0)),
    '--k',
    '5',
    '--json',
  ]);
  assert.deepEqual(
    rows[0].nearest,
    known.map(({ index, label, distance }) => ({ index, label, distance })),
  );
  const texts = new Set(
    Array.from({ length: 600 }, (_, i) => String(all.pixels.subarray(i * 64, i * 64 + 64))),
  );
  for (let column = 3; column < 8; column++) {
    const shown = Array.from({ length: 64 }, (_, i) => cell(0, column, i % 8, i >> 3)[0]);
    assert.ok(texts.has(String(shown)), `neighbour ${column - 3}`);
  }
});

/** The i-th of the usual images as a PNG file's bytes. */
function image(i) {
  return greyPng(8, bars(200, 7).pixels.slice(i * 64, i * 64 + 64));
}

test('score --explain: in words, the piece that weighs most first', (t) => {
  const own = folder(t);
  const odd = greyPng(
    8,
    Array.from({ length: 64 }, (_, i) => (i * 97) % 256),
  );
  const files = [image(0), odd, greyPng(8, Array(64).fill(0))].map((bytes, i) =>
    write(join(own, `${i}.png`), bytes),
  );
  const explain = ['--explain', join(own, 'why.png')];
  const rows = ok(['score', model, ...files, ...explain, '--json']);
  for (const { scores, weighs_most } of rows.slice(0, 2)) {
    const most = Math.max(...Object.values(scores).map(({ surprise }) => surprise));
    assert.equal(scores[weighs_most].surprise, most);
  }
  assert.equal(rows[2].weighs_most, null);
  assert.deepEqual(rows[2].nearest, []);
  const lines = ok(['score', model, ...files, ...explain]).split('\n');
  assert.equal(lines.length, 3 + 3 + 1 + 1); // of the empty one there is nothing to say
  const p = rows[1].scores[rows[1].weighs_most].p.toFixed(4);
  assert.ok(lines[4].startsWith(`       weighs most: ${rows[1].weighs_most} p ${p}; then: `));
  assert.equal(lines[4].split(' p 0').length - 1, 4, lines[4]); // all pieces
  assert.match(lines[5], /^ {7}nearest known: [01] \(image \d+\) at \d\.\d{4}(, [^,]+){4}$/);
  // Without --explain there is a line an image, and nothing else.
  assert.equal(ok(['score', model, ...files]).split('\n').length, 4);
});

test('score --explain: without a gallery, and what it refuses', (t) => {
  const own = folder(t);
  const alone = join(own, 'm.safetensors');
  copyFileSync(model, alone);
  const file = write(join(own, '0.png'), image(0));
  const out = join(own, 'why.png');
  const [row] = ok(['score', alone, file, '--explain', out, '--json']);
  assert.deepEqual(row.nearest, []);
  assert.equal(decode(out).width, 14 * (3 * 9 + 1));
  rmSync(out);
  const refused = (args, code, pattern) => fails(args, code, pattern, { path: own });
  refused(['score', alone, file, '--explain', join(own, 'why.jpg')], 2, /ending in \.png/);
  refused(['score', alone, file, '--explain', file], 2, /--explain is one of the inputs/);
  refused(['score', alone, file, '--explain', join(own, 'no', 'x.png')], 5, /no\/x\.png: /);
  const many = Array(920).fill(file);
  refused(['score', alone, ...many, '--explain', out], 2, /920 images make a PNG of over 8192/);
  writeFileSync(join(own, 'm.gallery.safetensors'), 'garbage');
  refused(['score', alone, file, '--explain', out], 4, /m\.gallery\.safetensors: /);
});

test('score --classifier: another opinion, whatever the verdict', (t) => {
  const own = folder(t);
  const { labels } = bars(200, 7);
  const rows = ok(['score', model, '--data', usual, '--classifier', classifier, '--json']);
  const right = rows.filter(({ classifier: said }, i) => said.class === labels[i]).length;
  assert.ok(right >= 190, `${right} of 200`);
  const large = ok(['score', classifier, '--data', usual, '--json']);
  assert.deepEqual(
    rows.map(({ classifier: said }) => said),
    large.map(({ class: label, name, probability }) => ({ class: label, name, probability })),
  );
  const odd = write(
    join(own, 'odd.png'),
    greyPng(
      8,
      Array.from({ length: 64 }, (_, i) => (i * 97) % 256),
    ),
  );
  const blank = write(join(own, 'blank.png'), greyPng(8, Array(64).fill(0)));
  const words = ['score', model, odd, blank, '--alpha', '0.05', '--classifier', classifier];
  const [out, empty] = ok([...words, '--json']);
  assert.equal(out.verdict, 'out');
  assert.ok(out.classifier.probability >= 0.5);
  assert.deepEqual(empty.classifier, { class: null, probability: null });
  const lines = ok(words).split('\n');
  assert.match(
    lines[0],
    /^out .*held-out images {2}the classifier says [01], (over )?[\d.]+ % {2}/,
  );
  assert.doesNotMatch(lines[1], /classifier/);
  fails(
    ['score', model, odd, '--classifier', model],
    4,
    /bars\.safetensors: .*tells classes apart/,
  );
  fails(['score', model, odd, '--classifier', 'none'], 5, /none: /);
});

test('calibrate --alpha: kept in the model, and used where none is given', (t) => {
  const own = folder(t);
  const file = join(own, 'm.safetensors');
  copyFileSync(model, file);
  assert.equal(ok(['inspect', file, '--json']).alpha, 0.01);
  const before = ok(['inspect', file, '--json']);
  const report = ok(['calibrate', file, '--alpha', '0.2', '--json']);
  assert.deepEqual([report.alpha, report.images, report.scores], [0.2, null, 90]);
  assert.equal(report.finest_p, 1 / 91);
  const { bytes: _, alpha, ...rest } = ok(['inspect', file, '--json']);
  assert.equal(alpha, 0.2);
  assert.deepEqual(rest.calibration, before.calibration);
  assert.equal(rest.weights_sha256, before.weights_sha256);
  const verdicts = (...more) =>
    ok(['score', file, '--data', usual, '--json', ...more]).map(({ p, verdict }) => [p, verdict]);
  assert.deepEqual(verdicts(), verdicts('--alpha', '0.2'));
  assert.notDeepEqual(verdicts(), verdicts('--alpha', '0.05'));
  for (const [p, verdict] of verdicts()) assert.equal(verdict, p <= 0.2 ? 'out' : 'in');
  // New images leave it as it is, and both can be asked for at once.
  assert.equal(ok(['calibrate', file, '--data', usual, '--json']).alpha, 0.2);
  const both = ok(['calibrate', file, '--data', usual, '--alpha', '0.125', '--json']);
  assert.deepEqual([both.alpha, both.images], [0.125, 200]);
  assert.match(
    ok(['calibrate', file, '--data', usual, '--alpha', '0.05']),
    /: calibrated for image on 200 images\n.*: the finest p is 0\.008264, by 120 images for image; an alpha below that can never flag\n.*: one false alarm in 20, alpha 0\.05, unless --alpha says otherwise\n$/,
  );
  const bytes = readFileSync(file);
  fails(['calibrate', file, '--alpha', '1e-13'], 2, /--alpha 1e-13 cannot be kept/);
  fails(['calibrate', file, '--alpha', '1'], 2, /--alpha wants a number between 0 and 1/);
  fails(['calibrate', file, '--alpha', '0.1', '--preparation', 'ink'], 4, /not calibrated for ink/);
  assert.deepEqual(readFileSync(file), bytes);
});

test('an alpha finer than the calibration is told, and changes nothing', (t) => {
  const file = write(join(folder(t), '0.png'), image(0));
  const note =
    /^likeness: note: .*bars\.safetensors: by 90 held-out images no p is under 0\.011: at alpha 0\.01 nothing can be flagged, from --alpha 0\.011 on it can\n$/;
  const result = run(['score', model, file, '--json']);
  assert.equal(result.code, 0);
  assert.match(result.stderr, note);
  assert.equal(result.json.length, 1);
  assert.equal(run(['score', model, file, '--alpha', '0.011']).stderr, '');
});
