// Data sets of every format: what is read is what was written, and what is wrong is said precisely.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import {
  bars,
  fails,
  folder,
  greyPng,
  idx,
  npy,
  ok,
  png,
  RGB,
  run,
  sha256,
  write,
  writeBars,
} from './helpers.mjs';
import { JPEGS } from './jpegs.mjs';

const info = (spec, ...more) => ok(['data', 'info', spec, '--json', ...more]);
const IMAGES = 'x-images-idx3-ubyte';
const LABELS = 'x-labels-idx1-ubyte';
const pixels = Uint8Array.from({ length: 2 * 3 * 4 }, (_, i) => i * 10);
const pair = idx([2, 3, 4], pixels);

test('IDX: raw, gzipped, with labels, in colour, by a link', (t) => {
  const path = folder(t);
  const raw = write(join(path, IMAGES), pair);
  assert.equal(info(raw).classes, 0);
  write(join(path, LABELS), idx([2], [0, 6]));
  const found = info(raw);
  assert.deepEqual(found.shape, [1, 3, 4]);
  assert.equal(found.images, 2);
  assert.equal(found.classes, 7);
  assert.equal(found.sha256, sha256(pixels));
  assert.ok(Math.abs(found.mean - 115 / 255) < 1e-12);

  const packed = write(join(path, 'gz', `${IMAGES}.gz`), gzipSync(pair));
  write(join(path, 'gz', `${LABELS}.gz`), gzipSync(idx([2], [0, 6])));
  assert.equal(info(packed).sha256, sha256(pixels));
  assert.equal(info(packed).classes, 7);
  const noEnding = write(join(path, 'sniffed'), gzipSync(pair));
  assert.equal(info(noEnding).sha256, sha256(pixels));

  const link = join(path, 'link');
  symlinkSync(raw, link);
  assert.equal(info(link).sha256, sha256(pixels));

  // Interleaved on file, planes in memory.
  const colour = write(join(path, 'rgb-images-idx4-ubyte'), idx([1, 1, 2, 3], [1, 2, 3, 4, 5, 6]));
  assert.deepEqual(info(colour).shape, [3, 1, 2]);
  assert.equal(info(colour).sha256, sha256(Buffer.from([1, 4, 2, 5, 3, 6])));
  assert.equal(info(raw, '--limit', '1').sha256, sha256(pixels.subarray(0, 12)));
});

