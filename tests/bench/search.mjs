// F: the ten nearest of 60,000 codes of 64 values, beside faiss.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, folder, here, interleave, likeness, root, worker } from './measure.mjs';
import { openPages } from './serve.mjs';
import { openSearch } from './sides.mjs';
import { tuned } from './training.mjs';
import { modelOf } from './wasm.mjs';

/** @typedef {import('./measure.mjs').Row} Row */
/** @typedef {import('./measure.mjs').Settings} Settings */

const QUERIES = 10_000;

/** The codes of MNIST by A, as floats alone. @param {string} part train or test */
function codes(part) {
  const npy = join(folder, `${part}.npy`);
  likeness('encode', modelOf('A'), '--data', `mnist:${part}`, '--out', npy);
  const bytes = readFileSync(npy);
  const file = join(folder, `${part}.floats`);
  writeFileSync(file, bytes.subarray(10 + bytes.readUInt16LE(8)));
  return file;
}

/** @param {Settings} settings @returns {Promise<Row[]>} */
async function native({ peers, rounds }) {
  const args = [codes('train'), codes('test'), '64'];
  const program = join(folder, 'search');
  const core = ['-I', join(root, 'src'), join(here, 'search.c'), join(build, 'libcore.a')];
  execFileSync('cc', ['-O2', ...core, '-fopenmp', '-lm', '-o', program]);
  const ours = worker(program, args);
  const script = join(here, 'search_faiss.py');
  const faiss = peers && worker('/usr/bin/python3', ['-B', script, ...args], tuned(1));
  /** @type {Row[]} */
  const rows = [];
  for (const by of ['l2', 'cosine']) {
    if (faiss) {
      const [a, b] = [await ours.ask(`found ${by}`), await faiss.ask(`found ${by}`)];
      const same = a.filter(
        (/** @type {number} */ index, /** @type {number} */ i) => b[i] === index,
      );
      if (same.length < 0.99 * a.length) throw new Error(`faiss finds others by ${by}`);
    }
    for (const how of ['one', 'all']) {
      const { figures, others } = await interleave(rounds, {
        ours: () => ours.ask(`${how} ${by}`),
        ...(faiss ? { peer: () => faiss.ask(`${how} ${by}`) } : {}),
      });
      const each = how === 'one' ? 1 : QUERIES;
      const rate = (/** @type {number[]} */ values) => values.map((seconds) => each / seconds);
      const main = (how === 'one') === (by === 'l2');
      rows.push({
        work: 'F',
        what: `${how === 'one' ? 'one query' : '10,000 queries'} by ${by}, one thread`,
        unit: 'queries/s',
        ours: rate(figures.ours),
        ...(faiss ? { peer: rate(figures.peer), peerName: 'faiss flat' } : {}),
        goal: main ? { ratio: how === 'one' ? 3 : 1.5 } : undefined,
        flops: 2 * 60_000 * 64,
        others,
      });
    }
  }
  await ours.end();
  if (faiss) await faiss.end();
  return rows;
}

/** The gallery's codes have eight bits. @param {Settings} settings @returns {Promise<Row[]>} */
async function inWasm({ rounds }) {
  const [model, gallery] = ['all.safetensors', 'all.gallery.safetensors'];
  const all = ['--holdout', '0', '--gallery', '60000', '--no-calibrate'];
  const out = join(folder, model);
  likeness('train', 'ae', '--data', 'mnist', '--epochs', '1', ...all, '--out', out);
  const module = await import(join(build, 'wasm/likeness.mjs'));
  const node = await openSearch(module, out, join(folder, gallery));
  const { asks, end } = await openPages({
    search: `<script type=module>
      import { openSearch } from '/bench/sides.mjs';
      const module = await import('/wasm/likeness.mjs');
      window.ask = await openSearch(module, '/made/${model}', '/made/${gallery}');</script>`,
  });
  const { figures, others } = await interleave(rounds, {
    Node: () => node('cosine'),
    Chromium: () => asks.search('cosine'),
  });
  await end();
  return Object.entries(figures).map(([place, ours]) => ({
    work: 'F',
    what: `one query by cosine in WASM, ${place}`,
    unit: 'ms',
    ours,
    less: true,
    goal: { atMost: 0.8 },
    others,
  }));
}

/** @param {Settings} settings @returns {Promise<Row[]>} */
export async function search(settings) {
  return [...(await native(settings)), ...(await inWasm(settings))];
}
