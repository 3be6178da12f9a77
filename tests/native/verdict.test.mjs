// What a trained model is asked: score, eval, calibrate, encode, reconstruct, neighbours.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  bars,
  fails,
  folder,
  greyPng,
  npy,
  ok,
  png,
  RGB,
  random,
  readNpy,
  run,
  trainBars,
  write,
  writeBars,
} from './helpers.mjs';

let path, model, usual, noise;
before(() => {
  path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  ({ model } = trainBars(path, ['--ink', '--holdout', '150']));
  usual = writeBars(path, 200, 7, 'usual');
  const next = random(9);
  noise = write(
    join(path, 'noise.npy'),
    npy(
      [100, 8, 8],
      Array.from({ length: 6400 }, () => next() * 255),
    ),
  );
});
after(() => rmSync(path, { recursive: true, force: true }));

/** The i-th of the usual images as a PNG file. */
function picture(i) {
  return write(
    join(path, `usual-${i}.png`),
    greyPng(8, bars(200, 7).pixels.slice(i * 64, i * 64 + 64)),
  );
}

test('score: one object for each image, in order', () => {
  const files = [0, 1, 2].map(picture);
  const empty = write(join(path, 'empty.png'), greyPng(8, Array(64).fill(0)));
  const rows = ok(['score', model, ...files, empty, '--json']);
  assert.deepEqual(
    rows.map(({ file }) => file),
    [...files, empty],
  );
  for (const row of rows.slice(0, 3)) {
    assert.ok(['in', 'out'].includes(row.verdict));
    assert.ok(row.p > 0 && row.p <= 1 && Number.isFinite(row.score));
    assert.equal(row.verdict, row.p <= 0.01 ? 'out' : 'in');
    assert.ok(Object.keys(row.scores).length >= 3);
    for (const { value, p } of Object.values(row.scores))
      assert.ok(Number.isFinite(value) && p > 0 && p <= 1);
  }
  assert.equal(rows[3].verdict, 'empty');
  assert.match(
    ok(['score', model, files[0]]),
    /^(in|out) +p 0\.\d{4} +more unusual than [\d.]+ % of held-out images {2}.*usual-0\.png\n$/,
  );
  assert.match(ok(['score', model, empty]), /^empty +p - +nothing to be seen {2}.*empty\.png\n$/);
});

test('score: never said to be more unusual than all of the held-out images', () => {
  const many = join(path, 'many.safetensors');
  ok(['calibrate', model, '--data', writeBars(path, 4000, 3, 'many'), '--out', many]);
  const checks = Array.from({ length: 64 }, (_, i) => 255 * ((i + (i >> 3)) % 2));
  const line = ok(['score', many, write(join(path, 'checks.png'), greyPng(8, checks))]);
  assert.match(line, /^out +p 0\.0004 +more unusual than 99\.9 % of held-out images /);
});

test("score: a model's title cannot reach the terminal", (t) => {
  const bytes = readFileSync(model, 'latin1');
  const hostile = bytes.replace('"title":"images"', '"title":"\\u001b"'); // as long
  assert.notEqual(hostile, bytes);
  const file = write(join(folder(t), 'x.safetensors'), Buffer.from(hostile, 'latin1'));
  assert.match(ok(['score', file, picture(0)]), / % of held-out \\x1b {2}/);
});

test('score: a data set, its PNGs and names on standard input give the same answers', () => {
  const files = [0, 1, 2, 3].map(picture);
  const bare = (rows) => rows.map(({ file, ...rest }) => rest);
  const fromSet = ok(['score', model, '--data', usual, '--limit', '4', '--json']);
  assert.deepEqual(
    fromSet.map(({ file }) => file),
    [0, 1, 2, 3].map((i) => `${usual}#${i}`),
  );
  assert.deepEqual(bare(ok(['score', model, ...files, '--json'])), bare(fromSet));
  const fromInput = ok(['score', model, '-', '--json'], { input: `${files.join('\n')}\n\n` });
  assert.deepEqual(bare(fromInput), bare(fromSet));
  for (const more of [
    ['--threads', '1'],
    ['--threads', '3', '--simd', 'scalar'],
  ])
    assert.deepEqual(bare(ok(['score', model, ...files, '--json', ...more])), bare(fromSet));
  const ink = ok(['score', model, ...files, '--ink', '--json']);
  assert.notDeepEqual(bare(ink), bare(fromSet));
});

