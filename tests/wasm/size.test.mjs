// What a page must fetch before its first verdict.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { moduleFile, wasmFile } from './artefacts.mjs';

const packed = (/** @type {string} */ file) => gzipSync(readFileSync(file), { level: 9 }).length;

test('likeness.wasm is at most 60,000 bytes after gzip -9', (t) => {
  t.diagnostic(`${packed(wasmFile)} bytes`);
  assert.ok(packed(wasmFile) <= 60000);
});

test('with likeness.mjs and engine.mjs it is at most 70,000', () => {
  const engine = moduleFile.replace('likeness.mjs', 'engine.mjs');
  assert.ok(packed(wasmFile) + packed(moduleFile) + packed(engine) <= 70000);
});

test('it asks its host for one function at most', async () => {
  const module = await WebAssembly.compile(readFileSync(wasmFile));
  assert.ok(WebAssembly.Module.imports(module).length <= 1);
});
