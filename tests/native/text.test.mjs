// Texts: reading them, choosing words, learning, finding, judging.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { fails, folder, ok, random, readNpy, run, write, writeBars } from './helpers.mjs';

const TOPICS = ['farm', 'law', 'sea'];
const EACH = 64;
/** Word i of a topic: farmaa, farmab ... */
const word = (topic, i) => `${topic}${'abcdefgh'[i >> 3]}${'abcdefgh'[i & 7]}`;
const vocabulary = TOPICS.flatMap((topic) =>
  Array.from({ length: EACH }, (_, i) => word(topic, i)),
);

/** Texts of some words of a topic, one of another, and words that are in all of them. */
function texts(count, seed) {
  const next = random(seed);
  const below = (n) => Math.floor(next() * n);
  return Array.from({ length: count }, (_, i) => {
    const label = TOPICS[i % 3];
    const words = Array.from({ length: 9 }, () => word(label, below(EACH)));
    words.push(word(TOPICS[below(3)], below(EACH)), 'the', 'and');
    return { label, split: i % 4 === 0 ? 'test' : 'train', text: `The ${words.join(' ')}.` };
  });
}
const jsonl = (lines) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
const ARCH = '1x1x192 > table > dense 24 relu > dense 2 | dense 24 relu > dense 192 > mse';
const TRAINED = ['--epochs', '60', '--lr', '0.01', '--batch', '32'];

let path, file, model, report;
before(() => {
  path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  file = write(join(path, 'texts.jsonl'), jsonl(texts(400, 1)));
  model = join(path, 'texts.safetensors');
  const args = ['train', '--arch', ARCH, '--data', `${file}:train`, '--out', model];
  report = ok([...args, ...TRAINED, '--holdout', '60', '--json']);
});
after(() => rmSync(path, { recursive: true, force: true }));

test('text: the model holds the words of the texts it learnt, without those in most of them', () => {
  const { words, title, data } = ok(['inspect', model, '--json']);
  assert.deepEqual([...words].sort(), vocabulary);
  assert.equal(title, 'texts');
  assert.match(data, /240 images trained on and 60 held out/);
  const [first] = report.epochs;
  assert.ok(
    report.validation_loss < 0.97 * first.validation_loss,
    `${report.validation_loss} ${first.validation_loss}`,
  );
  assert.match(ok(['inspect', model]), /^words +192$/m);
});

test('text: texts are found by others of their label, the same on any number of threads', () => {
  const args = ['eval', model, '--data', `${file}:test`, '--train', `${file}:train`, '--json'];
  const one = ok([...args, '--threads', '1']);
  const { recall, codes, lsa, tf_idf: words, asked } = one.retrieval;
  assert.equal(one.images, 100);
  assert.equal(asked, 100);
  assert.deepEqual(recall, [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1]);
  for (const list of [codes, lsa, words]) {
    assert.equal(list.length, recall.length);
    assert.ok(list.every((p) => p > 0.4 && p <= 1));
  }
  assert.ok(codes[7] > 0.9, `${codes}`);
  assert.ok(one.neighbours.cosine_1nn > 0.9);
  assert.deepEqual(ok([...args, '--threads', '3']).retrieval, one.retrieval);
  // Without texts to learn it from there is no latent semantic analysis.
  const alone = ok(['eval', model, '--data', `${file}:test`, '--json']).retrieval;
  assert.deepEqual(Object.keys(alone).sort(), ['asked', 'codes', 'recall', 'tf_idf']);
  assert.deepEqual([alone.codes, alone.tf_idf], [codes, words]);
  assert.match(ok(args.slice(0, -1)), /retrieval: precision .*\n +recall .*\n +codes /);
});