test('IDX and gzip: every bad file has its own line', (t) => {
  const path = folder(t);
  const gz = gzipSync(pair);
  const broken = Buffer.from(gz);
  broken[broken.length - 8] ^= 1; // the CRC
  const wrongLength = Buffer.from(gz);
  wrongLength[wrongLength.length - 4] ^= 1;
  const bomb = gzipSync(Buffer.concat([pair, Buffer.alloc(200 << 20)]));
  const cases = [
    ['empty', Buffer.alloc(0), /the file is empty \(offset 0\)/],
    ['html', Buffer.from('<!DOCTYPE html><html>404</html>'), /web page \(offset 0\)/],
    ['html-packed', gzipSync('<html>404</html>'), /web page \(offset 0\)/],
    ['png', greyPng(2, [0, 10, 20, 30]), /a picture; a data set is a folder of them \(offset 0\)/],
    ['jpeg', Buffer.from(JPEGS.COLOUR, 'base64'), /a picture; a data set is a folder of them/],
    ['magic', Buffer.from('hello, world'), /not IDX: it begins with 68656c6c \(offset 0\)/],
    ['floats', idx([1, 1, 1], [0, 0, 0, 0], 13), /type 0d is not supported/],
    ['rank-0', Buffer.from([0, 0, 8, 0, 0]), /rank 0 is not supported \(offset 3\)/],
    ['rank-9', Buffer.from([0, 0, 8, 9, 0]), /rank 9 is not supported \(offset 3\)/],
    ['header', pair.subarray(0, 9), /truncated: .* of the header are missing/],
    ['labels', idx([5], [1, 2, 3, 4, 5]), /holds labels, not images/],
    ['none', idx([0, 3, 4], []), /holds no images \(offset 4\)/],
    ['no-width', idx([2, 3, 0], []), /images of 3 x 0/],
    ['wide', idx([1, 9000, 1], []), /images of 9000 x 1/],
    ['channels', idx([1, 2, 2, 2], Buffer.alloc(8)), /2 channels; 1 or 3/],
    ['lies', idx([60000, 28, 28], Buffer.alloc(99)), /47039901 bytes of the images are missing/],
    ['overflow', idx([0xffffffff, 8192, 8192], []), /more than 2 GiB/],
    ['overflow-4', idx([0xffffffff, 8192, 8192, 3], []), /more than 2 GiB/],
    ['packed-lies', gzipSync(idx([2700000, 28, 28], [])), /cannot be packed into/],
    [
      'longer',
      Buffer.concat([pair, Buffer.from([1, 2])]),
      /2 unexpected bytes at the end \(offset 40\)/,
    ],
    ['crc', broken, /broken gzip: incorrect data check/],
    ['length', wrongLength, /broken gzip: incorrect length check/],
    ['junk', Buffer.concat([gz, Buffer.from('junk')]), /4 unexpected bytes at the end/],
    ['bomb', bomb, /more unpacked bytes than the header declares \(offset 40\)/],
  ];
  for (const [name, bytes, pattern] of cases) {
    const file = write(join(path, name), bytes);
    const { ms, stderr } = fails(['data', 'info', file], 3, pattern, { path });
    assert.ok(stderr.startsWith(`likeness: ${file}: `));
    assert.ok(ms < 1000, `${name} took ${ms} ms`);
  }
});

test('IDX: no truncation is taken for a whole file, raw or packed', (t) => {
  const path = folder(t);
  for (const whole of [pair, gzipSync(pair)]) {
    for (let length = 0; length < whole.length; length++) {
      const { code, stderr } = run([
        'data',
        'info',
        write(join(path, 'cut'), whole.subarray(0, length)),
      ]);
      assert.equal(code, 3, `${length} of ${whole.length} bytes`);
      assert.match(
        stderr,
        /^likeness: [^\n]*(truncated|empty|not IDX)[^\n]*\n$/,
        `${length} bytes`,
      );
    }
  }
});

test('IDX labels: count, kind and length', (t) => {
  const cases = [
    [idx([3], [1, 2, 3]), /3 labels for 2 images \(offset 4\)/],
    [pair, /holds images, not labels/],
    [idx([2], [1]), /truncated: 1 bytes of the labels are missing/],
    [idx([2], [1, 2, 3]), /1 unexpected bytes at the end/],
    [Buffer.from('<html>'), /web page/],
  ];
  for (const [labels, pattern] of cases) {
    const path = folder(t);
    const file = write(join(path, IMAGES), pair);
    write(join(path, LABELS), labels);
    fails(['data', 'info', file], 3, pattern, { path });
  }
  const path = folder(t);
  const swapped = write(join(path, IMAGES), idx([2], [0, 1]));
  write(join(path, LABELS), pair);
  fails(['data', 'info', swapped], 3, /holds labels, not images/, { path });
});

