// What likeness.mjs and trainer.mjs stand on: bytes from anywhere, and likeness.wasm, or
// likeness-train.wasm, compiled and started.

/** @typedef {'usage' | 'data' | 'model' | 'io' | 'memory' | 'non-finite'} Status */
/** @typedef {string | URL | Response | ArrayBuffer | Uint8Array} Source */
/**
 * @typedef {object} LoadOptions
 * @property {Source | WebAssembly.Module} [wasm] likeness.wasm, beside this module unless given
 * @property {(progress: {loaded: number, total: number | null}) => void} [onProgress] bytes of the
 *   model so far, and of all if known
 * @property {AbortSignal} [signal]
 */
/** What bindings.c and training.c export; handles, pointers and counts are numbers.
 * @typedef {Record<string, (...numbers: number[]) => number>} Calls */

/** Whatever can fail throws this; `offset` is the byte at which a file is wrong, if one is. */
export class LikenessError extends Error {
  /** @param {Status} status @param {string} message @param {number | null} [offset] */
  constructor(status, message, offset = null) {
    super(message);
    this.name = 'LikenessError';
    this.status = status;
    this.offset = offset;
  }
}

/** @param {string} message @returns {never} */
export function misuse(message) {
  throw new LikenessError('usage', message);
}

/** Options are an object, if they are given at all. @template {object} T @param {T} options */
export function given(options) {
  if (typeof options !== 'object' || options === null) misuse('options must be an object');
  return options;
}

// ---- bytes from anywhere ----

/**
 * Reads a response with progress; a declared length is a hint, never a size to trust.
 * @param {Response} response @param {LoadOptions} options
 */
async function readResponse(response, { onProgress, signal }) {
  if (!response.ok)
    throw new LikenessError('io', `the server answered ${response.status} ${response.statusText}`);
  const declared = Number(response.headers.get('content-length') ?? Number.NaN);
  // A compressed body is longer than what was declared.
  const total = response.headers.has('content-encoding') || !(declared > 0) ? null : declared;
  if (!response.body) return new Uint8Array(await response.arrayBuffer());
  /** @type {Uint8Array[]} */
  const parts = [];
  let loaded = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (signal?.aborted) {
      await reader.cancel();
      throw signal.reason;
    }
    parts.push(part.value);
    loaded += part.value.length;
    onProgress?.({ loaded, total });
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** @param {string | URL} path a file: URL or, in Node, a path @param {AbortSignal} [signal] */
async function readFile(path, signal) {
  const name = 'node:fs/promises'; // not a literal: bundlers for the page leave it alone
  const fs = await import(/* @vite-ignore */ /* webpackIgnore: true */ name);
  return new Uint8Array(await fs.readFile(path, { signal }));
}

const inNode = typeof process === 'object' && !!process.versions?.node;

/** @param {string} text */
function isAbsoluteUrl(text) {
  return /^(https?|file|data|blob):/i.test(text);
}

/**
 * @param {Source} source @param {string} what @param {LoadOptions} options
 * @returns {Promise<Uint8Array>}
 */
export async function readBytes(source, what, { onProgress, signal }) {
  signal?.throwIfAborted();
  if (typeof source === 'string' || source instanceof URL) {
    const href = String(source);
    try {
      if (inNode && !isAbsoluteUrl(href)) return await readFile(href, signal);
      if (inNode && /^file:/i.test(href)) return await readFile(new URL(href), signal);
      return await readResponse(await fetch(href, { signal }), { onProgress, signal });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof LikenessError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new LikenessError('io', `cannot read ${what}: ${reason}`);
    }
  }
  if (typeof Response === 'function' && source instanceof Response) {
    if (source.bodyUsed) misuse(`${what}: the response has been read already`);
    return readResponse(source, { onProgress, signal });
  }
  if (!(source instanceof ArrayBuffer || source instanceof Uint8Array))
    misuse(`${what}: a URL, Response, ArrayBuffer or Uint8Array is needed`);
  if (source.byteLength === 0) misuse(`${what}: no bytes (an empty or detached buffer)`);
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (!(source.buffer instanceof ArrayBuffer)) misuse(`${what}: the buffer is shared`);
  return source;
}

// ---- the WASM module ----

// (func (result v128) (v128.const i32x4 0 0 0 0)): valid where SIMD is.
const SIMD_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 22, 1, 20, 0, 253, 12, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11,
]);

