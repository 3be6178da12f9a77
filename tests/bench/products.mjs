// The products that training is made of, on one thread, beside OpenBLAS.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { build, folder, here, interleave, root } from './measure.mjs';

/** @typedef {import('./measure.mjs').Row} Row */
/** @typedef {import('./measure.mjs').Settings} Settings */

const OPENBLAS = '/usr/lib/x86_64-linux-gnu/openblas-openmp/libopenblas.so.0';

/** @param {Settings} settings @returns {Promise<Row[]>} */
export async function sgemm({ peers, rounds }) {
  const file = join(folder, 'sgemm');
  const core = ['-I', join(root, 'src'), join(here, 'sgemm.c'), join(build, 'libcore.a')];
  const blas = peers ? ['-DWITH_BLAS', OPENBLAS] : [];
  execFileSync('cc', ['-O2', ...core, ...blas, '-fopenmp', '-lm', '-o', file]);
  let lines = '';
  const env = { ...process.env, OMP_NUM_THREADS: '1' };
  const { others } = await interleave(1, {
    all() {
      lines = execFileSync(file, [String(rounds)], { env, encoding: 'utf8' });
      return 0;
    },
  });
  return lines
    .trim()
    .split('\n')
    .map((line) => {
      const { name, ours, peer } = JSON.parse(line);
      const dense = name.includes('dense');
      const conv = name.includes('conv');
      return {
        work: 'sgemm',
        what: name,
        unit: 'GF/s',
        ours,
        flops: 1e9,
        ...(peers ? { peer, peerName: conv ? 'OpenBLAS, windows laid out' : 'OpenBLAS' } : {}),
        ...(dense ? { goal: { ratio: 0.95 } } : {}),
        others,
      };
    });
}