test('text: precision and recall by hand', (t) => {
  const own = folder(t);
  // 0 and 1 are the same, 2 shares one of two words with them, 3 none with anybody, 4 is unknown.
  const lines = [
    { label: 1, text: 'seaaa seaab' },
    { label: 1, text: 'seaab, SEAAA!' },
    { label: 2, text: 'seaab farmaa' },
    { label: 1, text: 'lawaa' },
    { label: 2, text: 'unknown' },
  ];
  const small = write(join(own, 'small.jsonl'), jsonl(lines));
  const { retrieval } = ok(['eval', model, '--data', small, '--json']);
  // Of the three with another of their label, two find it first, and the last one of theirs behind
  // the stranger; which of the three is nearest to 3, no word says.
  assert.equal(retrieval.asked, 3);
  const first = (1 + 1 + 1 / 1.5) / 3;
  // 0 and 1: each other, then the stranger, then 3; 3: those two and the stranger, all at 0.
  const last = (2 / 3 + 2 / 3 + 2 / 2.5) / 3;
  assert.ok(Math.abs(retrieval.tf_idf[0] - first) < 1e-9, `${retrieval.tf_idf}`);
  assert.ok(Math.abs(retrieval.tf_idf[9] - last) < 1e-9, `${retrieval.tf_idf}`);
});

