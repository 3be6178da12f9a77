// likeness-graph: networks of images by hand, measures against those of the definition, the claim.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { folder, idx, ok, program, write, writeBars } from './helpers.mjs';

const graph = join(dirname(program), 'likeness-graph');
const skip = existsSync(graph) ? false : 'likeness-graph is not built: there is no igraph';

function run(args) {
  return spawnSync(graph, args, { encoding: 'utf8', timeout: 120_000, maxBuffer: 1 << 26 });
}
function json(args) {
  const { status, stdout, stderr } = run([...args, '--json']);
  assert.equal(status, 0, `likeness-graph ${args.join(' ')}: ${stderr}`);
  return JSON.parse(stdout);
}
const near = (a, b, by = 1e-6) => assert.ok(Math.abs(a - b) < by, `${a}, not ${b}`);

/** Images of 1 x 2 pixels, told by their first ones. */
const dots = (path, places) =>
  write(
    join(path, 'dots-images-idx3-ubyte'),
    idx(
      [places.length, 1, 2],
      places.flatMap((p) => [p, 0]),
    ),
  );

/** Betweenness by counting shortest paths of all pairs (small graphs). */
function betweenness(count, pairs) {
  const beside = Array.from({ length: count }, () => []);
  for (const [a, b] of pairs) {
    beside[a].push(b);
    beside[b].push(a);
  }
  const from = (start) => {
    const far = Array(count).fill(Infinity);
    const paths = Array(count).fill(0);
    far[start] = 0;
    paths[start] = 1;
    for (let queue = [start]; queue.length > 0; ) {
      const at = queue.shift();
      for (const next of beside[at]) {
        if (far[next] === Infinity) {
          far[next] = far[at] + 1;
          queue.push(next);
        }
        if (far[next] === far[at] + 1) paths[next] += paths[at];
      }
    }
    return { far, paths };
  };
  const all = Array.from({ length: count }, (_, i) => from(i));
  return Array.from({ length: count }, (_, v) => {
    let sum = 0;
    for (let s = 0; s < count; s++)
      for (let t = s + 1; t < count; t++) {
        if (s === v || t === v || all[s].far[t] === Infinity) continue;
        if (all[s].far[v] + all[v].far[t] === all[s].far[t])
          sum += (all[s].paths[v] * all[v].paths[t]) / all[s].paths[t];
      }
    return sum;
  });
}

/** Newman's modularity of a division into communities. */
function modularity(nodes, pairs) {
  let q = 0;
  for (const [a, b] of pairs) q += nodes[a].community === nodes[b].community ? 1 : 0;
  q /= pairs.length;
  const ends = new Map();
  for (const { community, degree } of nodes)
    ends.set(community, (ends.get(community) ?? 0) + degree);
  for (const sum of ends.values()) q -= (sum / (2 * pairs.length)) ** 2;
  return q;
}

test('a path, worked out by hand', { skip }, (t) => {
  const path = folder(t);
  const out = join(path, 'g.json');
  const data = dots(path, [0, 10, 21, 33, 46]); // each one's nearest is to its left
  const args = ['--data', data, '--feature', 'input', '--edges', 'nearest', '--k', '1'];
  const { networks } = json([...args, '--out', out]);
  assert.equal(networks.length, 1);
  assert.equal(networks[0].edge_count, 4);
  assert.equal(networks[0].components, 1);
  const { nodes, pairs } = JSON.parse(readFileSync(out, 'utf8'));
  assert.deepEqual(pairs, [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4],
  ]);
  assert.deepEqual(
    nodes.map((n) => n.degree),
    [1, 2, 2, 2, 1],
  );
  assert.deepEqual(
    nodes.map((n) => n.betweenness),
    [0, 3, 4, 3, 0],
  );
  near(networks[0].modularity, modularity(nodes, pairs));
});

test('two heaps are two components and two communities', { skip }, (t) => {
  const path = folder(t);
  const data = dots(path, [0, 1, 3, 6, 200, 201, 203, 206]);
  const [one] = json([
    '--data',
    data,
    '--feature',
    'input',
    '--edges',
    'nearest',
    '--k',
    '2',
  ]).networks;
  assert.deepEqual([one.components, one.communities], [2, 2]);
  near(one.modularity, 0.5);
});

