// What the tests of the program share: running it, and making small files for it by hand.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateSync, crc32 as zlibCrc32 } from 'node:zlib';

export const program =
  process.env.LIKENESS_BIN ?? fileURLToPath(new URL('../../build/likeness', import.meta.url));

/** A folder of its own for one test, removed at its end. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs the program; `json` is what it printed, if that is JSON. */
export function run(args, options = {}) {
  const { env, ...rest } = options;
  const started = performance.now();
  const done = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 120_000,
    maxBuffer: 1 << 28,
    ...rest,
    env: { ...process.env, ...env },
  });
  assert.equal(done.error, undefined);
  const { status: code, stdout, stderr } = done;
  let json;
  try {
    json = JSON.parse(stdout);
  } catch {
    json = undefined;
  }
  return { code, stdout, stderr, json, ms: performance.now() - started };
}

/** Runs it and insists on success; returns the JSON where --json is among the arguments. */
export function ok(args, options) {
  const result = run(args, options);
  assert.equal(result.code, 0, `likeness ${args.join(' ')}: ${result.stderr}`);
  if (args.includes('--json')) assert.notEqual(result.json, undefined, result.stdout);
  return args.includes('--json') ? result.json : result.stdout;
}

/**
 * Runs it and insists on one fault: the exit code, one line on standard error that fits `pattern`,
 * nothing on standard output but the error object when asked, and no file made or changed in `path`.
 */
export function fails(args, code, pattern, { path, options } = {}) {
  const before = path && snapshot(path);
  const plain = run(args, options);
  const what = `likeness ${args.join(' ')}: ${plain.stderr}`;
  assert.equal(plain.code, code, what);
  assert.match(plain.stderr, /^likeness: [^\n]*\n$/, what);
  assert.match(plain.stderr, pattern, what);
  assert.equal(plain.stdout, '', what);
  const names = ['ok', '', 'usage', 'data', 'model', 'io', 'memory', 'non-finite'];
  const asJson = run([args[0], '--json', ...args.slice(1)], options);
  assert.equal(asJson.code, code, what);
  assert.equal(asJson.stderr, plain.stderr);
  assert.deepEqual(Object.keys(asJson.json), ['error']);
  assert.equal(asJson.json.error.status, names[code]);
  const { file, message, offset } = asJson.json.error;
  assert.ok(plain.stderr.includes(message) || /[^ -~]/.test(message));
  assert.ok(file === null || typeof file === 'string');
  assert.equal(plain.stderr.includes('(offset '), offset !== null, what);
  if (path) assert.deepEqual(snapshot(path), before, 'files were written');
  return { ...plain, ms: Math.min(plain.ms, asJson.ms) }; // beside other work one may wait
}

function snapshot(path) {
  return readdirSync(path, { recursive: true }).map(String).sort();
}

/** Starts the program; resolves with {code, signal, stderr} at its end. `onLine` sees stderr. */
export function start(args, onLine = () => {}) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  let stdout = '';
  let seen = 0; // of stderr, which comes in pieces: up to the last whole line
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => {
    stderr += data;
    for (let end = stderr.indexOf('\n', seen); end >= 0; end = stderr.indexOf('\n', seen)) {
      onLine(stderr.slice(seen, end), child);
      seen = end + 1;
    }
  });
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, ended };
}

/**
 * Starts the program, which writes into `path`, and sends it a signal at the line that begins so;
 * resolves as `start` does, with the milliseconds that its end took. On a busy machine it may be done
 * before the signal comes: then what it made is removed, and it is started anew.
 */
export async function interrupted(path, args, at, signal = 'SIGINT') {
  const before = new Set(snapshot(path));
  for (let tries = 20; ; tries--) {
    let sent = 0;
    const { ended } = start(args, (line, child) => {
      if (sent || !line.startsWith(at)) return;
      sent = performance.now();
      child.kill(signal);
    });
    const result = await ended;
    const ms = performance.now() - sent;
    assert.ok(sent, `no line begins with "${at}": ${result.stderr}`);
    if (result.code !== 0 || tries === 0) return { ...result, ms };
    for (const name of snapshot(path))
      if (!before.has(name)) rmSync(join(path, name), { recursive: true, force: true });
  }
}

export function write(path, bytes) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

// ---- the formats, written by hand ----