test('score: --fail-on-ood and --alpha', () => {
  const odd = write(
    join(path, 'odd.png'),
    greyPng(
      8,
      Array.from({ length: 64 }, (_, i) => (i * 97) % 256),
    ),
  );
  const result = run(['score', model, odd, '--json']);
  assert.equal(result.code, 0);
  assert.equal(result.json[0].verdict, 'in'); // so few held-out images cannot say 1 % ...
  const flagged = run(['score', model, odd, '--json', '--alpha', '0.05', '--fail-on-ood']);
  assert.equal(flagged.code, 10);
  assert.equal(flagged.stderr, '');
  assert.equal(flagged.json[0].verdict, 'out'); // ... but they can say 5 %
  const [first] = ok(['score', model, '--data', usual, '--limit', '1', '--json']);
  assert.equal(first.verdict, 'in');
  assert.equal(run(['score', model, picture(0), '--fail-on-ood']).code, 0);
});

test('score: images that cannot be judged', () => {
  const good = picture(0);
  const bad = write(join(path, 'bad.png'), 'not a picture');
  fails(['score', model, bad], 3, /bad\.png: neither PNG nor JPEG/, { path });
  fails(['score', model, join(path, 'absent.png')], 5, /cannot open/, { path });
  fails(['score', model], 2, /give images or --data/, { path });
  fails(['score', model, good, '--data', usual], 2, /not both/, { path });
  fails(['score', model, '-'], 2, /no image is named/, { path, options: { input: '' } });
  fails(['score', bad, good], 4, /bad\.png: /, { path });
});

test('a broken model is refused whatever is cut off or changed', (t) => {
  const own = folder(t);
  const bytes = readFileSync(model);
  const file = join(own, 'm.safetensors');
  const header = Number(bytes.readBigUInt64LE(0));
  for (let length = 0; length < bytes.length; length += Math.ceil(bytes.length / 40)) {
    writeFileSync(file, bytes.subarray(0, length));
    fails(['inspect', file], 4, /m\.safetensors: /, { path: own });
  }
  const nan = Buffer.from(bytes);
  nan.writeFloatLE(NaN, 8 + header);
  writeFileSync(file, nan);
  fails(['inspect', file], 4, /./, { path: own });
  writeFileSync(file, Buffer.concat([bytes, Buffer.from('x')]));
  fails(['inspect', file], 4, /./, { path: own });
});

test('eval: errors by hand, false alarms by their p, separation of noise', () => {
  const report = ok([
    'eval',
    model,
    '--data',
    usual,
    '--ood',
    `noise=${noise}`,
    '--ood',
    `same=${usual}`,
    '--json',
  ]);
  assert.equal(report.images, 200);
  // The same errors from the reconstructions themselves.
  const out = join(path, 'usual.npy');
  const reconstructed = ok(['reconstruct', model, '--data', usual, '--out', out, '--json']);
  const { shape, values } = readNpy(out);
  assert.deepEqual(shape, [200, 1, 8, 8]);
  const x = Array.from(bars(200, 7).pixels, (v) => v / 255);
  const mean = (f) => x.reduce((sum, v, i) => sum + f(v, values[i]), 0) / x.length;
  const mse = mean((a, b) => (a - b) ** 2);
  const expected = {
    mae: mean((a, b) => Math.abs(a - b)),
    mse,
    bce: mean((a, b) => -(a * Math.log(b) + (1 - a) * Math.log(1 - b))),
    sse_per_image: 64 * mse,
    psnr: -10 * Math.log10(mse),
  };
  for (const [key, value] of Object.entries(expected)) {
    assert.ok(Math.abs(report.reconstruction[key] / value - 1) < 1e-4, key);
    assert.ok(Math.abs(reconstructed.reconstruction[key] / value - 1) < 1e-4, key);
  }
  const sums = Array.from({ length: 200 }, (_, i) =>
    x.slice(64 * i, 64 * i + 64).reduce((sum, a, p) => sum + (a - values[64 * i + p]) ** 2, 0),
  );
  const variance = sums.reduce((sum, v) => sum + (v - 64 * mse) ** 2, 0) / 200;
  const { sse_standard_error: error } = report.reconstruction;
  assert.ok(Math.abs(error / Math.sqrt(variance / 200) - 1) < 1e-4, `${error}`);
  const rows = ok(['score', model, '--data', usual, '--json']);
  assert.deepEqual(
    report.false_alarms,
    [0.01, 0.05, 0.1].map((alpha) => ({
      alpha,
      rate: rows.filter(({ p, verdict }) => verdict === 'empty' || p <= alpha).length / 200,
    })),
  );
  const [other, same] = report.ood;
  assert.deepEqual(Object.keys(other), ['name', 'images', 'auroc', 'aupr', 'fpr95']);
  assert.equal(other.name, 'noise');
  assert.equal(other.images, 100);
  assert.ok(other.auroc > 0.99 && other.aupr > 0.98 && other.fpr95 < 0.05, JSON.stringify(other));
  assert.equal(same.auroc, 0.5);
  for (const key of ['cosine_1nn', 'pixel_1nn']) assert.ok(report.neighbours[key] > 0.9, key);
  assert.ok(!('accuracy' in report));
  assert.match(ok(['eval', model, '--data', usual]), /^200 images\n/);
});

