// Pictures: the pixels that were put in come out, the right way up.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  chunk,
  fails,
  folder,
  GREY_ALPHA,
  ok,
  PALETTE,
  png,
  RGB,
  RGBA,
  random,
  sha256,
  trainBars,
  write,
} from './helpers.mjs';
import { JPEGS, orientation, tiff, withApp1, withExif } from './jpegs.mjs';

const info = (spec, ...more) => ok(['data', 'info', spec, '--json', ...more]);

test('every kind of PNG gives the pixels that were put in', (t) => {
  const next = random(5);
  const bytes = (n) => Array.from({ length: n }, () => Math.floor(next() * 256));
  const rgb = [bytes(9), bytes(9)]; // 3 x 2
  const planes = (rows) =>
    [0, 1, 2].flatMap((c) => rows.flatMap((r) => [r[c], r[3 + c], r[6 + c]]));
  const grey = [bytes(3), bytes(3)];
  const tripled = [...grey.flat(), ...grey.flat(), ...grey.flat()];
  const palette = [
    [250, 0, 0],
    [0, 240, 10],
    [1, 2, 230],
    [9, 9, 9],
  ];
  const indices = [
    [3, 1, 2],
    [0, 0, 1],
  ];
  const opaque = (rows, channels) =>
    rows.map((r) => r.flatMap((v, i) => (i % channels === channels - 1 ? [v, 255] : [v])));
  const cases = {
    rgb: [png(3, rgb, { color: RGB }), planes(rgb)],
    rgba: [png(3, opaque(rgb, 3), { color: RGBA }), planes(rgb)],
    grey: [png(3, grey), tripled],
    greyAlpha: [png(3, opaque(grey, 1), { color: GREY_ALPHA }), tripled],
    palette: [
      png(3, indices, { color: PALETTE, palette }),
      planes(indices.map((r) => r.flatMap((i) => palette[i]))),
    ],
    // 16 bits: the nearest of 256 levels.
    deep: [
      png(
        3,
        grey.map((r) => r.flatMap((v) => [v, v])),
        { depth: 16 },
      ),
      tripled,
    ],
    // 1 bit, most significant first.
    bits: [
      png(3, [[0b10100000], [0b01000000]], { depth: 1 }),
      [255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0],
    ],
  };
  for (const [name, [file, expected]] of Object.entries(cases)) {
    const path = folder(t);
    write(join(path, 'x.png'), file);
    const found = info(path, '--shape', '3x2x3');
    assert.equal(found.sha256, sha256(Buffer.from(expected)), name);
  }
});

test('JPEG in grey, RGB, progressive, CMYK and YCCK', (t) => {
  const halves = (a, b) =>
    [0, 1, 2].flatMap((c) =>
      Array.from({ length: 8 }, () => [...Array(8).fill(a[c]), ...Array(8).fill(b[c])]).flat(),
    );
  const mean = (values) => values.reduce((a, b) => a + b) / values.length / 255;
  const ink = [40, 60, 220].map((v) => Math.round((v * 128) / 255)); // the right half, half black
  const cases = {
    GREY: halves([137, 137, 137], [20, 20, 20]),
    COLOUR: halves([200, 100, 50], [40, 60, 220]),
    PROGRESSIVE: halves([200, 100, 50], [40, 60, 220]),
    CMYK: halves([200, 100, 50], ink),
    YCCK: halves([200, 100, 50], ink),
  };
  for (const [name, expected] of Object.entries(cases)) {
    const path = folder(t);
    write(join(path, 'x.jpeg'), Buffer.from(JPEGS[name], 'base64'));
    const found = info(path, '--shape', '3x8x16');
    // YCbCr rounds to whole numbers: a level either way.
    assert.ok(Math.abs(found.mean - mean(expected)) < 1 / 255, name);
    if (name === 'GREY' || name === 'CMYK')
      assert.equal(found.sha256, sha256(Buffer.from(expected)));
  }
});

/** A grey progressive JPEG of 8 x 8 equal pixels in this many scans, each a pass over all of it. */
function manyScans(count) {
  const part = (marker, ...bytes) => [0xff, marker, 0, bytes.length + 2, ...bytes];
  const scan = (first, last, high, low) => [
    ...part(0xda, 1, 1, 0, first, last, (high << 4) | low),
    0x7f, // a Huffman code of one bit: no change, or no coefficient that is not 0
  ];
  const table = (kind) => part(0xc4, kind << 4, 1, ...Array(15).fill(0), 0);
  const head = [
    ...part(0xdb, 0, ...Array(64).fill(1)),
    ...part(0xc2, 8, 0, 8, 0, 8, 1, 1, 0x11, 0),
    ...table(0),
    ...table(1),
  ];
  const scans = [scan(0, 0, 0, 0)];
  for (let k = 1; scans.length < count; k++)
    for (let low = 13; low >= 0 && scans.length < count; low--)
      scans.push(scan(k, k, low === 13 ? 0 : low + 1, low));
  return Buffer.from([0xff, 0xd8, ...head, ...scans.flat(), 0xff, 0xd9]);
}

