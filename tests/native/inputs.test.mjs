// Of many pictures one that cannot be read costs no other its verdict.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ARCH, bars, fails, greyPng, npy, ok, run, trainBars, write } from './helpers.mjs';

let path, model, good, broken, absent;
before(() => {
  path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  ({ model } = trainBars(path, ['--holdout', '150']));
  const { pixels } = bars(4, 9);
  good = [0, 1, 2, 3].map((i) =>
    write(join(path, 'in', `${i}.png`), greyPng(8, pixels.slice(i * 64, i * 64 + 64))),
  );
  broken = write(join(path, 'in', '1b.png'), 'hello');
  absent = join(path, 'absent.png');
});
after(() => rmSync(path, { recursive: true, force: true }));

test('score judges the others, says which is broken and why, and ends with its status', () => {
  const score = ['score', model, '--alpha', '0.1'];
  const files = [good[0], broken, good[1], absent, good[2]];
  const alone = ok([...score, ...good.slice(0, 3), '--json']);
  const lines =
    `likeness: ${broken}: neither PNG nor JPEG (offset 0)\n` +
    `likeness: ${absent}: cannot open: No such file or directory\n`;
  const all = run([...score, ...files, '--json']);
  assert.equal(all.code, 3);
  assert.equal(all.stderr, lines);
  const [first, wrong, second, none, third] = all.json;
  assert.deepEqual([first, second, third], alone);
  assert.deepEqual(wrong, {
    file: broken,
    error: { status: 'data', code: 3, message: 'neither PNG nor JPEG', offset: 0 },
  });
  assert.deepEqual([none.file, none.error.status, none.error.offset], [absent, 'io', null]);

  const plain = run([...score, ...files]);
  assert.deepEqual([plain.code, plain.stderr], [3, lines]);
  assert.equal(plain.stdout, ok([...score, ...good.slice(0, 3)]));
  assert.equal(
    run(['score', model, absent, broken, good[0]]).code,
    5,
    'of the first that is wrong',
  );
});

test('so it does with a classifier, with pictures of why, and on any number of threads', () => {
  const cnn = join(path, 'cnn.safetensors');
  const arch = '1x8x8 > conv 4 3 > dense 8 relu | dense 2 > ce';
  const data = join(path, 'bars-images-idx3-ubyte');
  ok(['train', '--arch', arch, '--data', data, '--out', cnn, '--epochs', '1', '--gallery', '0']);
  const files = [broken, ...good];
  const more = ['--classifier', cnn, '--explain', join(path, 'why.png'), '--json'];
  const one = run(['score', model, ...files, ...more, '--threads', '1']);
  assert.equal(one.code, 3);
  assert.deepEqual(
    one.json.map(({ error, classifier }) => [!!error, classifier !== undefined]),
    files.map((file) => [file === broken, file !== broken]),
  );
  const three = run(['score', model, ...files, ...more, '--threads', '3']);
  assert.deepEqual([three.code, three.stderr, three.json], [3, one.stderr, one.json]);
});

test('so it does with a folder, and with names from standard input', () => {
  const folder = run(['score', model, '--data', join(path, 'in'), '--json']);
  assert.equal(folder.code, 3);
  assert.equal(folder.json.length, 5);
  assert.equal(folder.json.filter(({ error }) => error).length, 1);
  const input = [good[0], broken, good[1]].join('\n');
  const named = run(['score', model, '-', '--json'], { input });
  assert.equal(named.code, 3);
  assert.deepEqual(
    named.json.map(({ file }) => file),
    [good[0], broken, good[1]],
  );
});

test('what cannot be read goes before what is unusual', () => {
  const noise = write(
    join(path, 'noise.png'),
    greyPng(
      8,
      Array.from({ length: 64 }, (_, i) => (i * 89) % 256),
    ),
  );
  const args = ['--fail-on-ood', '--alpha', '0.1'];
  assert.equal(run(['score', model, noise, good[0], ...args]).code, 10);
  assert.equal(run(['score', model, noise, broken, ...args]).code, 3);
});

test('a folder stands for its pictures wherever pictures are named', () => {
  const all = run(['score', model, join(path, 'in'), '--json']);
  const named = run(['score', model, ...good.slice(0, 2), broken, ...good.slice(2), '--json']);
  assert.deepEqual([all.code, all.stderr, all.json], [3, named.stderr, named.json]);
  const two = join(path, 'two');
  for (const [i, kind] of ['a', 'b'].entries())
    write(join(two, kind, `${i}.png`), readFileSync(good[i]));
  const rows = ok(['score', model, good[3], two, '--json']);
  assert.deepEqual(
    rows.map(({ file }) => file),
    [good[3], join(two, 'a', '0.png'), join(two, 'b', '1.png')],
  );
  const out = join(path, 'two.npy');
  assert.equal(ok(['encode', model, two, '--out', out, '--json']).images, 2);
  ok(['interpolate', model, two, '--out', out]);
  fails(['neighbours', model, two], 2, /neighbours wants one image/);
  const over = ['score', model, two, '--explain', rows[1].file];
  fails(over, 2, /--explain is one of the inputs/);
  const listed = ['score', model, '-', '--explain', good[1]];
  fails(listed, 2, /--explain is one of the inputs/, { options: { input: good.join('\n') } });
  const none = join(path, 'none');
  mkdirSync(none);
  fails(['score', model, none], 3, /none: no PNG or JPEG pictures in this folder/);
});

