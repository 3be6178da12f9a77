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

test('with the JavaScript around it it is at most 70,000', (t) => {
  const files = ['likeness.mjs', 'engine.mjs'].map((name) =>
    moduleFile.replace('likeness.mjs', name),
  );
  const sum = [wasmFile, ...files].reduce((bytes, file) => bytes + packed(file), 0);
  t.diagnostic(`${sum} bytes`);
  assert.ok(sum <= 70000);
});

test('it asks its host for one function at most', async () => {
  const module = await WebAssembly.compile(readFileSync(wasmFile));
  assert.ok(WebAssembly.Module.imports(module).length <= 1);
});
