// Texts found by a deep autoencoder of their words (G. Hinton and R. Salakhutdinov 2006), beside
// latent semantic analysis with codes as long (S. Deerwester et al. 1990) and beside tf-idf:
//
//     node tests/bench/text.mjs FILE.jsonl[.gz] [--family text|text-softmax] [--latent 10] [--seed 1]
//         [--threads 2] [--maps]
//
// A line of the file is {"label", "split": "train" | "test", "text"}. All is learnt from its training
// part. Each text of the test part then asks for all others of it, the nearest by cosine first; those
// with its label are right. Models are kept in build/text, and trained where they are not there.
// With --maps and --latent 2 the texts are drawn by their codes and by their two leading components,
// which are latent semantic analysis but for the mean that is taken off: build/text/NAME-codes.svg and
// NAME-lsa.svg. With more values the codes are drawn by t-SNE: NAME-tsne.svg. Of two values all that
// codes say is in the picture: only the others tell how far it can be trusted.
import { existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { likenessAloud as likeness, root } from './measure.mjs';

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    family: { type: 'string', default: 'text' },
    latent: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    maps: { type: 'boolean', default: false },
  },
});
const [file] = positionals;
if (!file) throw new Error('usage: node tests/bench/text.mjs FILE.jsonl[.gz] [options]');
const threads = ['--threads', String(given.threads)];
const folder = join(root, 'build/text');
mkdirSync(folder, { recursive: true });
const kind = String(given.family).replace('text', '');
const name = join(folder, basename(file).replace(/\.jsonl(\.gz)?$/, '') + kind);
const model = `${name}-${given.latent}-${given.seed}.safetensors`;

if (!existsSync(model))
  likeness(
    ...['train', String(given.family), '--data', `${file}:train`, '--latent', String(given.latent)],
    ...['--seed', String(given.seed), '--holdout', '0', '--no-calibrate', '--out', model],
    ...threads,
  );
const sides = ['--data', `${file}:test`, '--train', `${file}:train`];
const { retrieval } = likeness('eval', model, ...sides, ...threads);
const row = (
  /** @type {string} */ title,
  /** @type {number[]} */ values,
  /** @type {number} */ n,
) => console.log(`${title.padEnd(8)}${values.map((v) => v.toFixed(n).padStart(6)).join('')}`);
row('recall', retrieval.recall, 2);
for (const way of ['codes', 'lsa', 'tf_idf']) row(way, retrieval[way], 3);

const maps =
  given.latent === '2'
    ? [
        ['codes', model, '--method', 'code'],
        ['lsa', '--pixels', '--method', 'pca'],
      ]
    : [['tsne', model]];
if (given.maps)
  for (const [how, ...what] of maps) {
    const out = `${name}-${how}.svg`;
    const { trustworthiness, knn_accuracy: nearest } = likeness(
      ...['map', ...what, '--data', `${file}:test`, '--out', out],
      ...threads,
    );
    const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(1)} %`;
    console.log(
      `${out}: trustworthiness ${trustworthiness.toFixed(3)}, label of most neighbours right ${percent(nearest.map)}`,
    );
  }
