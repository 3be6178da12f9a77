// What was built, the data, and the native program, as the tests of the WASM module need them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateSync, gunzipSync } from 'node:zlib';

export const build = fileURLToPath(new URL('../../build/', import.meta.url));
export const wasmFile = `${build}wasm/likeness.wasm`;
/** The same with what a training needs. */
export const trainingFile = `${build}wasm/likeness-train.wasm`;
export const moduleFile = `${build}wasm/likeness.mjs`;
const program = `${build}likeness`;

// What the tests need from npm is installed for the page.
const require = createRequire(new URL('../../web/package.json', import.meta.url));
/** @type {typeof import('fast-check')} */
export const fc = require('fast-check');

/** The module as it was built, beside its likeness.wasm. @type {typeof import('likeness')} */
export const likeness = await import(moduleFile);

/** @param {string} name */
export function modelFile(name) {
  return `${build}models/${name}.safetensors`;
}

/** Why a test with these models must be skipped, or false. @param {...string} names */
export function without(...names) {
  const absent = [program, ...names.map(modelFile)].filter((file) => !existsSync(file));
  return absent.length ? `there is no ${absent.join(', no ')}` : false;
}

/** An IDX file of bytes, gzipped or not. @param {string} file its name without .gz */
export function readIdx(file) {
  const bytes = existsSync(file) ? readFileSync(file) : gunzipSync(readFileSync(`${file}.gz`));
  const sizes = Array.from({ length: bytes[3] }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  return { sizes, bytes: new Uint8Array(bytes.subarray(4 + 4 * sizes.length)) };
}

/**
 * The test images of a data set, one grey byte a pixel.
 * @param {string} set @returns {{count: number, height: number, width: number, pixels: Uint8Array}}
 */
export function testImages(set) {
  const { sizes, bytes } = readIdx(`${build}data/${set}/t10k-images-idx3-ubyte`);
  const [count, height, width] = sizes;
  return { count, height, width, pixels: bytes };
}

/** A folder for the time of the work. @template T @param {(folder: string) => T} work */
function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'likeness-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A grey picture as a PNG. @param {{data: Uint8Array, width: number, height: number}} picture */
function png({ data, width, height }) {
  const chunk = (/** @type {string} */ type, /** @type {Uint8Array} */ body) => {
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type), body, Buffer.alloc(4)]);
    bytes.writeUInt32BE(body.length, 0);
    let crc = -1;
    for (const byte of bytes.subarray(4, -4)) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    bytes.writeInt32BE(~crc, bytes.length - 4);
    return bytes;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8; // bits, of grey
  const rows = Array.from({ length: height }, (_, y) =>
    Buffer.concat([Buffer.alloc(1), data.subarray(y * width, (y + 1) * width)]),
  );
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', new Uint8Array()),
  ]);
}

/**
 * What the native program says, in JSON, of one picture.
 * @param {{data: Uint8Array, width: number, height: number}} picture @param {...string} words
 */
export function nativeOf(picture, ...words) {
  return inFolder((folder) => {
    const file = join(folder, 'picture.png');
    writeFileSync(file, png(picture));
    return JSON.parse(String(native(...words, file, '--json')));
  });
}

/** @param {...string} words */
export function native(...words) {
  return execFileSync(program, words, {
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { LIKENESS_DATA: `${build}data`, ...process.env },
  });
}

/**
 * Codes of inputs, their images and probabilities if there are any, by the native core.
 * @param {string} file @param {number} label -1: none @param {Float32Array} x
 */
export function answers(file, label, x) {
  const input = new Uint8Array(x.buffer, x.byteOffset, x.byteLength);
  const out = execFileSync(`${build}tests/answers`, [file, String(label)], {
    maxBuffer: 1 << 28,
    input,
  });
  return new Float32Array(new Uint8Array(out).buffer);
}

/** What the native program writes to `--out F.npy`, as floats. @param {...string} words */
export function nativeFloats(...words) {
  return inFolder((folder) => {
    const file = join(folder, 'out.npy');
    native(...words, '--out', file);
    const bytes = readFileSync(file);
    const data = 10 + bytes.readUInt16LE(8); // version 1: magic, version, header's length, header
    if (!bytes.toString('latin1', 10, data).includes("'descr': '<f4'")) throw new Error('not <f4');
    return new Float32Array(new Uint8Array(bytes.subarray(data)).buffer);
  });
}

/** How many of two arrays' values differ in their bits. @param {Float32Array} a @param {Float32Array} b */
export function differing(a, b) {
  if (a.length !== b.length) return Math.max(a.length, b.length);
  const [u, v] = [a, b].map((f) => new Uint32Array(f.buffer, f.byteOffset, f.length));
  return u.reduce((sum, bits, i) => sum + Number(bits !== v[i]), 0);
}
