// The figures of src/SCORES.md, each from a full training on real data:
//
//     node tests/bench/verdict.mjs [audit] [held-out] [one-class] [--seeds 1,2,3]
//         [--data mnist,fashion] [--threads N]
//
// audit      the shipped models beside two plain methods, with the ablation of every evidence
// held-out   trained without digit 1, 4, 5, 7 or 9, which is to be told from the nine others
// one-class  trained on one class of ten, the nine others being told from it
//
// Models are trained as web/setup.sh trains the shipped ones; those of seed 1 are these themselves.
// Needs what `sh web/demo.sh --no-serve` leaves in build/; image sets of others that are not in
// ../shared/data are left out. Models stay in build/verdict, figures go into build/verdict.json as
// they come, and what is there is not made again, so that a run may be ended and gone on with; after
// a change of the core, --again makes all anew. The tables are of all figures there are: mean and,
// in brackets, largest less smallest over the seeds; --print measures nothing.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { likenessAloud as likeness, root } from './measure.mjs';

const models = join(root, 'build/verdict');
const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    threads: { type: 'string', default: '2' },
    data: { type: 'string', default: 'mnist,fashion' },
    again: { type: 'boolean', default: false },
    print: { type: 'boolean', default: false },
  },
});
const DATA = (given.data ?? '').split(',');
const threads = ['--threads', given.threads ?? '2'];

// ---- what was measured ----

/** Columns of a row. @typedef {Record<string, number>} Figures */
/** By table, seed and row. @typedef {Record<string, Record<string, Record<string, Figures>>>} Measured */

const path = join(root, 'build/verdict.json');

