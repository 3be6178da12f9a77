// Runs the works asked for (all), prints their table and writes build/bench.json (--out); see run.sh.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cost, memory, start } from './costs.mjs';
import { build, conclude, folder, here, table } from './measure.mjs';
import { coldPage } from './page.mjs';
import { sgemm } from './products.mjs';
import { search } from './search.mjs';
import { ownPage } from './site.mjs';
import { quality, training, WORKS } from './training.mjs';
import { inference, wasmProducts, wasmTraining } from './wasm.mjs';

/** @typedef {import('./measure.mjs').Row} Row */
/** @typedef {import('./measure.mjs').Settings} Settings */

/** @type {Record<string, (settings: Settings) => Promise<Row[]>>} */
const works = {
  ...Object.fromEntries(
    Object.keys(WORKS).map((name) => [name, (/** @type {Settings} */ s) => training(name, s)]),
  ),
  sgemm,
  'wasm-gemm': wasmProducts,
  E: inference,
  E2: coldPage,
  E3: wasmTraining,
  E5: ownPage,
  F: search,
  memory,
  start,
  cost,
  quality,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peers: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    out: { type: 'string', default: join(build, 'bench.json') },
  },
});
for (const name of positionals)
  if (!works[name])
    throw new Error(`no such work: ${name}; there are ${Object.keys(works).join(' ')}`);

/** GF/s of products and sums without fusing, by threads. @param {number} bytes of a vector */
function measurePeak(bytes) {
  const file = join(folder, `peak${bytes}`);
  const flags = ['-O2', '-march=native', '-ffp-contract=off', '-fopenmp', `-DBYTES=${bytes}`];
  execFileSync('cc', [...flags, join(here, 'peak.c'), '-o', file]);
  return JSON.parse(execFileSync(file, ['2'], { encoding: 'utf8' }));
}

const { stdout: macros } = spawnSync('cc', ['-march=native', '-dM', '-E', '-x', 'c', '/dev/null']);
const widest = /__AVX512F__/.test(`${macros}`) ? 64 : /__AVX__/.test(`${macros}`) ? 32 : 16;
const { gflops: peak, handover } = measurePeak(widest);
const [wasmPeak] = measurePeak(16).gflops;
const settings = { peers: values.peers ?? false, rounds: Number(values.rounds), peak, wasmPeak };
const machine = [
  `${cpus()[0].model}, ${cpus().length} cores`,
  `products and sums: ${peak.join(' and ')} GF/s on 1 and 2 threads`,
  `${wasmPeak} in vectors of 128 bits, as WASM has them, on one`,
  `${handover} ns to hand a value from core to core`,
].join('; ');
console.log(machine);

/** @type {Row[]} */
const rows = [];
for (const name of positionals.length ? positionals : Object.keys(works)) {
  const made = await works[name](settings);
  const others = Math.round(100 * Math.max(...made.map((row) => row.others ?? 0)));
  if (others > 5) console.error(`${name}: other programs used ${others} % of the cores meanwhile`);
  rows.push(...made);
}
console.log(table(rows, peak));

// What was measured before and not now stays, with the date and the peak that it was measured with.
const key = (/** @type {Row} */ row) =>
  [row.work, row.what, row.peerName].filter(Boolean).join(': ');
/** @type {Record<string, object>} */
let all = {};
try {
  all = JSON.parse(readFileSync(values.out, 'utf8'));
} catch {
  // the first run
}
const date = new Date().toISOString();
for (const row of rows) {
  const { ours, peer, ...rest } = row;
  all[key(row)] = { ...rest, ...conclude(row, peak), samples: { ours, peer }, machine, peak, date };
}
writeFileSync(values.out, `${JSON.stringify(all, null, 1)}\n`);
