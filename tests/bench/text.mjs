// Documents found by a deep autoencoder of their words (G. Hinton and R. Salakhutdinov 2006), against
// latent semantic analysis (S. Deerwester et al. 1990) with codes as long, and against tf-idf:
//
//     node tests/bench/text.mjs FILE.jsonl[.gz] [--words 2000] [--latent 10] [--epochs 50] [--seed 1]
//         [--held N] [--threads N] [--json]
//
// The network learns to make tf-idf of documents a third of whose words it is not shown (P. Vincent et
// al. 2010); codes of 2 values are a map, as `likeness map MODEL --data ... --method code` draws it.
// With --held N the training part alone is used: every N-th of its documents asks.
//
// A line of the file is {"label", "split": "train" | "test", "text"}. Words, stop words by frequency
// and LSA come from the training part alone. Each document of the test part then asks for all others
// of it, the nearest by cosine first; those with its label are right. The vocabulary is kept beside
// the model, so that new text can be coded: build/text/NAME.vocabulary.json.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { likenessAloud as likeness, root } from './measure.mjs';

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    words: { type: 'string', default: '2000' },
    latent: { type: 'string', default: '10' },
    epochs: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    held: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
});
/** Of the training documents: a word in more of them tells nothing. */
const MOST_COMMON = 0.1;
/** Shares of a document in bytes: a word that is a third of one is as bright as can be. */
const BRIGHTNESS = 3;

/** @typedef {{ label: string, split: string, text: string }} Line */
/** @typedef {{ words: Int32Array, counts: Float64Array, label: number }} Document */

/** @param {string} file @returns {Line[]} */
function readLines(file) {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

const tokens = (/** @type {string} */ text) => text.toLowerCase().match(/[a-z]{2,}/g) ?? [];

/** The most frequent words but those that are nearly everywhere. @param {Line[]} lines */
function chooseWords(lines, /** @type {number} */ count) {
  const total = new Map();
  const documents = new Map();
  for (const { text } of lines) {
    const all = tokens(text);
    for (const word of all) total.set(word, (total.get(word) ?? 0) + 1);
    for (const word of new Set(all)) documents.set(word, (documents.get(word) ?? 0) + 1);
  }
  const kept = [...total.keys()].filter((w) => documents.get(w) <= MOST_COMMON * lines.length);
  kept.sort((a, b) => total.get(b) - total.get(a) || (a < b ? -1 : 1));
  return kept.slice(0, count);
}

/** @param {Line[]} lines @param {Map<string, number>} places @param {Map<string, number>} labels */
function countWords(lines, places, labels) {
  /** @type {Document[]} */
  const documents = [];
  for (const { text, label } of lines) {
    const counts = new Map();
    for (const word of tokens(text)) {
      const place = places.get(word);
      if (place !== undefined) counts.set(place, (counts.get(place) ?? 0) + 1);
    }
    if (counts.size === 0) continue; // nothing is known of it
    if (!labels.has(label)) labels.set(label, labels.size);
    const words = Int32Array.from(counts.keys()).sort();
    const values = Float64Array.from(words, (w) => counts.get(w));
    documents.push({ words, counts: values, label: /** @type {number} */ (labels.get(label)) });
  }
  return documents;
}

// ---- vectors with few values that are not 0 ----

/** @typedef {{ words: Int32Array, values: Float64Array }} Sparse */

/** Of length 1. @param {Int32Array} words @param {Float64Array} values @returns {Sparse} */
function unit(words, values) {
  const length = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0)) || 1;
  return { words, values: values.map((v) => v / length) };
}

const logCounts = (/** @type {Document} */ d) => unit(d.words, d.counts.map(Math.log1p));

/** @param {Document[]} documents @param {number} words */
function inverseFrequencies(documents, words) {
  const found = new Float64Array(words);
  for (const d of documents) for (const w of d.words) found[w]++;
  return found.map((n) => Math.log((1 + documents.length) / (1 + n)) + 1);
}

/**
 * The leading right singular vectors, by iterating on a block of twice as many.
 * @param {Sparse[]} rows @param {number} words @param {number} count
 */
function singularVectors(rows, words, count) {
  const width = 2 * count;
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32 - 0.5;
  };
  let v = Float64Array.from({ length: words * width }, random);
  for (let round = 0; round < 30; round++) {
    orthonormalise(v, words, width);
    const next = new Float64Array(words * width);
    const z = new Float64Array(width);
    for (const { words: at, values } of rows) {
      z.fill(0);
      for (let i = 0; i < at.length; i++)
        for (let c = 0; c < width; c++) z[c] += values[i] * v[at[i] * width + c];
      for (let i = 0; i < at.length; i++)
        for (let c = 0; c < width; c++) next[at[i] * width + c] += values[i] * z[c];
    }
    v = next;
  }
  orthonormalise(v, words, width);
  return { v, width };
}

