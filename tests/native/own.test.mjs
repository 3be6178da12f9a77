// A folder of somebody's own pictures, with labels or without: one command gives a model that judges.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { folder, greyPng, ok, png, RGB, random, run, write } from './helpers.mjs';

const SIDE = 10;

/** A bright L somewhere in the picture, with a little noise; upside down, if it is asked for. */
function letter(i, turned = false) {
  const next = random(1000 + i);
  const [left, top] = [2 + Math.floor(3 * next()), 1 + Math.floor(2 * next())];
  const pixels = Array.from({ length: SIDE * SIDE }, (_, at) => {
    const [x, y] = [(at % SIDE) - left, Math.floor(at / SIDE) - top];
    const ink = (x >= 0 && x < 2 && y >= 0 && y < 7) || (x >= 0 && x < 5 && y >= 5 && y < 7);
    return (ink ? 200 : 0) + Math.floor(30 * next());
  });
  return turned ? pixels.reverse() : pixels;
}

function writeAll(path, count, bytesOf) {
  for (let i = 0; i < count; i++) write(join(path, `${i}.png`), bytesOf(i));
  return path;
}

test('train --data FOLDER --out FILE: a model with verdicts that are good', (t) => {
  const path = folder(t);
  const mine = writeAll(join(path, 'mine'), 300, (i) => greyPng(SIDE, letter(i)));
  const out = join(path, 'mine.safetensors');
  // As many epochs as it takes by itself, 2,000 here, would do no harm: see train_test.c.
  const report = ok(['train', '--data', mine, '--out', out, '--epochs', '300', '--json']);
  assert.deepEqual([report.family, report.images, report.holdout], ['gate', 250, 50]);
  assert.equal(report.augment, 'shift 2');
  assert.deepEqual(report.calibration, { image: 30 });
  assert.ok(report.arch.startsWith(`1x${SIDE}x${SIDE} > `));

  const flagged = (bytesOf) => {
    const fresh = writeAll(join(path, 'fresh'), 100, bytesOf);
    const rows = ok(['score', out, '--data', fresh, '--alpha', '0.1', '--json']);
    return rows.filter(({ verdict }) => verdict === 'out').length;
  };
  // By 30 images the rate of false alarms is known to some 6 % only.
  assert.ok(flagged((i) => greyPng(SIDE, letter(5000 + i))) <= 28);
  assert.ok(flagged((i) => greyPng(SIDE, letter(5000 + i, true))) >= 90);
  const next = random(5);
  assert.ok(
    flagged(() =>
      greyPng(
        SIDE,
        letter(1).map(() => 255 * next()),
      ),
    ) >= 95,
  );
});

test('train: pictures in folders by class are told apart, and what is half of each is neither', (t) => {
  const path = folder(t);
  // A bar on the left, or one below; and both at once.
  const bars = (kinds) => (i) => {
    const next = random(i);
    const at = Math.floor(3 * next());
    const inside = { left: (x) => x >> 1 === at, below: (_, y) => y >> 1 === 4 - at };
    return greyPng(
      SIDE,
      Array.from({ length: SIDE * SIDE }, (_, p) => {
        const ink = kinds.some((kind) => inside[kind](p % SIDE, Math.floor(p / SIDE)));
        return (ink ? 200 : 0) + Math.floor(30 * next());
      }),
    );
  };
  const mine = join(path, 'mine');
  for (const kind of ['left', 'below']) writeAll(join(mine, kind), 150, bars([kind]));
  const out = join(path, 'mine.safetensors');
  const train = (data, ...more) =>
    ok(['train', '--data', data, '--out', out, '--epochs', '300', '--json', ...more]);
  const alone = train(`${mine}:only=left`, '--epochs', '1');
  assert.deepEqual([alone.family, alone.images], ['gate', 125]);
  const report = train(mine);
  assert.deepEqual([report.family, report.images], ['gate-classes', 250]);
  assert.ok(report.arch.includes('> pose 2 42 >'), report.arch);
  const scored = (kinds, name) =>
    ok([
      'score',
      out,
      '--data',
      writeAll(join(path, name), 60, bars(kinds)),
      '--alpha',
      '0.1',
      '--json',
    ]);
  const flagged = (rows) => rows.filter(({ verdict }) => verdict === 'out').length;
  const usual = [...scored(['left'], 'a'), ...scored(['below'], 'b')];
  const both = scored(['left', 'below'], 'c');
  const median = (rows) =>
    rows.map(({ scores }) => scores.class.value).sort((a, b) => a - b)[rows.length / 2];
  assert.ok(flagged(usual) <= 36, `${flagged(usual)} of 120 flagged`);
  assert.ok(flagged(both) >= 54, `${flagged(both)} of 60 flagged`);
  assert.ok(median(both) > median(usual) + 1, `${median(both)} against ${median(usual)}`);
});