test('.npy: types, shapes and versions', (t) => {
  const path = folder(t);
  const file = join(path, 'x.npy');
  const grey = [0, 1, 2, 3, 4, 255];
  const expect = (bytes, shape, content, ...more) => {
    const found = info(write(file, bytes), ...more);
    assert.deepEqual(found.shape, shape);
    assert.equal(found.sha256, sha256(Buffer.from(content)));
  };
  expect(npy([1, 2, 3], grey), [1, 2, 3], grey);
  expect(npy([1, 2, 3], grey, { version: 2 }), [1, 2, 3], grey);
  const floats = grey.map((v) => v / 255);
  expect(npy([1, 2, 3], new Float32Array(floats), { descr: '<f4' }), [1, 2, 3], grey);
  expect(npy([1, 2, 3], new Float64Array(floats), { descr: '<f8' }), [1, 2, 3], grey);
  expect(npy([1, 1, 2, 3], [1, 2, 3, 4, 5, 6]), [3, 1, 2], [1, 4, 2, 5, 3, 6]);
  expect(npy([1, 3, 1, 2], [1, 2, 3, 4, 5, 6]), [3, 1, 2], [1, 2, 3, 4, 5, 6]);
  expect(npy([1, 6], grey), [1, 2, 3], grey, '--shape', '1x2x3');
});

test('.npy: every bad file has its own line', (t) => {
  const path = folder(t);
  const good = npy([1, 2, 3], [1, 2, 3, 4, 5, 6]);
  const at = (index, byte) => Buffer.from(good).fill(byte, index, index + 1);
  const floats = (value) => npy([1, 1, 2], new Float32Array([0.5, value]), { descr: '<f4' });
  // The longest header, which ends where its type would begin.
  const untyped = Buffer.from(`${"{'shape': (1,), 'fortran_order': False,".padEnd(1015)}'descr':`);
  const cases = [
    [Buffer.alloc(0), /not a \.npy file/],
    [at(0, 0), /not a \.npy file/],
    [at(6, 3), /version 3 is not supported \(offset 6\)/],
    [at(9, 255), /longer than the file/],
    [good.subarray(0, good.length - 1), /truncated: 1 bytes/],
    [Buffer.concat([good, Buffer.from('x')]), /1 unexpected bytes/],
    [npy([1, 2, 3], [], { descr: '|O' }), /type '\|O' is not supported/],
    [npy([1, 2, 3], [], { descr: '>f4' }), /type '>f4' is not supported/],
    [npy([1, 2, 3], [], { order: 'True' }), /Fortran order/],
    [npy([0, 2, 3], []), /holds no images/],
    [npy([4], [1, 2, 3, 4]), /not images/],
    [npy([1, 1, 1, 1, 1], [1]), /more than 4 dimensions/],
    [npy([1e9, 1e9, 1e9], []), /more than 2 GiB/],
    [npy([1, 9000, 1], Buffer.alloc(9000)), /side of 9000/],
    [npy([], [], { header: '{}' }), /descr, fortran_order and shape are needed/],
    [
      npy([], [], { header: "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 2), }" }),
      /whole numbers/,
    ],
    [
      npy([], [], { header: "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2" }),
      /broken|whole numbers|no end/,
    ],
    [Buffer.concat([Buffer.from('\x93NUMPY\x01\0\xff\x03', 'latin1'), untyped]), /no type/],
    [floats(NaN), /value nan is not between 0 and 1/],
    [floats(1.5), /value 1.5 is not between 0 and 1/],
    [floats(-0.1), /value -0.1 is not between 0 and 1/],
  ];
  const file = join(path, 'x.npy');
  for (const [bytes, pattern] of cases) {
    write(file, bytes);
    fails(['data', 'info', file], 3, pattern, { path });
  }
});

