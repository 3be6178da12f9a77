// The drawings that the shipped digits learn from, made by web/drawn.mjs for this build, are those that
// everybody gets, of every digit and of what is none.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const SHA256 = {
  'train-images-idx3-ubyte': 'dfe6c6cb5ffa2b2b7e08e89c0e58db31c04ab8978cc92eaf466bed95bffe9e07',
  'train-labels-idx1-ubyte': '49363247826ed8fca5c090ae0164e3f756a1bc16f29fe5179b5bdee8f77e0693',
};

test('the drawings are the same everywhere, all with ink, of ten digits and of none', () => {
  const [images, labels] = Object.entries(SHA256).map(([name, sum]) => {
    const bytes = readFileSync(new URL(`../../build/data/drawn/${name}`, import.meta.url));
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sum, name);
    return bytes;
  });
  const counts = new Array(11).fill(0);
  for (const label of labels.subarray(8)) counts[label]++;
  assert.equal(counts.length, 11);
  for (const [label, count] of counts.entries())
    assert.ok(label === 10 ? count > 27000 : count > 1700, `${count} of label ${label}`);
  for (let at = 16; at < images.length; at += 56 * 56)
    assert.ok(
      images.subarray(at, at + 56 * 56).some((v) => v > 100),
      `nothing at ${at}`,
    );
});
