// That the bench still runs: its shortest work, without peers.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const data = process.env.LIKENESS_DATA ?? join(root, 'build/data');

/** @param {string[]} args */
function bench(...args) {
  const done = spawnSync(process.execPath, [join(root, 'tests/bench/bench.mjs'), ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { ...done, output: done.stdout + done.stderr };
}

test('a work is measured, printed and written down', (t) => {
  if (!existsSync(join(data, 'mnist'))) return t.skip('there is no MNIST');
  const path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  t.after(() => rmSync(path, { recursive: true }));
  const out = join(path, 'bench.json');
  const { status, stdout, output } = bench('--rounds', '1', '--out', out, 'start');
  assert.equal(status, 0, output);
  assert.match(stdout, /products and sums: [\d.]+ and [\d.]+ GF\/s/);
  assert.match(stdout, /^\| work +\| what +\| unit +\| +ours \|/m);
  const [, printed] = /^\| start +\|.*\| ms +\| +([\d.]+) \|/m.exec(stdout) ?? [];
  const [row] = Object.values(JSON.parse(readFileSync(out, 'utf8')));
  assert.equal(row.unit, 'ms');
  assert.ok(row.samples.ours.length >= 5);
  assert.ok(row.ours > 0 && Math.abs(row.ours - Number(printed)) < 0.01 * row.ours);
});

test('a work that there is not is refused', () => {
  const { status, output } = bench('nothing');
  assert.notEqual(status, 0);
  assert.match(output, /no such work: nothing; there are A B C D/);
});