/** IDX bytes: 00 00 08 rank, big-endian sizes, values. */
export function idx(sizes, values, type = 8) {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.set([0, 0, type, sizes.length]);
  for (const [i, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([header, Buffer.from(values)]);
}

/** .npy bytes; `header` stands in place of the usual one where it is given. */
export function npy(shape, values, { descr = '|u1', version = 1, order = 'False', header } = {}) {
  const text =
    header ?? `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape.join(', ')},), }`;
  const prefix = version === 1 ? 10 : 12;
  const length = Math.ceil((prefix + text.length + 1) / 64) * 64 - prefix;
  const start = Buffer.alloc(prefix);
  start.write('\x93NUMPY', 'latin1');
  start[6] = version;
  if (version === 1) start.writeUInt16LE(length, 8);
  else start.writeUInt32LE(length, 8);
  const data = ArrayBuffer.isView(values)
    ? Buffer.from(values.buffer, values.byteOffset, values.byteLength)
    : Buffer.from(values);
  return Buffer.concat([start, Buffer.from(`${text.padEnd(length - 1)}\n`), data]);
}

/** The floats of a .npy file that the program wrote. */
export function readNpy(file) {
  const bytes = readFileSync(file);
  const start = 10 + bytes.readUInt16LE(8);
  assert.equal(start % 64, 0);
  const header = bytes.toString('latin1', 10, start);
  assert.match(header, /^\{'descr': '<f4', 'fortran_order': False, 'shape': \([^)]*\), \} *\n$/);
  const shape = /\(([^)]*)\)/.exec(header)[1].split(',').map(Number);
  return {
    shape,
    values: new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length),
    ),
  };
}

const CRC_TABLE = Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});
function crc32(bytes) {
  if (zlibCrc32) return zlibCrc32(bytes);
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A chunk of a PNG. */
export function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), Buffer.from(data)]);
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(data.length, 0);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), body.length + 4);
  return bytes;
}

export const GREY = 0;
export const RGB = 2;
export const PALETTE = 3;
export const GREY_ALPHA = 4;
export const RGBA = 6;

/** PNG bytes of `rows`, each an array of bytes as the format stores them. */
export function png(width, rows, { color = GREY, depth = 8, palette, data, height } = {}) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height ?? rows.length, 4);
  header.set([depth, color, 0, 0, 0], 8);
  const raw = Buffer.concat(rows.map((row) => Buffer.from([0, ...row])));
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...(palette ? [chunk('PLTE', palette.flat())] : []),
    chunk('IDAT', data ?? deflateSync(raw)),
    chunk('IEND', []),
  ]);
}

/** A grey PNG of a block of pixels. */
export function greyPng(width, pixels) {
  const rows = [];
  for (let at = 0; at < pixels.length; at += width) rows.push([...pixels.slice(at, at + width)]);
  return png(width, rows);
}

// ---- a small data set ----

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
export function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** 8x8 images of horizontal (label 0) and vertical (label 1) bars with a little noise. */
export function bars(count, seed = 1) {
  const next = random(seed);
  const pixels = new Uint8Array(count * 64);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = i % 2;
    const at = 1 + Math.floor(next() * 6);
    const light = 150 + next() * 100;
    for (let p = 0; p < 64; p++) {
      const across = labels[i] ? p % 8 : p >> 3;
      const value = Math.abs(across - at) < 1 ? light : 0;
      pixels[i * 64 + p] = Math.min(255, value + next() * 20);
    }
  }
  return { pixels, labels, count };
}

/** Writes `bars` as an IDX pair and returns the images' file. */
export function writeBars(path, count, seed, name = 'bars') {
  const { pixels, labels } = bars(count, seed);
  write(join(path, `${name}-labels-idx1-ubyte`), idx([count], labels));
  return write(join(path, `${name}-images-idx3-ubyte`), idx([count, 8, 8], pixels));
}

export const ARCH = '1x8x8 > dense 32 relu > dense 4 | dense 32 relu > dense 64 sigmoid > bce';

/** A small trained and calibrated model of bars, with its gallery. */
export function trainBars(path, more = []) {
  const data = writeBars(path, 600, 1);
  const model = join(path, 'bars.safetensors');
  const args = ['train', '--arch', ARCH, '--data', data, '--out', model, '--epochs', '8'];
  const report = ok([...args, '--batch', '16', '--lr', '0.005', '--json', ...more]);
  return { data, model, report };
}

/** What a safetensors file says of itself and of its tensors, and the bytes of all of these. */
export function readSafetensors(file) {
  const bytes = readFileSync(file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  return { header: JSON.parse(bytes.toString('utf8', 8, start)), data: bytes.subarray(start) };
}
