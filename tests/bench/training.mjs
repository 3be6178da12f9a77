// Training: the works A to D beside PyTorch, on one thread and on two.
import { join } from 'node:path';
import { data, folder, here, interleave, likeness, worker } from './measure.mjs';

/** @typedef {import('./measure.mjs').Row} Row */
/** @typedef {import('./measure.mjs').Settings} Settings */

/**
 * flops: of the products for one image forward and back (the first layer's input needs no gradient).
 * images: in an epoch; a measurement is the last of `epochs`.
 * @typedef {{what: string, family: string, data: string, batch: number, images: number,
 *   epochs: number, flops: number, goal: number}} Work
 */

/** @type {Record<string, Work>} */
export const WORKS = {
  A: {
    ...{
      what: '784-64-784',
      family: 'ae',
      data: 'mnist',
      batch: 64,
      images: 60000,
      epochs: 4,
    },
    ...{ flops: 0.502e6, goal: 3 },
  },
  B: {
    ...{
      what: '784-1000-500-250-30 and back',
      family: 'deep',
      data: 'mnist',
      batch: 128,
    },
    ...{ images: 6400, epochs: 2, flops: 15.43e6, goal: 1.6 },
  },
  C: {
    ...{
      what: 'conv VAE',
      family: 'vae-conv',
      data: 'mnist',
      batch: 128,
      images: 3200,
      epochs: 2,
    },
    ...{ flops: 21.18e6, goal: 1.8 },
  },
  D: {
    ...{
      what: 'CNN',
      family: 'cnn',
      data: 'fashion',
      batch: 128,
      images: 1280,
      epochs: 2,
    },
    ...{ flops: 114.1e6, goal: 1.4 },
  },
};

/** PyTorch is fastest so: OpenBLAS with OpenMP, since its own threads and PyTorch's slow each other
 * down; and no pages given back only to be asked for again. @param {number} threads */
export function tuned(threads) {
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _cache, ...env } = process.env;
  return {
    ...env,
    OMP_NUM_THREADS: String(threads),
    LD_LIBRARY_PATH: '/usr/lib/x86_64-linux-gnu/openblas-openmp',
    MALLOC_MMAP_THRESHOLD_: '4294967296',
    MALLOC_TRIM_THRESHOLD_: '17179869184',
    MALLOC_TOP_PAD_: '268435456',
  };
}

/** @param {string} name @param {number} threads @param {number} [seed] */
export function torch(name, threads, seed = 1) {
  const script = join(here, 'torch_train.py');
  const args = ['-B', script, name, join(data, WORKS[name].data), String(threads), String(seed)];
  return worker('/usr/bin/python3', args, tuned(threads));
}

/** The model's file goes into the bench's folder. @param {Work} work */
export function trainArguments(work) {
  return [
    ...['train', work.family, '--data', work.data, '--batch', String(work.batch)],
    ...['--limit', String(work.images), '--epochs', String(work.epochs)],
    ...['--holdout', '0', '--gallery', '0', '--no-calibrate'],
    ...['--out', join(folder, 'model.safetensors')],
  ];
}

/** Trains; the program's report. @param {Work} work @param {string[]} more */
export function train(work, ...more) {
  return likeness(...trainArguments(work), ...more);
}

/** @param {string} name @param {Settings} settings @returns {Promise<Row[]>} */
export async function training(name, { peers, rounds }) {
  const work = WORKS[name];
  /** @param {number} threads */
  const ours = (threads) =>
    train(work, '--threads', String(threads)).epochs.at(-1).images_per_second;
  const others = peers ? [torch(name, 1), torch(name, 2)] : [];
  const theirs = async (/** @type {number} */ threads) =>
    (await others[threads - 1].ask(work.images)).images_per_second;
  for (const threads of peers ? [1, 2] : []) await theirs(threads); // warm
  const { figures, others: share } = await interleave(rounds, {
    ours2: () => ours(2),
    ...(peers ? { peer2: () => theirs(2) } : {}),
    ours1: () => ours(1),
    ...(peers ? { peer1: () => theirs(1) } : {}),
  });
  for (const other of others) await other.end();
  /** @param {Row} row */
  const row = (row) => ({
    ...row,
    others: share,
    ...(peers ? { peerName: 'PyTorch' } : {}),
  });
  const speeds = [2, 1].map((threads) =>
    row({
      work: name,
      what: `train ${work.what}, ${threads === 1 ? '1 thread' : `${threads} threads`}`,
      unit: 'images/s',
      ours: figures[`ours${threads}`],
      peer: figures[`peer${threads}`],
      flops: work.flops,
      threads,
      goal: threads === 2 ? { ratio: work.goal } : undefined,
    }),
  );
  const scaling = row({
    work: name,
    what: 'from 1 thread to 2',
    unit: 'times',
    ours: figures.ours2.map((rate, i) => rate / figures.ours1[i]),
    peer: figures.peer2?.map((rate, i) => rate / figures.peer1[i]),
    goal: { atLeast: 1.8 },
  });
  return [...speeds, scaling];
}

/** Errors of A on the test images after ten epochs, beside PyTorch's. @param {Settings} settings */
export async function quality({ peers, rounds }) {
  /** @type {Record<string, {ours: number[], peer: number[]}>} */
  const errors = {
    mae: { ours: [], peer: [] },
    mse: { ours: [], peer: [] },
    bce: { ours: [], peer: [] },
  };
  const work = { ...WORKS.A, epochs: 10 };
  for (let seed = 1; seed <= rounds; seed++) {
    train(work, '--seed', String(seed));
    const { reconstruction } = likeness(
      'eval',
      join(folder, 'model.safetensors'),
      '--data',
      'mnist:test',
    );
    for (const name in errors) errors[name].ours.push(reconstruction[name]);
    if (!peers) continue;
    const other = torch('A', 2, seed);
    await other.ask(work.images * work.epochs);
    const tested = await other.ask('test');
    for (const name in errors) errors[name].peer.push(tested[name]);
    await other.end();
  }
  return Object.entries(errors).map(([name, { ours, peer }]) => ({
    work: 'quality',
    what: `A after 10 epochs: ${name}`,
    unit: 'error',
    ours,
    ...(peers ? { peer, peerName: 'PyTorch' } : {}),
    less: true,
  }));
}