/** Columns in order, so that the leading ones come to lie along the leading vectors. */
function orthonormalise(
  /** @type {Float64Array} */ v,
  /** @type {number} */ rows,
  /** @type {number} */ width,
) {
  for (let c = 0; c < width; c++) {
    for (let e = 0; e <= c; e++) {
      let dot = 0;
      for (let r = 0; r < rows; r++) dot += v[r * width + c] * v[r * width + e];
      for (let r = 0; r < rows; r++)
        if (e < c) v[r * width + c] -= dot * v[r * width + e];
        else v[r * width + c] /= Math.sqrt(dot) || 1;
    }
  }
}

/** @param {Sparse[]} rows @param {{ v: Float64Array, width: number }} basis @param {number} count */
function project(rows, basis, count) {
  return rows.map(({ words, values }) => {
    const z = new Float64Array(count);
    for (let i = 0; i < words.length; i++)
      for (let c = 0; c < count; c++) z[c] += values[i] * basis.v[words[i] * basis.width + c];
    return z;
  });
}

// ---- retrieval ----

const LEVELS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1];

/**
 * The mean precision at each level of recall; `similar(i)` fills a row of likenesses to document i.
 * @param {number[]} labels @param {(i: number) => Float64Array} similar
 */
function retrieve(labels, similar) {
  const n = labels.length;
  const sums = LEVELS.map(() => 0);
  const order = new Uint32Array(n);
  let asked = 0;
  for (let i = 0; i < n; i++) {
    const row = similar(i);
    const relevant = labels.reduce((sum, l, j) => sum + (j !== i && l === labels[i] ? 1 : 0), 0);
    if (relevant === 0) continue;
    for (let j = 0; j < n; j++) order[j] = j;
    row[i] = Number.POSITIVE_INFINITY; // itself comes first, and is passed over
    order.sort((a, b) => row[b] - row[a] || a - b);
    let found = 0;
    let level = 0;
    for (let j = 1; j < n && level < LEVELS.length; j++) {
      if (labels[order[j]] !== labels[i]) continue;
      found++;
      while (level < LEVELS.length && found >= LEVELS[level] * relevant) sums[level++] += found / j;
    }
    asked++;
  }
  return sums.map((sum) => sum / asked);
}

/** By codes. @param {number[]} labels @param {ArrayLike<number>[]} codes */
function byCodes(labels, codes) {
  const d = codes[0].length;
  const units = new Float64Array(codes.length * d);
  for (const [i, z] of codes.entries()) {
    const length = Math.hypot(...Array.from(z)) || 1;
    for (let k = 0; k < d; k++) units[i * d + k] = z[k] / length;
  }
  const row = new Float64Array(codes.length);
  return retrieve(labels, (i) => {
    for (let j = 0; j < codes.length; j++) {
      let dot = 0;
      for (let k = 0; k < d; k++) dot += units[i * d + k] * units[j * d + k];
      row[j] = dot;
    }
    return row;
  });
}

/** By sparse vectors of length 1. @param {number[]} labels @param {Sparse[]} rows */
function bySparse(labels, rows, /** @type {number} */ words) {
  /** @type {[number, number][][]} */
  const holders = Array.from({ length: words }, () => []);
  for (const [i, r] of rows.entries())
    for (let k = 0; k < r.words.length; k++) holders[r.words[k]].push([i, r.values[k]]);
  const row = new Float64Array(rows.length);
  return retrieve(labels, (i) => {
    row.fill(0);
    for (let k = 0; k < rows[i].words.length; k++)
      for (const [j, value] of holders[rows[i].words[k]]) row[j] += rows[i].values[k] * value;
    return row;
  });
}

// ---- the autoencoder ----

