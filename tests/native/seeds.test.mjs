// audit --seeds: that its commands are commands, that its figures are those that they print, and that
// a run goes on where it was ended. On small data sets of the names that the claims are of.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fails, folder, idx, interrupted, ok, program, random, run, write } from './helpers.mjs';

/** Bars of a class's width and brightness, as `mnist` or `fashion`.
 * @param {string} path @param {string} name @param {string} part @param {number} count */
function writeSet(path, name, part, count) {
  const next = random(name.length + part.length);
  const pixels = new Uint8Array(count * 784);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = i % 10;
    const [left, wide] = [3 + Math.floor(next() * 3), 2 + 2 * labels[i]];
    for (let p = 0; p < 784; p++) {
      const x = (name === 'mnist' ? p % 28 : Math.floor(p / 28)) - left;
      pixels[i * 784 + p] = (x >= 0 && x < wide ? 180 : 0) + next() * 40;
    }
  }
  write(join(path, name, `${part}-labels-idx1-ubyte`), idx([count], labels));
  write(join(path, name, `${part}-images-idx3-ubyte`), idx([count, 28, 28], pixels));
}

/** A folder of both sets, and what makes the program find them. @param {any} t @param {number} count */
function sets(t, count) {
  const path = folder(t);
  for (const name of ['mnist', 'fashion'])
    for (const part of ['train', 't10k'])
      writeSet(path, name, part, part === 'train' ? count : 200);
  const out = join(path, 'out');
  return { path, out, options: { cwd: path, env: { LIKENESS_DATA: path } } };
}

/** Words of a command line as a shell has them. @param {string} line */
function words(line) {
  const said = spawnSync('sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' });
  assert.equal(said.status, 0, line);
  return said.stdout.trimEnd().split('\n');
}

test('the list: every claim with commands that the program understands, in an hour', () => {
  const rows = ok(['audit', '--seeds', '--list', '--json']);
  const known = new Set();
  assert.ok(rows.length >= 10);
  let seconds = 0;
  for (const row of rows) {
    for (const key of ['claim', 'claimed', 'command']) assert.ok(row[key].length > 0, key);
    assert.ok(row.seconds > 0);
    seconds += row.seconds;
    const [first, ...lines] = row.command.split(' && ');
    assert.equal(first, 'mkdir -p seeds');
    const made = new Set();
    for (const line of lines) {
      const [name, ...args] = words(line);
      assert.ok([program, `${program}-graph`].includes(name), name);
      for (const read of args.filter((a) => a.startsWith('seeds/')))
        assert.ok(made.has(read) || args[args.indexOf(read) - 1] === '--out', `${read}: ${line}`);
      if (args.includes('--out')) made.add(args[args.indexOf('--out') + 1]);
      if (known.has(line) || name !== program) continue;
      known.add(line);
      // With --help every option and value is looked at, and nothing is done.
      assert.match(ok([...args, '--help']), /^Usage: /, line);
    }
  }
  assert.ok(seconds <= 3600, `${seconds} s`);
  assert.match(ok(['audit', '--seeds', '--list', '--only', 'cnn']), /^cnn: Fashion.*94\.15 %/);
  const [few] = ok(
    ['audit', '--seeds', '--list', '--json', '--only', 'ae', '--limit', '3000'].concat([
      ...['--out', "it's"],
    ]),
  );
  assert.ok(few.command.includes(`mkdir -p 'it'\\''s' && `) && few.command.endsWith(' 3000'));
});

/** E. B. Wilson's interval, in percent. @param {number} share @param {number} n */
function wilson(share, n) {
  const z = 1.959964;
  const half = z * Math.sqrt(share * (1 - share) * n + (z * z) / 4);
  return [-half, half].map((h) => (100 * (share * n + (z * z) / 2 + h)) / (n + z * z));
}

test('figures are those that the commands give, and nothing else', (t) => {
  const { out, options } = sets(t, 300);
  const args = ['audit', '--seeds', '--only', 'threshold,small-cnn', '--out', out];
  const rows = ok([...args, '--json'], options);
  assert.deepEqual(
    rows.map((/** @type {any} */ row) => row.name),
    ['small-cnn', 'threshold'],
  );
  const [small, threshold] = rows;
  const network = join(out, 'small-cnn.safetensors');
  const found = ok(['eval', network, '--data', 'fashion:test', '--json'], options);
  const shirts = found.confusion[6].reduce((/** @type {number} */ a, b) => a + b);
  for (const [figure, share, n] of [
    [small.figures[0], found.accuracy, 200],
    [small.figures[1], found.recall.Shirt, shirts],
  ]) {
    const [low, high] = wilson(share, n);
    assert.ok(Math.abs(figure.value - 100 * share) < 1e-9);
    assert.ok(Math.abs(figure.low - low) < 1e-6 && Math.abs(figure.high - high) < 1e-6);
    assert.equal(figure.interval, 'Wilson');
  }
  assert.equal(small.measured, small.figures[0].value);
  assert.deepEqual([small.low, small.high], [small.figures[0].low, small.figures[0].high]);
  const brightness = ok(['data', 'info', 'fashion:test', '--json'], options).mean;
  assert.equal(threshold.figures.at(-1).value, brightness);
  assert.ok(!('low' in threshold.figures.at(-1)));

  // A second run measures nothing anew, and reads what stands in the files.
  const made = statSync(network).mtimeMs;
  const record = join(out, 'small-cnn-eval.json');
  const text = readFileSync(record, 'utf8');
  writeFileSync(record, text.replace(/"accuracy":[0-9.]+/, '"accuracy":0.5'));
  const [other] = ok([...args, '--json'], options);
  assert.equal(other.measured, 50);
  assert.equal(statSync(network).mtimeMs, made);
  assert.match(ok(args, options), /\| `small-cnn` \|.* 50\.00 % \(43\.14 to 56\.86\); shirts/);
  writeFileSync(record, text.replace('"accuracy"', '"accurac"'));
  fails(args, 3, /small-cnn-eval\.json: has no figure accuracy/, { options });
  writeFileSync(record, text.slice(1));
  fails(args, 3, /small-cnn-eval\.json: not what a step has left/, { options });
  // What another command has left is no figure of this one.
  writeFileSync(
    record,
    text.replace('fashion:test', 'fashion').replace(/"accuracy":[^,]+/, '"accuracy":0'),
  );
  assert.equal(ok([...args, '--json'], options)[0].measured, small.measured);
});