/** @returns {Measured} */
function measured() {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

/** Adds rows to the file, which another run may have changed since this one began.
 * @param {string} table @param {number} seed @param {Record<string, Figures>} rows */
function record(table, seed, rows) {
  const all = measured();
  all[table] ??= {};
  all[table][seed] = { ...all[table][seed], ...rows };
  writeFileSync(path, `${JSON.stringify(all, null, 2)}\n`);
}

/** @param {string} table @param {number} seed @param {string} row */
const isMeasured = (table, seed, row) => !given.again && measured()[table]?.[seed]?.[row];

// ---- training ----

/** How setup.sh trains the shipped models, as words: the name, then those of the command.
 * @type {string[][]} */
const RECIPES = execFileSync(
  'sh',
  ['-c', `. web/setup.sh; train() { printf '%s\\t' "$@"; echo; }; train_models`],
  { cwd: root, encoding: 'utf8' },
)
  .trimEnd()
  .split('\n')
  .map((line) => line.trimEnd().split('\t'));

/** @param {string} data */
const recipeFor = (data) => RECIPES.find((words) => words[words.indexOf('--data') + 1] === data);

/** @param {string} file */
const optionsOf = (file) => file.replace('.safetensors', '.options');
/** Whether the model is there and was trained so; how is written beside it, as setup.sh does.
 * @param {string} file @param {string[]} options */
const wasTrained = (file, options) =>
  existsSync(file) &&
  existsSync(optionsOf(file)) &&
  readFileSync(optionsOf(file), 'utf8') === options.join(' ');

/** Trains as the shipped model of `data` is trained, but for the changes; the model's file.
 * @param {string} data @param {string} name @param {number} seed
 * @param {Record<string, string | null>} changes to options, null leaving one out */
function train(data, name, seed, changes = {}) {
  const [, shippedFamily, ...words] = recipeFor(data) ?? [];
  /* One class leaves no others to be told apart. */
  const family = changes['--data']?.includes(':only=') ? 'gate' : shippedFamily;
  const file = join(models, `${name}-${seed}.safetensors`);
  const how = new Map(words.flatMap((word, i) => (i % 2 ? [] : [[word, words[i + 1]]])));
  for (const [option, value] of Object.entries(changes))
    if (value === null) how.delete(option);
    else how.set(option, value);
  const options = [family, ...[...how].flat(), '--gallery', '0', '--seed', String(seed)];
  if (!given.again && wasTrained(file, options)) return file;
  likeness('train', ...options, '--out', file, ...threads);
  writeFileSync(optionsOf(file), options.join(' '));
  return file;
}

/** The shipped model, or one trained like it from another seed. @param {string} data @param {number} seed */
function shipped(data, seed) {
  const [name, ...words] = recipeFor(data) ?? [];
  const made = join(root, `build/models/${name}.safetensors`);
  return seed === 1 && wasTrained(made, words) ? made : train(data, name, seed);
}

// ---- measuring ----

/** @param {string} name */
const others = (name) => join(root, '../shared/data', name);
const BOTH = ['mnist', 'fashion'];
/** Sets of other origin, and to models of which data they are shown.
 * @type {{ to: string[], name: string, spec: string, wanted?: 'in' }[]} */
const SETS = [
  { to: ['fashion'], name: 'mnist', spec: 'mnist:test' },
  { to: ['mnist'], name: 'fashion', spec: 'fashion:test' },
  { to: BOTH, name: 'notmnist', spec: others('notmnist/t10k-images-idx3-ubyte.gz') },
  { to: BOTH, name: 'omniglot', spec: others('omniglot/omniglot-images-idx3-ubyte.gz') },
  { to: BOTH, name: 'cifar', spec: others('cifar10/cifar10gray28-test-images-idx3-ubyte.gz') },
  { to: ['mnist'], name: 'mnist-c', spec: others('mnist-c/mnistc-images-idx3-ubyte.gz') },
  {
    to: ['mnist'],
    name: 'usps',
    spec: others('usps/usps28-test-images-idx3-ubyte.gz'),
    wanted: 'in',
  },
  {
    to: ['mnist'],
    name: 'hwd1000',
    spec: others('hwd1000/hwd1000-images-idx3-ubyte.gz'),
    wanted: 'in',
  },
];

/** A row of `audit --json`. @typedef {{ name: string, wanted: string, auroc: number, aupr: number,
 *   auroc_low: number, auroc_high: number, flagged: { alpha: number, rate: number }[],
 *   baselines: Record<string, { auroc: number, aupr: number }>,
 *   ablation: { alone: Figures, without: Figures } }} Row */

/** @param {Row} row @param {'auroc' | 'aupr'} figure @returns {Figures} */
const beside = (row, figure) => ({
  verdict: row[figure],
  pixels: row.baselines.pixel_1nn[figure],
  components: row.baselines.pca[figure],
});

/** The shipped models. @param {number} seed */
function audit(seed) {
  for (const data of DATA) {
    if (isMeasured(data, seed, 'hflip')) continue;
    const sets = SETS.filter(({ to }) => to.includes(data)).flatMap(({ name, spec, wanted }) => {
      if (!spec.startsWith('/') || existsSync(spec))
        return [`--${wanted ?? 'ood'}`, `${name}=${spec}`];
      console.error(`${name} is left out: there is no ${spec}`);
      return [];
    });
    const file = shipped(data, seed);
    const known = ['--data', `${data}:test`, '--train', `${data}:train`, '--ablation'];
    const report = likeness('audit', file, ...known, ...sets, ...threads);
    /** @type {Row[]} */
    const rows = report.sets;
    const by = (/** @type {(row: Row) => Figures} */ figures, wanted = 'out') =>
      Object.fromEntries(rows.filter((r) => r.wanted === wanted).map((r) => [r.name, figures(r)]));
    const flagged = (/** @type {Row['flagged']} */ rates) =>
      Object.fromEntries(rates.map(({ alpha, rate }) => [`${100 * alpha} %`, 100 * rate]));
    record(
      data,
      seed,
      by((r) => ({ ...beside(r, 'auroc'), low: r.auroc_low, high: r.auroc_high })),
    );
    record(
      `${data}: alone`,
      seed,
      by((r) => r.ablation.alone),
    );
    record(
      `${data}: without`,
      seed,
      by((r) => r.ablation.without),
    );
    record(`${data}: flagged, %`, seed, {
      usual: flagged(report.false_alarms),
      ...by((r) => flagged(r.flagged), 'in'),
    });
  }
}

/** What a model of some classes of a data set makes of the others.
 * @param {string} table @param {string} row @param {string} data @param {string} usual
 * @param {string} unusual @param {number} seed @param {Record<string, string | null>} changes
 * @param {'auroc' | 'aupr'} figure */
function tell(table, row, data, usual, unusual, seed, changes, figure) {
  if (isMeasured(table, seed, row)) return;
  const name = `${data}-${usual.replace('=', '-')}`;
  const file = train(data, name, seed, { '--data': `${data}:${usual}`, ...changes });
  const { sets } = likeness(
    ...['audit', file, '--data', `${data}:test:${usual}`, '--train', `${data}:train:${usual}`],
    ...['--ood', `rest=${data}:test:${unusual}`, '--ablation', ...threads],
  );
  record(table, seed, { [row]: beside(sets[0], figure) });
  if (figure !== 'auroc') record(`${table}: AUROC`, seed, { [row]: beside(sets[0], 'auroc') });
  record(`${table}: alone`, seed, { [row]: sets[0].ablation.alone });
  record(`${table}: without`, seed, { [row]: sets[0].ablation.without });
}

/* Drawings show digits of all classes: those who are to know some alone learn without, in so many epochs. */
const EPOCHS = 16;
const UNDRAWN = { '--drawings': null, '--epochs': String(EPOCHS) };

/** Digits that the model never saw. @param {number} seed */
function heldOut(seed) {
  if (!DATA.includes('mnist')) return;
  for (const digit of [1, 4, 5, 7, 9])
    tell(
      'held-out: AUPRC',
      `${digit}`,
      'mnist',
      `without=${digit}`,
      `only=${digit}`,
      seed,
      UNDRAWN,
      'aupr',
    );
}

/** One class each: a tenth of the images, so smaller batches, to as many steps as those who know
 * nine learn in; as many held out as the program takes. @param {number} seed */
function oneClass(seed) {
  for (const data of DATA) {
    const words = recipeFor(data) ?? [];
    const of = (/** @type {string} */ option) => Number(words[words.indexOf(option) + 1]);
    const { images: all } = likeness('data', 'info', data);
    const steps = EPOCHS * Math.ceil((all - of('--holdout')) / of('--batch'));
    for (let label = 0; label < 10; label++) {
      const { images } = likeness('data', 'info', `${data}:only=${label}`);
      const epochs = Math.round(steps / Math.ceil((images - Math.floor(images / 6)) / 32));
      const changes = {
        ...UNDRAWN,
        '--holdout': null,
        '--augment': 'shift 2',
        '--references': '2000',
        '--batch': '32',
        '--lr': '0.001',
        '--epochs': String(epochs),
      };
      const [usual, rest] = [`only=${label}`, `without=${label}`];
      tell(`one-class: ${data}`, `${label}`, data, usual, rest, seed, changes, 'auroc');
    }
  }
}

// ---- printing ----

const mean = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b, 0) / values.length;