test('folders: classes by name, wrong endings, other sizes, limits', (t) => {
  const path = folder(t);
  const a = greyPng(2, [0, 10, 20, 30]);
  const b = greyPng(2, [200, 10, 20, 30]);
  write(join(path, 'set', 'zebra', '1.png'), a);
  write(join(path, 'set', 'ape', '2.JPG'), b); // a PNG, whatever its name says
  write(join(path, 'set', 'ape', 'notes.txt'), 'not a picture');
  write(join(path, 'set', 'ape', '.hidden.png'), 'not a picture');
  write(join(path, 'set', 'ape', 'line\nbreak \x1b[31m.png'), a);
  const found = info(join(path, 'set'), '--shape', '1x2x2');
  assert.deepEqual(found.labels, [
    { label: 0, name: 'ape', images: 2 },
    { label: 1, name: 'zebra', images: 1 },
  ]);
  // 2.JPG, then "line...", then zebra's.
  const expected = Buffer.from([200, 10, 20, 30, 0, 10, 20, 30, 0, 10, 20, 30]);
  assert.equal(found.sha256, sha256(expected));
  assert.deepEqual(info(join(path, 'set')).shape, [1, 2, 2]);
  assert.equal(info(join(path, 'set'), '--limit', '2').images, 2);

  write(join(path, 'flat', 'x.png'), a);
  const flat = info(join(path, 'flat'), '--shape', '1x2x2');
  assert.equal(flat.classes, 0);
  assert.equal(flat.images, 1);
});

test('folders: the shape that suits their pictures', (t) => {
  const rows = (width, height, channels, colour) =>
    Array.from({ length: height }, () =>
      Array.from({ length: width * channels }, (_, i) => (colour && i % 3 === 0 ? 200 : 90)),
    );
  const grey = (width, height = width) => png(width, rows(width, height, 1));
  const rgb = (width, colour) => png(width, rows(width, width, 3, colour), { color: RGB });
  const cases = [
    [
      [grey(20), grey(20)],
      [1, 20, 20],
    ],
    [[grey(32)], [1, 32, 32]],
    [[grey(33)], [1, 32, 32]], // too large
    [
      [grey(20), grey(24)],
      [1, 32, 32],
    ], // of several sizes
    [
      [grey(20), grey(20), grey(30), grey(20)],
      [1, 32, 32],
    ],
    [[grey(20, 24)], [1, 32, 32]], // no square
    [
      [rgb(20, false), grey(20)],
      [1, 20, 20],
    ], // grey in three channels
    [
      [rgb(20, false), rgb(20, true), grey(20)],
      [3, 20, 20],
    ],
  ];
  for (const [pictures, shape] of cases) {
    const path = folder(t);
    for (const [i, bytes] of pictures.entries()) write(join(path, `${i}.png`), bytes);
    assert.deepEqual(info(path).shape, shape);
  }
});

test('folders and pictures: every bad one has its own line', (t) => {
  const good = greyPng(2, [0, 10, 20, 30]);
  const crc = Buffer.from(good);
  crc[crc.indexOf('IDAT') + 6] ^= 0xff;
  const row = [[1, 2]];
  const jpeg = Buffer.from(JPEGS.COLOUR, 'base64');
  const cases = [
    ['empty', '', /the file is empty/],
    ['text', 'hello', /neither PNG nor JPEG; .* \(offset 0\)/],
    ['crc', crc, /broken PNG: /],
    ['cut', good.subarray(0, good.length - 14), /broken PNG: /],
    ['no-pixels', png(0, row, { height: 0 }), /broken PNG: /],
    ['huge', png(20000, row, { height: 20000 }), /20000 x 20000 pixels; sides must be 1 to 8192/],
    [
      'bomb',
      png(2, row, { data: deflateSync(Buffer.alloc(1 << 20)), height: 9000 }),
      /2 x 9000 pixels/,
    ],
    ['short', png(2, row, { height: 100 }), /broken PNG: /],
    ['garbage', png(2, row, { data: Buffer.from('garbage') }), /broken PNG: /],
    ['jpeg-cut', jpeg.subarray(0, jpeg.length - 12), /broken JPEG: /],
    ['jpeg-head', jpeg.subarray(0, 10), /broken JPEG: /],
  ];
  for (const [name, bytes, pattern] of cases) {
    const path = folder(t);
    const file = write(join(path, 'class', `${name}.png`), bytes);
    const { ms, stderr } = fails(['data', 'info', path], 3, pattern, { path });
    assert.ok(stderr.startsWith(`likeness: ${file}: `), stderr);
    assert.match(stderr, /; likeness data verify FOLDER names all such( \(offset \d+\))?\n$/);
    assert.ok(ms < 1000, `${name} took ${ms} ms`);
  }
});