test('a JPEG may take 200 passes over its pixels, no more', (t) => {
  const path = folder(t);
  write(join(path, 'x.jpg'), manyScans(200));
  assert.equal(info(path, '--shape', '1x8x8').images, 1);
  write(join(path, 'x.jpg'), manyScans(201));
  fails(['data', 'info', path], 3, /broken JPEG: more than 200 scans; .* \(offset \d+\)/, { path });
});

// ---- Exif ----

const UPRIGHT = [
  [10, 60, 110],
  [150, 200, 250],
];
// Of a picture whose pixels lie so, what is seen, by its orientation.
const SEEN = [
  UPRIGHT,
  [
    [110, 60, 10],
    [250, 200, 150],
  ],
  [
    [250, 200, 150],
    [110, 60, 10],
  ],
  [
    [150, 200, 250],
    [10, 60, 110],
  ],
  [
    [10, 150],
    [60, 200],
    [110, 250],
  ],
  [
    [150, 10],
    [200, 60],
    [250, 110],
  ],
  [
    [250, 110],
    [200, 60],
    [150, 10],
  ],
  [
    [110, 250],
    [60, 200],
    [10, 150],
  ],
];
const blocks = Buffer.from(JPEGS.BLOCKS, 'base64');

/** Each value as a block of 8 x 8 pixels. */
const enlarge = (rows) =>
  rows.flatMap((row) => Array(8).fill(row.flatMap((value) => Array(8).fill(value))));

/** Asserts that of the picture, alone in a folder, these blocks are seen. */
function seen(t, bytes, rows, what) {
  const path = folder(t);
  write(join(path, 'x.jpg'), bytes);
  const found = info(path, '--shape', `1x${8 * rows.length}x${8 * rows[0].length}`);
  assert.equal(found.sha256, sha256(Buffer.from(enlarge(rows).flat())), what);
}

test('photographs stand as the camera was held, in either order of bytes', (t) => {
  for (const [i, rows] of SEEN.entries())
    for (const big of [false, true])
      seen(t, withExif(blocks, tiff([orientation(i + 1)], { big })), rows, `${i + 1} ${big}`);
  // The segments of cameras are many: what is not Exif goes before, too, and other entries.
  const other = Buffer.from('http://ns.adobe.com/xap/1.0/\0<x/>');
  const exif = Buffer.concat([
    Buffer.from('Exif\0\0'),
    tiff([[0x010f, 2, 4, 7], [0x0112, 3, 1, 99], orientation(6), orientation(3)]),
  ]);
  seen(t, withApp1(blocks, other, exif), SEEN[5], 'the first sound entry');
  seen(t, withExif(blocks, tiff([orientation(3)]), tiff([orientation(6)])), SEEN[2], 'the first');
});

test('Exif data that are damaged change nothing', (t) => {
  const sound = tiff([orientation(6)]);
  const at = (index, byte) => Buffer.from(sound).fill(byte, index, index + 1);
  const cases = [
    tiff([orientation(0)]),
    tiff([orientation(9)]),
    tiff([[0x0112, 4, 1, 6]]), // not of two bytes
    tiff([[0x0112, 3, 2, 6]]),
    tiff([[0x0112, 3, 0, 6]]),
    tiff([orientation(6)], { count: 0 }),
    tiff([[0x0100, 3, 1, 6]], { count: 65535 }), // more than there are
    tiff([orientation(6)], { at: 0xffffffff }),
    tiff([orientation(6)], { at: 0xfffffffe }),
    tiff([orientation(6)], { at: sound.length - 1 }),
    tiff([orientation(6)], { at: 0 }),
    at(0, 0x4d),
    at(2, 43),
  ];
  for (const [i, data] of cases.entries()) seen(t, withExif(blocks, data), UPRIGHT, `case ${i}`);
  for (let length = 0; length < 22; length++)
    seen(t, withExif(blocks, sound.subarray(0, length)), UPRIGHT, `${length} bytes`);
  seen(t, withApp1(blocks, Buffer.from('Exif')), UPRIGHT, 'the name alone');
});

test('a PNG too may say how it stands', (t) => {
  const upright = png(24, enlarge(UPRIGHT));
  const exif = chunk('eXIf', tiff([orientation(6)]));
  const parts = (at) => Buffer.concat([upright.subarray(0, at), exif, upright.subarray(at)]);
  seen(t, parts(33), SEEN[5]);
  seen(t, parts(upright.length - 12), UPRIGHT); // behind the pixels: browsers do not look there
});

test('wherever a photograph is read it is upright', (t) => {
  const path = folder(t);
  const { model, data } = trainBars(path, ['--holdout', '150']);
  const lying = write(join(path, 'lying.jpg'), withExif(blocks, tiff([orientation(8)])));
  const upright = write(join(path, 'upright.png'), png(16, enlarge(SEEN[7])));
  const same = (command, pick) => {
    const [a, b] = [lying, upright].map((file) => pick(ok([...command, file, '--json'])));
    assert.deepEqual(a, b, command[0]);
  };
  same(['score', model], ([{ p, score, scores }]) => [p, score, scores]);
  same(['neighbours', model], (rows) => rows);
  same(
    ['pca', '--data', data, '--components', '2'],
    ({ reconstructions }) => reconstructions[0].mse,
  );
});