/** Whether this engine can run likeness.wasm. */
export function supported() {
  return typeof WebAssembly === 'object' && WebAssembly.validate(SIMD_PROBE);
}

/** @type {Map<string, Promise<WebAssembly.Module>>} compiled once, forgotten if that failed */
const compiled = new Map();

/** @param {URL} beside @param {LoadOptions} options */
function compileDefault({ href }, { signal }) {
  const module = compiled.get(href) ?? readBytes(href, 'likeness.wasm', {}).then(compileBytes);
  compiled.set(href, module);
  module.catch(() => compiled.delete(href));
  if (!signal) return module;
  // The compilation is shared, so an abort ends the wait and not the work.
  const { promise, stop } = whenAborted(signal);
  return Promise.race([module, promise]).finally(stop);
}

/** @param {AbortSignal} signal */
function whenAborted(signal) {
  let stop = () => {};
  /** @type {Promise<never>} */
  const promise = new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort);
    stop = () => signal.removeEventListener('abort', abort);
  });
  return { promise, stop };
}

/** @param {Uint8Array} bytes @returns {Promise<WebAssembly.Module>} */
async function compileBytes(bytes) {
  try {
    return await WebAssembly.compile(/** @type {BufferSource} */ (bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LikenessError('io', `cannot compile likeness.wasm: ${reason}`);
  }
}

const decoder = new TextDecoder();

/**
 * A started likeness.wasm. Memory may grow, which detaches every view: views are made where they are
 * used.
 */
export class Engine {
  /** @param {WebAssembly.Memory} memory @param {Calls} calls */
  constructor(memory, calls) {
    this.memory = memory;
    this.calls = calls;
  }

  /** @param {number} status what a call has returned */
  must(status) {
    if (status !== 0) throw this.lastError();
  }

  lastError() {
    const { calls } = this;
    const status = /** @type {Status} */ (this.text(calls.lk_wasm_error_status()));
    const offset = calls.lk_wasm_error_offset();
    const message = this.text(calls.lk_wasm_error_message());
    return new LikenessError(status, message, offset < 0 ? null : offset);
  }

  /** @param {number} pointer to a C string */
  text(pointer) {
    if (!pointer) return '';
    const bytes = new Uint8Array(this.memory.buffer, pointer);
    return decoder.decode(bytes.slice(0, bytes.indexOf(0)));
  }

  /** The list of names that the core has. @param {(i: number) => number} name */
  names(name) {
    const names = [];
    for (let pointer = name(0); pointer; pointer = name(names.length))
      names.push(this.text(pointer));
    return names;
  }

  /** @param {Uint8Array | Uint8ClampedArray} bytes */
  fillInbox(bytes) {
    const at = this.calls.lk_wasm_inbox(bytes.length);
    if (!at && bytes.length > 0) throw this.lastError(); // an empty file is told as a broken one
    new Uint8Array(this.memory.buffer, at, bytes.length).set(bytes);
  }
}

/**
 * @param {LoadOptions} options
 * @param {URL} beside the module to be taken unless the options have one
 */
export async function instantiate(options, beside) {
  if (!supported())
    throw new LikenessError('usage', 'this browser has no WebAssembly SIMD, which likeness needs');
  const module =
    options.wasm === undefined
      ? await compileDefault(beside, options)
      : options.wasm instanceof WebAssembly.Module
        ? options.wasm
        : await compileBytes(
            await readBytes(options.wasm, 'likeness.wasm', { signal: options.signal }),
          );
  try {
    const env = { emscripten_notify_memory_growth() {} };
    const { exports } = await WebAssembly.instantiate(module, { env });
    const { _initialize: start, memory } = exports;
    if (!(memory instanceof WebAssembly.Memory) || typeof exports.lk_wasm_load !== 'function')
      throw new Error('it is another module');
    if (typeof start === 'function') start();
    return new Engine(memory, /** @type {Calls} */ (/** @type {unknown} */ (exports)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LikenessError('io', `cannot start likeness.wasm: ${reason}`);
  }
}