test('eval: empty images rank above all others and count as flagged', () => {
  const blank = write(join(path, 'blank.npy'), npy([50, 8, 8], new Uint8Array(3200)));
  const report = ok(['eval', model, '--data', usual, '--ood', `blank=${blank}`, '--json']);
  assert.equal(report.ood[0].auroc, 1);
  const flagged = ok(['eval', model, '--data', blank, '--json']);
  assert.deepEqual(
    flagged.false_alarms.map(({ rate }) => rate),
    [1, 1, 1],
  );
});

test('eval: what does not apply is absent, what is wrong is refused', (t) => {
  const own = folder(t);
  const alone = join(own, 'm.safetensors');
  copyFileSync(model, alone);
  assert.ok(!('neighbours' in ok(['eval', alone, '--data', usual, '--json'])));
  assert.ok(!('ood' in ok(['eval', alone, '--data', usual, '--json'])));
  assert.ok(!('neighbours' in ok(['eval', model, '--data', noise, '--json']))); // no labels
  fails(['eval', model], 2, /--data SPEC is needed/);
  for (const bad of ['x', '=x', 'x='])
    fails(['eval', model, '--data', usual, '--ood', bad], 2, /NAME=SPEC/);
  fails(['eval', model, '--data', usual, '--ood', `x=${own}/absent`], 5, /no such file/);
  // A gallery of another model.
  trainBars(own, ['--seed', '5']);
  copyFileSync(join(own, 'bars.gallery.safetensors'), join(own, 'm.gallery.safetensors'));
  fails(['eval', alone, '--data', usual], 4, /m\.gallery\.safetensors: /);
});

test('calibrate: new held-out images, another file, at least 20', (t) => {
  const own = folder(t);
  const out = join(own, 'new.safetensors');
  const report = ok(['calibrate', model, '--data', usual, '--out', out, '--json']);
  assert.equal(report.preparation, 'image');
  assert.equal(report.images, 200);
  assert.equal(report.finest_p, 1 / (report.scores + 1));
  const inspect = ok(['inspect', out, '--json']);
  assert.equal(inspect.calibration.image.images, report.scores);
  assert.deepEqual(inspect.calibration.ink, ok(['inspect', model, '--json']).calibration.ink);
  assert.equal(
    ok(['calibrate', out, '--data', usual, '--preparation', 'ink', '--json']).preparation,
    'ink',
  );
  const bytes = readFileSync(out);
  fails(
    ['calibrate', out, '--data', usual, '--limit', '19'],
    3,
    /19 images; calibration needs at least 20/,
    { path: own },
  );
  fails(['calibrate', out, '--data', usual, '--out', usual], 2, /--out is the data/);
  fails(['calibrate', out], 2, /--data SPEC or --alpha SHARE is needed/);
  assert.deepEqual(readFileSync(out), bytes);
});

