// Rows of numbers: reading them, learning them, judging them.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  bars,
  fails,
  folder,
  npy,
  ok,
  random,
  readNpy,
  run,
  write,
  writeBars,
} from './helpers.mjs';

/** Standard normal numbers, the same in every run. */
function normals(seed) {
  const next = random(seed);
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/**
 * Rows like those of card transactions: six columns in units of their own, made of three amounts.
 * `broken`: every second column is that of another row. Each column by itself is as it was.
 */
function cards(count, seed, broken = false) {
  const normal = normals(seed);
  const rows = Array.from({ length: count }, () => {
    const [rich, late, away] = [normal(), normal(), normal()];
    const noise = () => 0.15 * normal();
    return [
      Math.exp(3 + 0.5 * (rich + noise())),
      12 + 4 * (late + noise()),
      40 * (away + noise()),
      5000 + 2000 * (rich + noise()),
      0.5 * (late - away + noise()),
      3e6 + 1e6 * (rich - late + noise()),
    ];
  });
  if (!broken) return rows;
  return rows.map((row, i) => row.map((v, c) => (c % 2 ? v : rows[(i + 1) % count][c])));
}

const HEADING = 'amount,hour,distance,income,shop,limit';
const csv = (rows) => `${[HEADING, ...rows.map((r) => r.join(','))].join('\n')}\n`;

test('table: rows that break the correlations are told from those that keep them', (t) => {
  const path = folder(t);
  const file = (name, text) => write(join(path, name), text);
  const known = file('known.csv', csv(cards(1500, 1)));
  const usual = file('usual.csv', csv(cards(300, 2)));
  const odd = file('odd.csv', csv(cards(300, 3, true)));
  const model = join(path, 'cards.safetensors');
  const report = ok(['train', '--data', known, '--out', model, '--json']);
  assert.equal(report.family, 'table');
  assert.match(report.arch, /^1x1x6 > table > .* > dense 3 \| .* > dense 6 > mse$/);
  assert.ok(report.validation_loss < 0.03, `${report.validation_loss}`);
  const result = ok(['eval', model, '--data', usual, '--ood', `odd=${odd}`, '--json']);
  assert.equal(result.images, 300);
  assert.ok(result.ood[0].auroc > 0.9, `${result.ood[0].auroc}`);
  assert.ok(result.false_alarms[2].rate < 0.2, JSON.stringify(result.false_alarms));
  assert.deepEqual(Object.keys(result.reconstruction), [
    ...['mae', 'mse', 'sse_per_image', 'sse_standard_error'],
  ]);

  // By one column alone, the two cannot be told apart: the margins are the same values.
  const sorted = (rows, c) => rows.map((r) => r[c]).sort((a, b) => a - b);
  for (let c = 0; c < 6; c++)
    assert.deepEqual(sorted(cards(300, 3), c), sorted(cards(300, 3, true), c));

  // A verdict for each row, by its file alone or as --data, the same on any number of threads.
  const rows = ok(['score', model, odd, '--json', '--threads', '1']);
  assert.equal(rows.length, 300);
  assert.equal(rows[7].file, `${odd}#7`);
  assert.deepEqual(ok(['score', model, '--data', odd, '--json', '--threads', '3']), rows);
  const flagged = rows.filter(({ p }) => p <= 0.05).length;
  assert.ok(flagged > 120, `${flagged} of 300`);
  assert.equal(run(['score', model, odd, '--fail-on-ood', '--alpha', '0.1']).code, 10);

  // The same rows as .npy give the same verdicts; the model holds what prepares them.
  const values = new Float32Array(cards(300, 3, true).flat());
  const floats = file('odd.npy', npy([300, 6], values, { descr: '<f4' }));
  const asFloats = ok(['score', model, floats, '--json']);
  assert.deepEqual(
    asFloats.map(({ p }) => p),
    rows.map(({ p }) => p),
  );
  const again = ok(['calibrate', model, '--data', usual, '--json']);
  assert.equal(again.images, 300);
  const clusters = ok(['cluster', model, '--data', usual, '--k', '3', '--json']);
  assert.equal(clusters.dimensions, 3);

  const z = join(path, 'codes.npy');
  ok(['encode', model, '--data', usual, '--out', z]);
  assert.deepEqual(readNpy(z).shape, [300, 3]);
  const nearest = ok(['neighbours', model, usual, '--train', usual, '--metric', 'l2', '--json']);
  assert.ok(nearest.every(({ file, neighbours: [first] }) => first.file === file));

  const refused = (args, code, pattern) => fails(args, code, pattern, { path });
  const narrow = file('narrow.csv', 'a,b\n1,2\n');
  refused(['score', model, '-'], 2, /the model is of rows of numbers: give one file of them/);
  refused(['score', model, narrow], 3, /rows of 2 numbers, and the model is of 6/);
  const bars = writeBars(path, 40, 1);
  refused(['score', model, '--data', bars], 3, /images, and the model is of rows/);
  refused(
    ['reconstruct', model, '--data', usual, '--out', join(path, 'z.npy')],
    2,
    /this is for images/,
  );
  refused(['score', model, usual, '--explain', join(path, 'x.png')], 2, /are for images/);
  refused(['eval', model, '--data', usual, '--corrupt', 'noise 1'], 2, /are for images/);
  refused(['audit', model, '--data', usual], 4, /rows of numbers, not of images/);
  refused(['export', model, '--html', join(path, 'x.html')], 4, /rows of numbers, not of images/);
});

test('table: --half rounds what is learnt, not the units of columns', (t) => {
  const path = folder(t);
  const normal = normals(5);
  const rows = Array.from({ length: 400 }, () => {
    const [a, b] = [normal(), normal()];
    return [1013.25 + 0.1 * a, b, 1e-8 * (a - b), 3e6 + a + b];
  });
  const known = write(join(path, 'known.csv'), csv(rows).replace(HEADING, 'a,b,c,d'));
  const errors = [[], ['--half']].map((half) => {
    const model = join(path, `of${half}.safetensors`);
    ok(['train', '--data', known, '--out', model, '--epochs', '20', '--json', ...half]);
    return ok(['eval', model, '--data', known, '--json']).reconstruction.mse;
  });
  assert.ok(Math.abs(errors[1] / errors[0] - 1) < 0.02, `${errors}`);
});

test('table: headings, quotes, labels, line ends', (t) => {
  const path = folder(t);
  const info = (text, spec = '') => {
    const file = write(join(path, 'x.csv'), text);
    return ok(['data', 'info', file + spec, '--json']);
  };
  const plain = info('1,2,3\n4,5,6\n');
  assert.deepEqual([plain.kind, plain.images, plain.shape], ['csv', 2, [1, 1, 3]]);
  assert.equal(plain.mean, 3.5);
  for (const text of [
    'a,b,c\n1,2,3\n4,5,6\n',
    'a,b,c\r\n1,2,3\r\n4,5,6',
    'a,b,"c"\r1,2,3\r4,5,6\r',
    '\ufeffa,"b, and ""b""",c\n"1", 2 ,3.0\n4e0,5,+6\n',
    '"a b",b,c\n1,2,3\n4,5,6',
  ])
    assert.deepEqual(
      [info(text).images, info(text).mean, info(text).sha256],
      [2, 3.5, plain.sha256],
      text,
    );
  const labelled = info('a,class,b\n1,fraud,2\n3,usual,4\n5,usual,6\n', ':label=class');
  assert.deepEqual([labelled.images, labelled.shape, labelled.classes], [3, [1, 1, 2], 2]);
  assert.deepEqual(
    labelled.labels.map(({ name, images }) => [name, images]),
    [
      ['fraud', 1],
      ['usual', 2],
    ],
  );
  const said = ok(['data', 'info', `${join(path, 'x.csv')}:label=class`]);
  assert.match(said, /: 3 rows of 1x1x2, 2 classes,/);
  assert.match(said, /\nclass 0: 1 row, fraud\nclass 1: 2 rows, usual\n$/);
  const chosen = ok(['data', 'info', `${join(path, 'x.csv')}:label=class:only=usual`, '--json']);
  assert.deepEqual([chosen.images, chosen.mean], [2, 4.5]);
});

test('table: without a family rows are learnt as rows, whatever their file, and images as images', (t) => {
  const path = folder(t);
  const values = Float32Array.from({ length: 60 * 6 }, (_, i) => ((i * 7) % 11) / 11);
  const file = write(join(path, 'x.npy'), npy([60, 6], values, { descr: '<f4' }));
  const text = write(
    join(path, 'x.csv'),
    Array.from({ length: 60 }, (_, i) => values.slice(6 * i, 6 * i + 6).join(',')).join('\n'),
  );
  const train = (...more) =>
    ok(['train', '--out', join(path, 'x.safetensors'), '--epochs', '2', '--json', ...more]);
  const report = train('--data', file);
  assert.equal(report.family, 'table');
  for (const same of [
    ['table', '--data', file],
    ['--data', text],
    ['--data', text, '--shape', '1x1x6'],
  ])
    assert.equal(train(...same).weights_sha256, report.weights_sha256, same.join(' '));
  const images = write(join(path, 'i.npy'), npy([60, 64], Buffer.from(bars(60).pixels)));
  assert.equal(train('--data', images, '--shape', '1x8x8').family, 'gate');
});

test('table: what is refused, by its line', (t) => {
  const path = folder(t);
  const refused = (text, pattern, spec = '', code = 3) => {
    const file = write(join(path, 'x.csv'), text);
    fails(['data', 'info', file + spec], code, pattern, { path });
  };
  refused('', /the file is empty/);
  refused('a,b\n', /holds no rows/);
  refused('a,b\n1,2\n3,x\n', /line 3, column 2: 'x' is no number; .* by :label=NAME$/m);
  refused('a;b\n1;2\n', /no column is called 'a': there is but one, for columns are/, ':label=a');
  refused('a,b\n1,\n', /line 2, column 2: there is no number/);
  refused('a,b\n1,NaN\n', /line 2, column 2: 'NaN' is no number/);
  refused('1,2\n1,inf\n', /line 2, column 2: 'inf' is no number/);
  refused('1,2\n1,0x10\n', /'0x10' is no number/);
  refused('1,2\n1,1e999\n', /'1e999' is no number/);
  refused('1,2\n1\n', /line 2 has fewer than 2 columns/);
  refused('1,2\n1,2,3\n', /line 2 has more than 2 columns/);
  refused('1,2\n\n1,2\n', /line 2 is empty/);
  refused('1,2\r\r\n1,2\r\r\n', /line 2 is empty/);
  refused('1,"2\n1,2\n', /line 1, column 2: a quote has no end/);
  refused('1,"2"3\n', /line 1, column 2: there is more behind a quote/);
  refused('1,2\n1,\x002\n', /line 2, column 2: a zero byte/);
  refused('a,b\n1,2\n', /no column is called 'class'/, ':label=class');
  refused('1,2\n1,2\n', /no column is called 'a': there is no heading/, ':label=a');
  refused('a,b\n1,\n', /line 2, column 2: there is no label/, ':label=b');
  refused('b\nx\n', /nothing but labels/, ':label=b');
  const bad = write(
    join(path, 'bad.npy'),
    npy([2, 2], new Float32Array([1, 2, 3, NaN]), { descr: '<f4' }),
  );
  fails(['data', 'info', bad], 3, /row 2, column 2: the value is not finite/);
  const six = write(join(path, 'six.npy'), npy([1, 6], [1, 2, 3, 4, 5, 6]));
  fails(['data', 'info', six, '--shape', '1x2x2'], 3, /rows of 6 values do not fit the shape/);
  const out = join(path, 'm.safetensors');
  const rows = write(join(path, 'rows.csv'), csv(cards(60, 1)));
  const train = (args, code, pattern) =>
    fails(['train', ...args, '--out', out], code, pattern, { path });
  train(['gate', '--data', rows], 2, /want family table/);
  train(['--data', rows, '--shape', '1x28x28'], 2, /rows of 6 numbers: --shape is for images/);
  const shaped = ['--data', rows, '--shape', '1x2x3'];
  fails(['pca', ...shaped], 2, /--shape is for images/, { path });
  fails(['cluster', '--pixels', ...shaped, '--k', '2'], 2, /--shape is for images/, { path });
  fails(['data', 'info', rows, ...shaped.slice(2)], 2, /--shape is for images/, { path });
  train(['table', '--data', rows, '--augment', 'shift 1'], 2, /are for images/);
  train(['table', '--data', writeBars(path, 60, 1)], 3, /this network is for rows of numbers/);
  train(
    ['--arch', '1x1x5 > table > dense 2 | dense 5 > mse', '--data', rows],
    3,
    /network is for 5/,
  );
});