test('one picture alone is all that was asked of: its error is that of the command', () => {
  fails(['score', model, broken], 3, /1b\.png: neither PNG nor JPEG/);
  fails(['score', model, absent], 5, /cannot open/);
  const named = /neither PNG nor JPEG: a data set is named by --data \(offset 0\)/;
  const values = write(join(path, 'x.npy'), npy([2, 8, 8], bars(2).pixels));
  fails(['score', model, values], 3, named);
  fails(['score', model, join(path, 'bars-images-idx3-ubyte')], 3, named);
  fails(['score', model, write(join(path, 'x.csv'), '1,2\n')], 3, named);
  assert.equal(ok(['score', model, '--data', values, '--json']).length, 2);
});

test('one of a thing is one thing', () => {
  const one = ['--data', join(path, 'bars-images-idx3-ubyte'), '--limit', '1'];
  assert.match(ok(['data', 'info', one[1], '--limit', '1']), /: 1 image of 1x8x8, 1 class, /);
  assert.match(ok(['eval', model, ...one]), /^1 image\n/);
  assert.match(
    ok(['encode', model, ...one, '--out', join(path, 'z.npy')]),
    /: 1 code of 4 values\n/,
  );
  assert.match(ok(['cluster', '--pixels', ...one, '--k', '1']), /^1 image in 1 cluster by /);
  assert.match(ok(['eval', model, ...one.slice(0, 3), '2']), /^2 images\n/);
});

test('nothing is written over what is read, nor over a picture of a folder that is', () => {
  const kinds = join(path, 'kinds');
  for (const [i, kind] of ['a', 'a', 'b', 'b'].entries())
    write(join(kinds, kind, `${i}.png`), readFileSync(good[i]));
  const [first, last] = [join(kinds, 'a', '0.png'), join(kinds, 'b', '3.png')];
  const data = join(path, 'bars-images-idx3-ubyte');
  const whole = npy([4, 8, 8], bars(4, 5).pixels);
  const [a, b] = ['a.npy', 'b.npy'].map((name) => write(join(path, name), whole));
  const linked = join(path, 'linked.png');
  symlinkSync(last, linked);
  const ood = ['--ood', `x=${kinds}`];
  const cases = [
    [['audit', model, '--data', data, '--html', model], 'html'],
    [['audit', model, '--data', data, ...ood, '--html', first], 'html'],
    [['encode', model, '--data', `${a}+${b}`, '--out', b], 'out'],
    [['score', model, '--data', kinds, '--explain', first], 'explain'],
    [['score', model, '--data', `${kinds}:only=a`, '--explain', linked], 'explain'],
    [['map', '--pixels', '--data', `${data}+${kinds}`, '--out', last], 'out'],
    [['map', '--pixels', '--data', data, '--place', kinds, '--out', last], 'out'],
    [['pca', '--data', kinds, '--components', '1', '--out', last], 'out'],
    [['pca', good[0], '--data', data, '--reconstruct', good[0]], 'reconstruct'],
    [['cluster', model, '--data', kinds, '--k', '2', '--centres', first], 'centres'],
    [['outliers', model, '--data', data, ...ood, '--worst', first], 'worst'],
    [['interpolate', model, good[0], good[1], '--out', good[1]], 'out'],
  ];
  for (const [args, option] of cases)
    fails(args, 2, new RegExp(`--${option} is one of the inputs`), { path });
  const [gallery, report] = ['gallery.safetensors', 'report.json'].map((ending) =>
    model.replace('safetensors', ending),
  );
  const beside = /is a model's gallery or report/;
  for (const [args, option] of [
    [['map', model, '--data', data, '--out', report], 'out'],
    [['audit', model, '--data', data, '--html', report], 'html'],
    [['export', model, '--html', gallery], 'html'],
    [['calibrate', model, '--alpha', '0.2', '--out', gallery], 'out'],
  ])
    assert.match(fails(args, 2, beside, { path }).stderr, new RegExp(`--${option} `));
  const other = ['train', '--data', data, '--out', join(path, 'other.safetensors')];
  const log = (file, pattern, ...more) =>
    fails([...other, ...more, '--log-jsonl', file], 2, pattern, { path });
  log(model, /--log-jsonl is the model of --from/, '--arch', ARCH, '--from', model);
  log(gallery, /--log-jsonl is the model, its gallery or its report/, '--out', model);
  fails(['train', '--data', kinds, '--out', first], 2, /--out is the data/, { path });
  fails(['calibrate', model, '--data', kinds, '--out', first], 2, /--out is the data/, { path });
  assert.deepEqual(readFileSync(b), whole);
  assert.deepEqual(readFileSync(last), readFileSync(good[3]));
  const fresh = ['--out', join(kinds, 'a', 'eigen.npy')]; // a new file there harms none of them
  ok(['pca', '--data', kinds, '--components', '1', ...fresh]);
});