test('encode and reconstruct: shapes, formats, refusals', (t) => {
  const own = folder(t);
  const codes = join(own, 'z.npy');
  assert.deepEqual(ok(['encode', model, picture(0), picture(1), '--out', codes, '--json']), {
    file: codes,
    images: 2,
    latent: 4,
  });
  const some = readNpy(codes);
  assert.deepEqual(some.shape, [2, 4]);
  ok(['encode', model, '--data', usual, '--out', codes]);
  const all = readNpy(codes);
  assert.deepEqual(all.shape, [200, 4]);
  assert.deepEqual(all.values.subarray(0, 8), some.values);

  const image = join(own, 'x.png');
  ok(['reconstruct', model, picture(0), '--out', image]);
  ok(['reconstruct', model, picture(0), '--out', join(own, 'x.npy')]);
  // The PNG holds the same values, rounded.
  const rounded = Uint8Array.from(readNpy(join(own, 'x.npy')).values, (v) => Math.round(v * 255));
  const again = ok(['data', 'info', own, '--shape', '1x8x8', '--json']);
  assert.ok(Math.abs(again.mean - rounded.reduce((a, b) => a + b) / 64 / 255) < 1e-6);

  fails(['encode', model, picture(0)], 2, /--out FILE is needed/, { path: own });
  fails(['encode', model, picture(0), '--out', join(own, 'y.png')], 2, /ending in \.npy/, {
    path: own,
  });
  fails(
    ['reconstruct', model, picture(0), picture(1), '--out', join(own, 'y.png')],
    2,
    /one image, not 2/,
    { path: own },
  );
  fails(['reconstruct', model, picture(0), '--out', picture(0)], 2, /--out is one of the inputs/);
  fails(['encode', model, '--data', noise, '--out', noise], 2, /--out is one of the inputs/);
});

test('neighbours: the nearest codes, nearest first, by a search by hand', (t) => {
  // With nothing held out, origins are places in the data.
  const own = folder(t);
  const { model: all, data: images } = trainBars(own, ['--holdout', '0']);
  ok(['encode', all, '--data', images, '--out', join(own, 'z.npy')]);
  const { values } = readNpy(join(own, 'z.npy'));
  const code = (i) => values.subarray(4 * i, 4 * i + 4);
  const dot = (a, b) => a.reduce((sum, v, k) => sum + v * b[k], 0);
  const distances = {
    l2: (a, b) => Math.sqrt(a.reduce((sum, v, k) => sum + (v - b[k]) ** 2, 0)),
    cosine: (a, b) => 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)),
  };
  const { pixels, labels } = bars(600, 1);
  const longest = Math.max(
    ...Array.from({ length: 600 }, (_, i) => Math.sqrt(dot(code(i), code(i)))),
  );
  for (const [metric, distance] of Object.entries(distances)) {
    // Codes are kept in 8 bits: distances are right to a level or two of the longest code.
    const near = metric === 'l2' ? longest / 30 : 0.01;
    for (const i of [0, 5, 77, 300, 599]) {
      const file = write(join(own, 'query.png'), greyPng(8, pixels.slice(i * 64, i * 64 + 64)));
      const found = ok(['neighbours', all, file, '--k', '9', '--metric', metric, '--json']);
      const sorted = Array.from({ length: 600 }, (_, j) => distance(code(i), code(j))).sort(
        (a, b) => a - b,
      );
      assert.equal(found.length, 9);
      for (const [j, row] of found.entries()) {
        assert.ok(row.index >= 0 && row.index < 600);
        assert.equal(row.label, labels[row.origin]);
        assert.ok(Math.abs(row.distance - distance(code(i), code(row.origin))) < near);
        assert.ok(Math.abs(row.distance - sorted[j]) < near);
        if (j) assert.ok(row.distance >= found[j - 1].distance);
      }
    }
  }
  assert.equal(ok(['neighbours', model, picture(0), '--json']).length, 8);
  const blank = write(join(path, 'blank.png'), greyPng(8, Array(64).fill(0)));
  assert.deepEqual(ok(['neighbours', model, blank, '--json']), []);
  assert.equal(ok(['neighbours', model, blank]), 'nothing to be seen\n');
  assert.match(
    ok(['neighbours', model, picture(0), '--k', '1']),
    /^ +1\. image \d+ +distance [\d.]+ +label [01]\n$/,
  );
});

test('neighbours: needs a gallery', (t) => {
  const own = folder(t);
  const alone = join(own, 'm.safetensors');
  copyFileSync(model, alone);
  fails(['neighbours', alone, picture(0)], 5, /m\.gallery\.safetensors: cannot open/, {
    path: own,
  });
  writeFileSync(join(own, 'm.gallery.safetensors'), 'garbage');
  fails(['neighbours', alone, picture(0)], 4, /m\.gallery\.safetensors: /, { path: own });
});

test('pictures of other sizes and colours are brought to the model', () => {
  const rows = Array.from({ length: 20 }, (_, y) =>
    Array.from({ length: 60 }, (_, i) => (y > 8 && y < 12 ? 240 : i % 3)),
  );
  const wide = write(join(path, 'wide.png'), png(20, rows, { color: RGB }));
  const [row] = ok(['score', model, wide, '--json']);
  assert.ok(['in', 'out'].includes(row.verdict));
});