test('all networks of images: measures are those of the definition', { skip }, (t) => {
  const path = folder(t);
  const data = writeBars(path, 60, 3);
  const model = join(path, 'cnn.safetensors');
  const arch = '1x8x8 > conv 4 3 relu > maxpool 2 > dense 8 relu | dense 2 > ce';
  const train = ['train', '--arch', arch, '--data', data, '--epochs', '2', '--no-calibrate'];
  ok([...train, '--gallery', '0', '--holdout', '0', '--out', model]);
  const all = json([model, '--data', data]);
  assert.equal(all.images, 60);
  assert.deepEqual(
    all.networks.map(({ edges, feature }) => `${edges} ${feature}`),
    ['input', 'scaled', 'map', 'dense'].flatMap((feature) =>
      ['nearest', 'correlation', 'lasso'].map((edges) => `${edges} ${feature}`),
    ),
  );
  for (const edges of ['nearest', 'correlation', 'lasso']) {
    const out = join(path, `${edges}.json`);
    const args = [model, '--data', data, '--feature', 'map', '--edges', edges, '--out', out];
    const [one] = json(args).networks;
    const { nodes, pairs } = JSON.parse(readFileSync(out, 'utf8'));
    const between = betweenness(60, pairs);
    for (const [i, node] of nodes.entries()) {
      near(node.betweenness, between[i]);
      assert.equal(node.degree, pairs.filter((pair) => pair.includes(i)).length);
      assert.ok(node.point.every(Number.isFinite));
      assert.equal(typeof node.wrong, 'boolean');
    }
    near(one.modularity, modularity(nodes, pairs));
    near(
      one.same_label,
      pairs.filter(([a, b]) => nodes[a].label === nodes[b].label).length / pairs.length,
    );
    assert.equal(nodes.filter((node) => node.wrong).length, all.wrong);
    assert.ok(
      pairs.every(([a, b], i) => a < b && (i === 0 || String(pairs[i - 1]) !== `${a},${b}`)),
    );
    const again = run([
      ...args.slice(0, -1),
      join(path, 'again.json'),
      '--threads',
      '1',
      '--simd',
      'scalar',
    ]);
    assert.equal(again.status, 0, again.stderr);
    assert.deepEqual(JSON.parse(readFileSync(join(path, 'again.json'), 'utf8')).pairs, pairs);
  }
  for (const kind of ['png', 'svg']) {
    const out = join(path, `g.${kind}`);
    json([model, '--data', data, '--feature', 'dense', '--edges', 'lasso', '--out', out]);
    assert.ok(existsSync(out));
  }
});

test('the claim: whose betweenness is highest is found, with an interval', { skip }, (t) => {
  const path = folder(t);
  const data = writeBars(path, 80, 3);
  const wrong = join(path, 'bars-labels-idx1-ubyte');
  const model = join(path, 'm.safetensors');
  const arch = '1x8x8 > dense 8 relu | dense 2 > ce';
  const quick = [
    '--epochs',
    '20',
    '--batch',
    '8',
    '--no-calibrate',
    '--gallery',
    '0',
    '--holdout',
    '0',
  ];
  ok(['train', '--arch', arch, '--data', data, '--lr', '0.01', ...quick, '--out', model]);
  const args = [model, '--data', data, '--feature', 'input', '--edges', 'nearest'];
  const out = join(path, 'g.json');
  const plain = json([...args, '--out', out]);
  assert.equal(plain.wrong, 0);
  assert.equal(plain.networks[0].claim, undefined); // none is wrong: nothing to be told apart
  const { nodes } = JSON.parse(readFileSync(out, 'utf8'));
  // Give other labels to the ten in the middle: now these are the ones it gets wrong.
  const labels = readFileSync(wrong);
  const middle = [...nodes.keys()].sort((a, b) => nodes[b].betweenness - nodes[a].betweenness);
  for (const i of middle.slice(0, 10)) labels[8 + i] = 1 - labels[8 + i];
  write(wrong, labels);
  const [one] = json(args).networks;
  near(one.claim.betweenness.auroc, 1, 0.02);
  for (const { auroc, interval } of Object.values(one.claim))
    assert.ok(
      interval[0] <= auroc && auroc <= interval[1] && interval[1] <= 1,
      JSON.stringify(one),
    );
});

test('what cannot be done is said', { skip }, (t) => {
  const path = folder(t);
  const data = writeBars(path, 20, 3);
  const fails = (args, code, pattern) => {
    const { status, stderr } = run(args);
    assert.equal(status, code, stderr);
    assert.match(stderr, pattern);
    assert.match(stderr, /^likeness: [^\n]*\n$/);
  };
  fails([], 2, /--data SPEC is needed/);
  fails(['--data', data, '--feature', 'dense'], 2, /--feature dense wants a model/);
  fails(['--data', data, '--out', 'g.svg'], 2, /give --feature and --edges/);
  fails(['--data', data, '--feature', 'x'], 2, /--feature wants one of input, scaled, map, dense/);
  fails(['--data', data, '--limit', '2'], 3, /at least 3 images/);
  fails(['--data', data, '--lamda', '1'], 2, /did you mean --lambda/);
  const help = run(['--help']);
  assert.match(help.stdout, /^Usage: likeness-graph \[MODEL\]/);
});