/** tf-idf of length 1 in bytes, as images of one row. @param {Document[]} documents */
function writeBags(/** @type {string} */ file, documents, /** @type {number} */ words) {
  const header = Buffer.alloc(16);
  header.set([0, 0, 8, 3]);
  for (const [i, size] of [documents.length, 1, words].entries())
    header.writeUInt32BE(size, 4 + 4 * i);
  const bytes = Buffer.alloc(documents.length * words);
  for (const [i, d] of documents.entries()) {
    const { words: at, values } = tfIdf(d);
    for (let k = 0; k < at.length; k++)
      bytes[i * words + at[k]] = Math.round(255 * Math.min(1, BRIGHTNESS * values[k]));
  }
  writeFileSync(`${file}-images-idx3-ubyte`, Buffer.concat([header, bytes]));
  const labels = Buffer.alloc(8);
  labels.set([0, 0, 8, 1]);
  labels.writeUInt32BE(documents.length, 4);
  const classes = Buffer.from(documents.map(({ label }) => label));
  writeFileSync(`${file}-labels-idx1-ubyte`, Buffer.concat([labels, classes]));
  return `${file}-images-idx3-ubyte`;
}

/** @param {string} file of float32 rows */
function readRows(file) {
  const bytes = readFileSync(file);
  const start = 10 + bytes.readUInt16LE(8);
  const shape = /\((\d+), (\d+)\)/.exec(bytes.toString('latin1', 10, start)) ?? [];
  const [rows, columns] = [Number(shape[1]), Number(shape[2])];
  const copy = Uint8Array.from(bytes.subarray(start));
  const values = new Float32Array(copy.buffer);
  return Array.from({ length: rows }, (_, i) => values.subarray(i * columns, (i + 1) * columns));
}

const [file] = positionals;
if (!file) throw new Error('usage: node tests/bench/text.mjs FILE.jsonl[.gz] [options]');
const [words, latent] = [Number(given.words), Number(given.latent)];
const folder = join(root, 'build/text');
mkdirSync(folder, { recursive: true });
const name = join(folder, `${basename(file).replace(/\.jsonl(\.gz)?$/, '')}-${latent}`);

const lines = readLines(file);
let training = lines.filter(({ split }) => split === 'train');
let asking = lines.filter(({ split }) => split === 'test');
if (given.held !== '0') {
  // For choices: a part of the training documents is asked for in place of the test part.
  asking = training.filter((_, i) => i % Number(given.held) === 0);
  training = training.filter((_, i) => i % Number(given.held) !== 0);
}
const vocabulary = chooseWords(training, words);
const places = new Map(vocabulary.map((word, i) => [word, i]));
writeFileSync(`${name}.vocabulary.json`, JSON.stringify(vocabulary));
const labelled = new Map();
const known = countWords(training, places, labelled);
const asked = countWords(asking, places, labelled);
const labels = asked.map(({ label }) => label);
console.error(
  `${known.length} documents to learn from, ${asked.length} to ask, ${labelled.size} labels`,
);

const weights = inverseFrequencies(known, words);
const tfIdf = (/** @type {Document} */ d) =>
  unit(
    d.words,
    d.counts.map((c, k) => Math.log1p(c) * weights[d.words[k]]),
  );
/** @type {Record<string, number[]>} */
const precision = {};

const model = `${name}.safetensors`;
const arch = `1x1x${words} > mask 0.3 > dense 500 relu > dense 250 relu > dense 125 relu > dense ${latent} | dense 125 relu > dense 250 relu > dense 500 relu > dense ${words} > mse`;
likeness(
  ...['train', '--arch', arch, '--data', writeBags(`${name}-train`, known, words), '--out', model],
  ...[
    '--epochs',
    String(given.epochs),
    '--seed',
    String(given.seed),
    '--threads',
    String(given.threads),
  ],
  ...['--decay', '0.3', '--no-calibrate', '--gallery', '0', '--holdout', '0'],
);
likeness(
  ...['encode', model, '--data', writeBags(`${name}-test`, asked, words)],
  ...['--out', `${name}-codes.npy`],
);
precision.autoencoder = byCodes(labels, readRows(`${name}-codes.npy`));
for (const [title, vectors] of /** @type {const} */ ([
  ['lsa of log counts', logCounts],
  ['lsa of tf-idf', tfIdf],
])) {
  const basis = singularVectors(known.map(vectors), words, latent);
  precision[title] = byCodes(labels, project(asked.map(vectors), basis, latent));
}
precision['tf-idf'] = bySparse(labels, asked.map(tfIdf), words);

if (given.json) {
  console.log(
    JSON.stringify({ file, words, latent, documents: asked.length, recall: LEVELS, precision }),
  );
} else {
  console.log(`recall        ${LEVELS.map((l) => l.toFixed(2).padStart(6)).join('')}`);
  for (const [title, values] of Object.entries(precision))
    console.log(
      `${title.padEnd(18).slice(0, 18)}${values.map((v) => v.toFixed(3).padStart(6)).join('')}`,
    );
}