test('what a row gives as its command gives its figure', (t) => {
  const { path, options } = sets(t, 300);
  const [row] = ok(['audit', '--seeds', '--only', 'small-cnn', '--json'], options);
  mkdirSync(join(path, 'elsewhere'));
  const done = spawnSync('sh', ['-c', row.command], {
    encoding: 'utf8',
    cwd: join(path, 'elsewhere'),
    env: { ...process.env, ...options.env },
  });
  assert.equal(done.status, 0, done.stderr);
  const [, accuracy] = /accuracy +(0\.\d+|1\.0+)/.exec(done.stdout) ?? [];
  assert.ok(Math.abs(100 * Number(accuracy) - row.measured) < 1e-3, done.stdout);
});

test('a run that was ended is gone on with, to the same bits', async (t) => {
  const { path, out, options } = sets(t, 1000);
  process.env.LIKENESS_DATA = path;
  t.after(() => delete process.env.LIKENESS_DATA);
  const args = ['audit', '--seeds', '--only', 'small-cnn', '--json', '--threads', '1', '--out'];
  const { code, stdout, stderr } = await interrupted(path, [...args, out], 'epoch 1/');
  assert.equal(code, 130, stderr);
  assert.equal(stdout, '');
  assert.ok(existsSync(join(out, 'small-cnn.safetensors.checkpoint')), stderr);
  const [row] = ok([...args, out], options);
  const [whole] = ok([...args, join(path, 'whole')], options);
  assert.deepEqual(row.figures, whole.figures);
  const weights = (/** @type {string} */ folder) =>
    JSON.parse(readFileSync(join(folder, 'small-cnn.json'), 'utf8')).result.weights_sha256;
  assert.equal(weights(out), weights(join(path, 'whole')));
});

test('what cannot be measured, or was not meant, is said in a line', (t) => {
  const { path, out, options } = sets(t, 20);
  const seeds = ['audit', '--seeds', '--out', out];
  fails([...seeds, '--only', 'cn'], 2, /--only: no claim 'cn'; did you mean cnn\?/, { path });
  fails([...seeds, '--only', 'ae,nothing at all'], 2, /no claim 'nothing at all'; see/, { path });
  fails(['audit', 'm.safetensors', '--seeds'], 2, /--seeds trains networks of its own/);
  fails(['audit', '--seeds', '--data', 'mnist'], 2, /--seeds trains networks of its own/);
  fails(['audit', '--seeds', '--train', 'mnist'], 2, /no option about one/);
  fails(['audit', '--list'], 2, /--list is for --seeds/);
  fails(['audit', '--data', 'mnist:test'], 2, /a MODEL is needed, or --seeds/);
  fails([...seeds, '--limit', '1999'], 2, /--limit 1999: --seeds wants at least 2000/, { path });
  const [row] = ok([...seeds, '--only', 'clusters', '--data-dir', path, '--json'], options);
  assert.deepEqual([row.measured, row.low, row.high, row.figures], [null, null, null, []]);
  assert.match(row.why, /^not measured: there is no .*cifar10-train-images.* \(see --data-dir\)$/);
  const alone = join(path, 'likeness');
  copyFileSync(program, alone);
  const graph = spawnSync(alone, [...seeds, '--only', 'graph', '--json'], { encoding: 'utf8' });
  assert.match(JSON.parse(graph.stdout)[0].why, /^not measured: likeness-graph was not built/);
  // A command that fails has said so itself, and its exit code is that of the whole.
  writeFileSync(join(path, 'fashion/train-images-idx3-ubyte'), 'broken');
  const failed = run([...seeds, '--only', 'small-cnn', '--json'], options);
  assert.equal(failed.code, 3);
  assert.match(failed.stderr, /^small-cnn\nlikeness: .*train-images-idx3-ubyte: [^\n]*\n$/);
  assert.equal(failed.json.error.status, 'data');
});