test('train: what is asked for goes before what the family has', (t) => {
  const path = folder(t);
  const mine = writeAll(join(path, 'mine'), 40, (i) => greyPng(SIDE, letter(i)));
  const out = join(path, 'mine.safetensors');
  const train = (...more) => ok(['train', '--data', mine, '--out', out, '--json', ...more]);
  const report = train('--epochs', '2', '--augment', 'rotate 5', '--holdout', '0');
  assert.equal(report.epochs.length, 2);
  assert.equal(report.augment, 'rotate 5');
  const hash = (...more) => train('--epochs', '6', '--holdout', '0', ...more).weights_sha256;
  const usual = ['--batch', '128', '--decay', '0.5', '--init', 'he', '--augment', 'shift 2'];
  assert.equal(hash(), hash(...usual));
  for (const other of [
    ['--batch', '20'],
    ['--decay', '0'],
    ['--init', 'glorot'],
    ['--augment', 'shift 0'],
  ])
    assert.notEqual(hash(), hash(...other), other.join(' '));
});

test('train: pictures of many sizes, grey and in colour, bright and large', (t) => {
  const path = folder(t);
  const mine = writeAll(join(path, 'mine'), 48, (i) => {
    if (i % 3 === 0) return greyPng(SIDE, letter(i));
    const [width, height] = [20 + i, 90 - i];
    const rows = Array.from({ length: height }, (_, y) =>
      Array.from({ length: 3 * width }, (_, x) => (x * y + i) % 256),
    );
    return png(width, rows, { color: RGB });
  });
  const out = join(path, 'mine.safetensors');
  const report = ok([
    'train',
    '--data',
    mine,
    '--out',
    out,
    '--epochs',
    '1',
    '--holdout',
    '20',
    '--json',
  ]);
  assert.ok(report.arch.startsWith('3x32x32 > '));
  assert.deepEqual(report.calibration, { image: 12 });
  const said = ok(['train', '--data', mine, '--out', out, '--epochs', '1', '--holdout', '20']);
  assert.match(said, /\njudges image by 12 held-out images: no p is under 0\.077\n$/);
  const rows = ok(['score', out, '--data', mine, '--json']);
  assert.equal(rows.length, 48);
});

test('of a folder all that cannot be read is told at once', (t) => {
  const path = folder(t);
  write(join(path, '1.png'), greyPng(2, [0, 10, 20, 30]));
  const text = write(join(path, '2.jpg'), 'hello');
  const none = write(join(path, '3.png'), '');
  const verified = run(['data', 'verify', path, '--json']);
  assert.deepEqual(verified.stderr.split('\n'), [
    `likeness: note: ${text}: neither PNG nor JPEG (offset 0)`,
    `likeness: note: ${none}: the file is empty (offset 0)`,
    `likeness: ${path}: 2 of 3 pictures cannot be read`,
    '',
  ]);
  assert.equal(verified.code, 3);
  assert.equal(verified.json.error.file, path);
  rmSync(text);
  rmSync(none);
  assert.equal(ok(['data', 'verify', path]), `${path}: ok, 1 image\n`);
});