test('text: codes, verdicts, neighbours, clusters and maps, in the words of the model', (t) => {
  const own = folder(t);
  const lines = [
    { text: 'The seaab, its seaac; SEADA and seafh!' },
    { text: 'zzz qqq' },
    { text: '' },
    { text: 'Lawaa, lawbb: lawcc, lawdd - lawee' },
  ];
  const asked = write(join(own, 'asked.jsonl'), jsonl(lines));
  const npy = join(own, 'z.npy');
  ok(['encode', model, asked, '--out', npy]);
  const codes = readNpy(npy);
  assert.deepEqual(codes.shape, [4, 2]);
  const again = join(own, 'again.npy');
  const packed = write(join(own, 'asked.jsonl.gz'), gzipSync(jsonl(lines)));
  ok(['encode', model, '--data', packed, '--out', again, '--threads', '3']);
  assert.deepEqual(readFileSync(again), readFileSync(npy));

  const verdicts = ok(['score', model, asked, '--json']).map(({ verdict }) => verdict);
  assert.deepEqual([verdicts[1], verdicts[2]], ['empty', 'empty']);
  assert.ok(verdicts[0] !== 'empty' && verdicts[3] !== 'empty');
  assert.match(ok(['score', model, asked]), /nothing to be seen/);
  assert.equal(ok(['calibrate', model, '--data', `${file}:test`, '--json']).images, 100);

  const search = ['neighbours', model, asked, '--train', `${file}:train`, '--k', '5'];
  const found = ok([...search, '--json']);
  assert.equal(found.length, 4);
  assert.deepEqual(
    [0, 3].map((i) => new Set(found[i].neighbours.map(({ label }) => label))),
    [new Set(['sea']), new Set(['law'])],
  );
  assert.deepEqual([found[1].neighbours, found[2].neighbours], [[], []]); // of words unknown, of none
  assert.match(ok(search), /asked\.jsonl#1\n {2}nothing to be seen\n/);
  assert.match(ok(search), /asked\.jsonl#0\n {2}1\. \d+ +distance 0\.\d+ {2}label sea\n/);

  const groups = ok(['cluster', model, '--data', file, '--k', '3', '--json']);
  assert.ok(groups.accuracy > 0.9, `${groups.accuracy}`);
  const svg = join(own, 'map.svg');
  const map = ['map', model, '--data', `${file}:train`, '--place', `${file}:test`];
  const { knn_accuracy: nearest, placed } = ok([
    ...[...map, '--method', 'code', '--out', svg, '--json'],
  ]);
  assert.ok(nearest.map > 0.9 && placed.knn_accuracy > 0.9);
  assert.match(readFileSync(svg, 'utf8'), /<svg[\s\S]*farm/);
  // Without a model: the words themselves, and their two leading components.
  const words = ok(['map', '--pixels', '--data', file, '--method', 'pca', '--json']);
  assert.deepEqual([words.images, words.dimensions], [400, 192]);
});

test('text: a softmax learns which shares words have in a text', (t) => {
  const own = folder(t);
  const shares = join(own, 'shares.safetensors');
  const arch = ARCH.replace('mse', 'multinomial');
  const args = ['train', '--arch', arch, '--data', `${file}:train`, '--out', shares];
  const { epochs } = ok([...args, ...TRAINED, '--holdout', '60', '--json']);
  assert.ok(epochs.at(-1).loss < 0.9 * epochs[0].loss, `${epochs[0].loss} ${epochs.at(-1).loss}`);
  // The same bits on any number of threads, by any instructions.
  const brief = [...args.slice(0, -1), join(own, 'brief.safetensors'), '--epochs', '2', '--json'];
  const { weights_sha256: bits } = ok([...brief, '--threads', '1']);
  assert.match(bits, /^[0-9a-f]{64}$/);
  assert.equal(ok([...brief, '--threads', '3', '--simd', 'scalar']).weights_sha256, bits);
  const { retrieval } = ok(['eval', shares, '--data', `${file}:test`, '--json']);
  assert.ok(retrieval.codes[7] > 0.9, `${retrieval.codes}`);
  const family = ok(['families', '--json']).find(({ name }) => name === 'text-softmax');
  assert.match(family.arch, /> dense 2000 > multinomial$/);

  // The shares that a code stands for come to one, and most of that is words of its topic.
  const asked = write(join(own, 'asked.jsonl'), jsonl([{ text: 'seaab seaac seada' }]));
  const [z, made] = ['z', 'made'].map((name) => join(own, `${name}.npy`));
  ok(['encode', shares, asked, '--out', z]);
  ok(['decode', shares, z, '--out', made]);
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const { values } = readNpy(made);
  assert.ok(Math.abs(sum(values) - 1) < 1e-5 && values.every((v) => v >= 0));
  const { words } = ok(['inspect', shares, '--json']);
  assert.ok(sum(values.filter((_, i) => words[i].startsWith('sea'))) > 0.7);
  // A row of numbers that may be below zero has no shares.
  const table = write(join(own, 'x.csv'), 'a,b\n1,2\n3,5\n2,2\n');
  const refused = ['--data', table, '--holdout', '0', '--no-calibrate', '--out'];
  fails(
    ['train', '--arch', arch.replaceAll('192', '2'), ...refused, join(own, 'x.safetensors')],
    3,
    /the loss multinomial is of values none of which is below 0/,
  );
});

test('text: parts, labels, classes and joined files', (t) => {
  const own = folder(t);
  const info = (spec) => ok(['data', 'info', spec, '--json']);
  const whole = info(file);
  assert.deepEqual([whole.kind, whole.images, whole.shape], ['jsonl', 400, [1, 1, 192]]);
  assert.deepEqual(
    whole.labels.map(({ name, images }) => [name, images]),
    [
      ['farm', 134],
      ['law', 133],
      ['sea', 133],
    ],
  );
  assert.equal(info(`${file}:train`).images, 300);
  assert.equal(info(`${file}:only=sea`).images, 133);
  assert.equal(info(`${file}:label=split:without=train`).images, 100);
  const joined = info(`${file}:only=sea+${file}:only=law`);
  assert.deepEqual([joined.images, joined.classes], [266, 2]);
  // Numbers of labels are those of the whole file, whichever of its lines are taken.
  const lines = [
    { label: 'a', split: 'train', text: 'cow' },
    { label: 'b', split: 'test', text: 'cow hay' },
  ];
  const two = write(join(own, 'two.jsonl'), jsonl(lines));
  assert.deepEqual(
    info(`${two}:test`).labels.map(({ name, images }) => [name, images]),
    [
      ['a', 0],
      ['b', 1],
    ],
  );
  const folded = write(
    join(own, 'letters.jsonl'),
    jsonl([{ text: 'ÉTÉ é naïve x 12ab—cd’s “Ça”' }]),
  );
  assert.deepEqual(info(folded).shape, [1, 1, 5]);
});

test('text: what is refused, by its line', (t) => {
  const own = folder(t);
  const refused = (text, pattern, spec = '', code = 3) => {
    const given = write(join(own, 'x.jsonl'), text);
    fails(['data', 'info', given + spec], code, pattern, { path: own });
  };
  refused('', /the file is empty/);
  refused('{"text": "a b"}\n{"text": "c\n', /x\.jsonl: line 2: broken JSON: /);
  refused('{"text": "ab"}\n\n{"text": "cd"}\n', /line 2 is empty/);
  refused('["ab"]\n', /line 1 is no JSON object/);
  refused('{"label": "a"}\n', /line 1: there is no text 'text'/);
  refused('{"text": 7}\n', /line 1: there is no text 'text'/);
  refused('{"text": "ab", "text": "cd"}\n', /line 1: broken JSON/);
  refused('{"text": "\\ud800"}\n', /line 1: broken JSON/);
  refused(Buffer.from('{"text": "ab"}\n{"text": "\xff"}', 'latin1'), /line 2: broken JSON/);
  refused('{"text": "ab", "label": "a"}\n{"text": "cd"}\n', /line 2: there is no label 'label'/);
  refused('{"text": "ab"}\n{"text": "cd", "label": 1}\n', /line 2 has a label 'label' and line 1/);
  refused('{"text": "ab", "label": 1.5}\n', /line 1: 'label' is neither a word nor a whole/);
  refused('{"text": "ab"}\n', /line 1: there is no label 'topic'/, ':label=topic');
  refused('{"text": "ab"}\n', /no line says its part/, ':train');
  refused('{"text": "ab", "split": "train"}\n', /no line with "split": "test"/, ':test');
  refused('{"text": "12 a 7"}\n', /no word is in at most 10 of its 1 texts/);
  refused('{"text": "ab"}\n'.repeat(11), /no word is in at most 10 of its 11 texts/);
  const cut = write(
    join(own, 'cut.jsonl.gz'),
    gzipSync('{"text": "ab"}\n'.repeat(99)).subarray(0, 30),
  );
  fails(['data', 'info', cut], 3, /truncated: the gzip stream ends early/, { path: own });

  const out = join(own, 'm.safetensors');
  const train = (args, code, pattern) =>
    fails(['train', ...args, '--out', out], code, pattern, { path: own });
  const bars = writeBars(own, 40, 1);
  train(['gate', '--data', file], 2, /texts want family text/);
  train(['text', '--data', bars], 3, /images, and this network is for rows/);
  train(['--data', file, '--shape', '1x1x193'], 3, /192 words can be counted, not 193/);
  train(['--data', file, '--shape', '1x28x28'], 2, /of texts a shape is 1x1xN/);
  train(['--data', file, '--augment', 'shift 1'], 2, /are for images/);
  const rows = write(join(own, 'rows.csv'), 'a,b\n1,2\n');
  fails(['score', model, rows], 3, /no texts, and the model is of texts/);
  fails(['eval', model, '--data', bars], 3, /no texts, and the model is of texts/);
  fails(['neighbours', model, file], 2, /--train SPEC is searched/);
  fails(['reconstruct', model, file, '--out', join(own, 'x.npy')], 2, /this is for images/);
  fails(['pca', '--data', file], 2, /texts, and this is for images/);
  fails(['map', '--pixels', '--data', file, '--place', file], 2, /--place wants a model/);
  fails(['audit', model, '--data', file], 4, /rows of numbers, not of images/);
  assert.equal(run(['score', model, `${file}:test`]).code, 0);
});
