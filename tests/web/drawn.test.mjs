// The drawings that the shipped digits learn from are those that everybody gets, of every digit and
// of what is none.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SHA256 = {
  'train-images-idx3-ubyte': '088df76e0630f6be4899d71d6886e3070564dcf41afa73e53fefaa71c44974c0',
  'train-labels-idx1-ubyte': '6fad4b1da775b0d2a1a8e1e39d27355d39339272b1339577a4b01dfbf439cf6f',
};

test('the drawings are the same everywhere, all with ink, of ten digits and of none', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'drawn-'));
  t.after(() => rmSync(folder, { recursive: true }));
  execFileSync('node', [
    fileURLToPath(new URL('../../web/drawn.mjs', import.meta.url)),
    join(folder, 'new'),
  ]);
  const [images, labels] = Object.entries(SHA256).map(([name, sum]) => {
    const bytes = readFileSync(join(folder, 'new', name));
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sum, name);
    return bytes;
  });
  const counts = new Array(11).fill(0);
  for (const label of labels.subarray(8)) counts[label]++;
  assert.equal(counts.length, 11);
  for (const [label, count] of counts.entries())
    assert.ok(label === 10 ? count > 20000 : count > 1300, `${count} of label ${label}`);
  for (let at = 16; at < images.length; at += 28 * 28)
    assert.ok(
      images.subarray(at, at + 28 * 28).some((v) => v > 100),
      `nothing at ${at}`,
    );
});
