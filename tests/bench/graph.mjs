// Whether images in the middle of a network are those that a classifier gets wrong:
//
//     node tests/bench/graph.mjs [--limit N] [--seed 1] [--threads 2]
//
// Networks of the 10,000 test images of Fashion-MNIST, by four features of a `cnn` that has learnt for
// eight epochs and by three kinds of edges; of each the AUROC of betweenness and of degree, with an
// interval. Needs build/likeness-graph and the data. The model is kept in build/families, and trained
// where it is not there.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, data, likenessAloud as likeness, root } from './measure.mjs';

const { values: given } = parseArgs({
  options: {
    limit: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
  },
});
const same = ['--seed', String(given.seed), '--threads', String(given.threads)];
const folder = join(root, 'build/families');
const model = join(folder, `cnn-fashion8-${given.seed}.safetensors`);
mkdirSync(folder, { recursive: true });
if (!existsSync(model))
  likeness(
    ...['train', 'cnn', '--data', 'fashion', '--holdout', '0', '--gallery', '0', '--no-calibrate'],
    ...['--epochs', '8', '--init', 'he', '--batch', '128', '--lr', '0.002', '--warmup', '0.2'],
    ...['--decay', '0.8', '--fall', 'cosine', '--augment', 'flip 0.5', '--out', model],
    ...same,
  );

/** One network: its line. @param {string} edges @param {string} feature */
function measure(edges, feature) {
  const out = execFileSync(
    join(build, 'likeness-graph'),
    [
      ...[model, '--data', 'fashion:test', '--limit', String(given.limit)],
      ...['--edges', edges, '--feature', feature, '--json'],
      ...same,
    ],
    { encoding: 'utf8', env: { ...process.env, LIKENESS_DATA: data } },
  );
  const { networks, wrong } = JSON.parse(out);
  const [{ edge_count: count, communities, modularity, claim }] = networks;
  const share = (/** @type {number} */ v) => v.toFixed(3);
  const told = ['betweenness', 'degree'].map((name) => {
    const { auroc, interval } = claim[name];
    return `${name} ${share(auroc)} (${interval.map(share).join(' to ')})`;
  });
  console.log(
    `${edges.padEnd(12)}${feature.padEnd(7)} ${wrong} wrong, ${count} edges, ${communities} communities, modularity ${share(modularity)}; ${told.join(', ')}`,
  );
}

for (const edges of ['nearest', 'correlation', 'lasso'])
  for (const feature of ['input', 'scaled', 'map', 'dense']) measure(edges, feature);