/** @param {number[]} values */
function cell(values) {
  if (values.length === 0) return '-';
  const digits = Math.max(...values) > 1 ? 2 : 4;
  const spread = Math.max(...values) - Math.min(...values);
  return mean(values).toFixed(digits) + (values.length > 1 ? ` (${spread.toFixed(digits)})` : '');
}

/** One table, rows of classes with the mean over all that a seed has.
 * @param {string} title @param {Record<string, Record<string, Figures>>} seeds */
function print(title, seeds) {
  const of = Object.values(seeds).map((rows) => {
    if (!/class|held/.test(title)) return rows;
    const columns = Object.keys(Object.values(rows)[0]);
    const means = columns.map((c) => [c, mean(Object.values(rows).map((row) => row[c]))]);
    return { ...rows, [`mean of ${Object.keys(rows).length}`]: Object.fromEntries(means) };
  });
  const columns = [...new Set(of.flatMap((rows) => Object.values(rows).flatMap(Object.keys)))];
  console.log(`\n${title}, seeds ${Object.keys(seeds).join(', ')}\n`);
  console.log(`| | ${columns.join(' | ')} |\n|---|${'---|'.repeat(columns.length)}`);
  for (const row of new Set(of.flatMap((rows) => Object.keys(rows)))) {
    const cells = columns.map((column) =>
      cell(of.flatMap((rows) => (rows[row]?.[column] === undefined ? [] : [rows[row][column]]))),
    );
    console.log(`| ${row} | ${cells.join(' | ')} |`);
  }
}

/** @type {Record<string, (seed: number) => void>} */
const TASKS = { audit, 'held-out': heldOut, 'one-class': oneClass };
const wanted = positionals.length ? positionals : Object.keys(TASKS);
for (const task of wanted) if (!TASKS[task]) throw new Error(`no such task: ${task}`);
mkdirSync(models, { recursive: true });
if (!given.print)
  for (const seed of (given.seeds ?? '').split(',').map(Number))
    for (const task of wanted) TASKS[task](seed);
for (const [title, seeds] of Object.entries(measured())) print(title, seeds);