test('folders: empty, mixed, with FIFOs, loops and strange names', (t) => {
  const good = greyPng(2, [0, 10, 20, 30]);
  const path = folder(t);
  fails(['data', 'info', path], 3, /no PNG or JPEG pictures/, { path });
  mkdirSync(join(path, 'a'));
  fails(['data', 'info', path], 3, /a class folder without PNG or JPEG/, { path });
  write(join(path, 'a', 'x.png'), good);
  write(join(path, 'y.png'), good);
  fails(['data', 'info', path], 3, /both pictures and class folders/, { path });

  const fifo = folder(t);
  assert.equal(spawnSync('mkfifo', [join(fifo, 'x.png')]).status, 0);
  const { ms } = fails(['data', 'info', fifo], 5, /not a regular file/, { path: fifo });
  assert.ok(ms < 1000);
  fails(['data', 'info', join(fifo, 'x.png')], 5, /not a regular file/, { path: fifo });

  const loop = folder(t);
  symlinkSync(join(loop, 'x.png'), join(loop, 'x.png'));
  fails(['data', 'info', loop], 5, /cannot open: Too many levels of symbolic links/);

  const strange = folder(t);
  write(join(strange, 'a\nb\x1b[31m\xc2\x9b.png'), 'no picture');
  const { stderr } = fails(['data', 'info', strange], 3, /a\\nb\\x1b\[31m/);
  assert.ok(!stderr.includes('\x1b'), 'escapes');
});

test('data sets by name: list, where they are, how to get them, slips', (t) => {
  const path = folder(t);
  const env = { LIKENESS_DATA: path };
  const list = ok(['data', 'list', '--json'], { env });
  assert.deepEqual(
    list.map((row) => `${row.name}:${row.part}`),
    ['mnist:train', 'mnist:test', 'fashion:train', 'fashion:test'],
  );
  for (const row of list) {
    if (row.found) continue;
    const spec = `${row.name}:${row.part}`;
    fails(['data', 'info', spec], 3, /data set not found: .*(npm|apt-get)/, { options: { env } });
    assert.match(row.how, /npm|apt-get/);
  }
  // One's own copy comes first.
  const own = writeBars(join(path, 'fashion'), 40, 3, 'train');
  const found = ok(['data', 'info', 'fashion', '--json'], { env });
  assert.equal(found.path, own);
  assert.equal(found.sha256, sha256(bars(40, 3).pixels));
  fails(['data', 'verify', 'fashion'], 3, /differs from the published/, { options: { env } });

  fails(['data', 'info', 'mnits'], 5, /did you mean mnist\?/);
  fails(['data', 'info', 'mnist:tset'], 2, /parts of mnist are train and test/);
  fails(['data', 'info', join(path, 'absent')], 5, /no such file, folder or data set/);
  fails(['data', 'lst'], 2, /did you mean list/);
  fails(['data', 'info'], 2, /wants a SPEC/);
});

test('classes: chosen by label, of every format, before the limit', (t) => {
  const path = folder(t);
  const set = bars(7, 4);
  const file = writeBars(path, 7, 4);
  const image = (i) => set.pixels.subarray(i * 64, (i + 1) * 64);
  const hash = (...which) => sha256(Buffer.concat(which.map(image)));
  const odd = info(`${file}:only=1`);
  assert.equal(odd.sha256, hash(1, 3, 5));
  assert.deepEqual(
    odd.labels.map((row) => row.images),
    [0, 3],
  );
  assert.equal(info(`${file}:without=1`).sha256, hash(0, 2, 4, 6));
  assert.equal(info(`${file}:without=1`).classes, 1);
  assert.equal(info(`${file}:only=1,0`).sha256, hash(0, 1, 2, 3, 4, 5, 6));
  assert.equal(info(`${file}:only=1`, '--limit', '2').sha256, hash(1, 3));
  const said = ok(['data', 'info', `${file}:only=1`]);
  assert.match(said, /3 images of 1x8x8, 1 class.*\n.*\nclass 1: 3 images\n$/);

  // A named set: its part comes first; what is chosen of it is not the published one.
  const env = { LIKENESS_DATA: path };
  writeBars(join(path, 'mnist'), 7, 4, 't10k');
  const chosen = ['data', 'info', 'mnist:test:only=1', '--json'];
  assert.equal(ok(chosen, { env }).sha256, hash(1, 3, 5));
  ok(['data', 'verify', 'mnist:test:only=1'], { env });

  // In a folder by name; pictures that are not chosen are not even looked at.
  const pictures = join(path, 'pictures');
  for (const [name, level] of Object.entries({ ape: 10, bear: 20, zebra: 30 }))
    write(join(pictures, name, 'x.png'), greyPng(2, [level, 200]));
  write(join(pictures, 'bear', 'y.png'), 'not a picture');
  const two = info(`${pictures}:without=bear`, '--shape', '1x1x2');
  assert.equal(two.sha256, sha256(Buffer.from([10, 200, 30, 200])));
  assert.deepEqual(
    two.labels.map(({ name, images }) => [name, images]),
    [
      ['ape', 1],
      ['bear', 0],
      ['zebra', 1],
    ],
  );
  assert.equal(info(`${pictures}:only=zebra`, '--shape', '1x1x2').images, 1);

  // A file of such a name is that file.
  const odder = write(join(path, 'odd:only=9'), idx([1, 1, 1], [5]));
  assert.equal(info(odder).images, 1);
  assert.equal(info(odder).classes, 0);
});

test('classes: what cannot be chosen is said in a line', (t) => {
  const path = folder(t);
  const file = writeBars(path, 6, 1);
  const bare = write(join(path, 'bare'), pair);
  const pictures = join(path, 'pictures');
  for (const name of ['ape', 'zebra']) write(join(pictures, name, 'x.png'), greyPng(1, [1]));
  const cases = [
    [`${file}:only=2`, 3, /has no images of class '2'/],
    [`${file}:only=01`, 3, /class '01'/],
    [`${file}:only=0:without=1`, 3, /class '0:without=1'/],
    [`${file}:without=1,one`, 3, /class 'one'/],
    [`${file}:only=`, 2, /only= wants classes/],
    [`${file}:without=1,`, 2, /without= wants classes/],
    [`${file}:without=0,1`, 3, /no class is left/],
    [`${bare}:only=1`, 3, /no labels to choose by/],
    [`${pictures}:only=0`, 3, /class '0'/],
    ['mnist:test:onyl=1', 2, /parts of mnist/],
    [`${join(path, 'absent')}:only=1`, 5, /no such file, folder or data set/],
  ];
  for (const [spec, code, pattern] of cases) fails(['data', 'info', spec], code, pattern, { path });
  const train = ['train', 'ae', '--data', `${file}:only=1`];
  fails([...train, '--out', file], 2, /--out is the data/, { path });
  const log = ['--log-jsonl', file];
  fails([...train, '--out', join(path, 'x'), ...log], 2, /--log-jsonl is the data/, { path });
});

test('the published data sets are what they were', (t) => {
  const list = ok(['data', 'list', '--json']);
  for (const row of list) {
    const spec = `${row.name}:${row.part}`;
    if (!row.found) {
      t.diagnostic(`${spec} is not here: skipped`);
      continue;
    }
    const verified = ok(['data', 'verify', spec, '--json']);
    assert.equal(verified.published, 'match');
    assert.equal(verified.images, row.part === 'train' ? 60000 : 10000);
  }
});
