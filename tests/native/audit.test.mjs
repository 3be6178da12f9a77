// What audit says of a verdict, against the same sets made here and measured by eval; and that a
// network which tells poses apart notices what another does not.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fails, idx, ok, random, write } from './helpers.mjs';

const SIDE = 10;
const COUNT = 240;
const GATE =
  '1x10x10 > conv 8 3 s2 relu > dense 24 relu > pose 1 40 > dense 6 | dense 100 sigmoid > mse';
const PLAIN = '1x10x10 > dense 24 relu > dense 6 | dense 100 sigmoid > bce';
const MADE = [
  ...['hflip', 'hflip+1', 'vflip', 'vflip+1', 'rot90', 'inverted', 'constant', 'uniform'],
  ...['gaussian', 'shuffled', 'shift 1', 'shift 2'],
];

/** Bright corners, long down and short to the right: no pose looks like another.
 * @param {number} count @param {number} seed */
function corners(count, seed) {
  const next = random(seed);
  const pixels = new Uint8Array(count * SIDE * SIDE);
  for (let i = 0; i < count; i++) {
    const [top, left] = [1 + Math.floor(next() * 2), 1 + Math.floor(next() * 3)];
    const light = 150 + next() * 100;
    for (let p = 0; p < SIDE * SIDE; p++) {
      const [row, column] = [Math.floor(p / SIDE) - top, (p % SIDE) - left];
      const on = (column === 0 && row >= 0 && row < 7) || (row === 6 && column >= 0 && column < 4);
      pixels[i * SIDE * SIDE + p] = (on ? light : 0) + next() * 40;
    }
  }
  return pixels;
}

/** @type {string} */ let path;
/** @type {Record<string, string>} */ const files = {};
/** @type {Uint8Array} */ let fresh;
/** @param {string} name @param {ArrayLike<number>} pixels */
const save = (name, pixels) =>
  write(
    join(path, `${name}-images-idx3-ubyte`),
    idx([pixels.length / SIDE / SIDE, SIDE, SIDE], pixels),
  );

before(() => {
  path = mkdtempSync(join(tmpdir(), 'likeness-test-'));
  fresh = corners(COUNT, 2);
  files.known = save('known', corners(1200, 1));
  files.fresh = save('fresh', fresh);
  for (const [name, arch] of Object.entries({ gate: GATE, plain: PLAIN })) {
    files[name] = join(path, `${name}.safetensors`);
    const how = ['--epochs', '20', '--batch', '20', '--lr', '0.003', '--holdout', '400'];
    ok(['train', '--arch', arch, '--data', files.known, ...how, '--out', files[name]]);
  }
});
after(() => rmSync(path, { recursive: true, force: true }));

/** @param {string} model @param {string[]} more */
const audit = (model, ...more) =>
  ok(['audit', files[model], '--data', files.fresh, '--json', ...more]);
/** @param {any} report @param {string} name */
const row = (report, name) => report.sets.find((/** @type {any} */ set) => set.name === name);

test('every set is there, with all that is told of it', () => {
  const report = audit('gate', '--train', files.known, '--ood', `more=${files.known}`);
  assert.equal(report.images, COUNT);
  assert.deepEqual(
    report.sets.map((/** @type {any} */ set) => set.name),
    ['more', ...MADE],
  );
  for (const set of report.sets) {
    assert.equal(set.wanted, set.name.startsWith('shift') ? 'in' : 'out');
    assert.ok(set.auroc_low <= set.auroc && set.auroc <= set.auroc_high, set.name);
    assert.deepEqual(Object.keys(set.baselines), ['pixel_1nn', 'pca']);
    assert.deepEqual(
      set.flagged.map((/** @type {any} */ f) => f.alpha),
      [0.01, 0.05, 0.1],
    );
  }
  const out = report.sets.filter((/** @type {any} */ set) => set.wanted === 'out');
  assert.equal(report.minimum.auroc, Math.min(...out.map((/** @type {any} */ set) => set.auroc)));
  for (const [i, { alpha, rate, least, most }] of report.splits.entries()) {
    assert.equal(alpha, [0.01, 0.05, 0.1][i]);
    assert.ok(least <= rate && rate <= most && Math.abs(rate - alpha) < 0.06, `${alpha}: ${rate}`);
  }
});

test('sets are what their names say, and measured as eval does', () => {
  const report = audit('gate');
  const at = (/** @type {number} */ i, /** @type {number} */ y, /** @type {number} */ x) =>
    fresh[
      (i * SIDE + Math.min(Math.max(y, 0), SIDE - 1)) * SIDE + Math.min(Math.max(x, 0), SIDE - 1)
    ];
  const last = SIDE - 1;
  /** @type {Record<string, (i: number, y: number, x: number) => number>} */
  const by = {
    hflip: (i, y, x) => at(i, y, last - x),
    'hflip+1': (i, y, x) => at(i, y, SIDE - x),
    vflip: (i, y, x) => at(i, last - y, x),
    'vflip+1': (i, y, x) => at(i, SIDE - y, x),
    rot90: (i, y, x) => at(i, last - x, y),
    inverted: (i, y, x) => 255 - at(i, y, x),
    constant: (i) => i % 256,
    'shift 1': (i, y, x) => at(i, y + [0, 0, 1, -1][i % 4], x + [1, -1, 0, 0][i % 4]),
    'shift 2': (i, y, x) => at(i, y + [0, 0, 2, -2][i % 4], x + [2, -2, 0, 0][i % 4]),
  };
  const made = Object.entries(by).map(([name, value]) => {
    const pixels = Uint8Array.from({ length: fresh.length }, (_, p) =>
      value(Math.floor(p / SIDE / SIDE), Math.floor(p / SIDE) % SIDE, p % SIDE),
    );
    return `${name}=${save(name, pixels)}`;
  });
  const given = made.flatMap((set) => ['--ood', set]);
  const { ood, false_alarms } = ok(['eval', files.gate, '--data', files.fresh, '--json', ...given]);
  for (const { name, auroc, aupr, fpr95 } of ood) {
    const set = row(report, name);
    assert.ok(Math.abs(set.auroc - auroc) < 1e-9, `${name}: ${set.auroc}, not ${auroc}`);
    assert.ok(Math.abs(set.aupr - aupr) < 1e-9 && Math.abs(set.fpr95 - fpr95) < 1e-9, name);
  }
  assert.deepEqual(report.false_alarms, false_alarms);
});

test('who was taught poses notices them', () => {
  const [gate, plain] = [audit('gate'), audit('plain')];
  for (const name of ['hflip', 'hflip+1', 'vflip', 'rot90'])
    assert.ok(row(gate, name).auroc > 0.97, `${name}: ${row(gate, name).auroc}`);
  for (const name of ['inverted', 'uniform', 'gaussian'])
    for (const report of [gate, plain])
      assert.ok(row(report, name).auroc > 0.99, `${name}: ${row(report, name).auroc}`);
  assert.ok(!('baselines' in row(gate, 'hflip')));
});

/** AUROC by counting pairs. @param {number[]} usual @param {number[]} others */
function auroc(usual, others) {
  let sum = 0;
  for (const b of others) for (const a of usual) sum += b > a ? 1 : b === a ? 0.5 : 0;
  return sum / usual.length / others.length;
}

/** Average precision, without ties. @param {number[]} usual @param {number[]} others */
function precision(usual, others) {
  const above = (/** @type {number[]} */ scores, /** @type {number} */ v) =>
    scores.filter((score) => score >= v).length;
  const at = others.map((v) => above(others, v) / (above(others, v) + above(usual, v)));
  return at.reduce((a, b) => a + b) / at.length;
}

test('nearest pixels are found among the known images', () => {
  const known = corners(1200, 1);
  const nearest = (/** @type {Uint8Array} */ images) =>
    Array.from({ length: images.length / SIDE / SIDE }, (_, i) => {
      let least = Infinity;
      for (let at = 0; at < known.length; at += SIDE * SIDE) {
        let sum = 0;
        for (let p = 0; p < SIDE * SIDE; p++)
          sum += (images[i * SIDE * SIDE + p] - known[at + p]) ** 2;
        least = Math.min(least, sum);
      }
      return least;
    });
  const turned = fresh.map(
    (_, p) => fresh[p - (p % SIDE) + SIDE - 1 - (p % SIDE)], // hflip
  );
  const [usual, others] = [nearest(fresh), nearest(turned)];
  const { pixel_1nn: found } = row(audit('plain', '--train', files.known), 'hflip').baselines;
  assert.ok(Math.abs(found.auroc - auroc(usual, others)) < 1e-3, `${found.auroc}`);
  assert.ok(Math.abs(found.aupr - precision(usual, others)) < 1e-3, `${found.aupr}`);
  assert.ok(found.auroc < 0.999 && found.aupr < 0.999);
});

/** @typedef {{verdict: string, scores: Record<string, {value: number, surprise: number}>}} Opinion */

/** What the pieces of evidence are about that are not about content. @type {Record<string, string>} */
const ABOUT = {
  ...{ reconstruction: 'look', shape: 'look', style: 'look', tones: 'look', views: 'look' },
  ...{ pose: 'pose', texture: 'texture' },
};

/** The verdict's scores without a piece of evidence, as SCORES.md tells it.
 * @param {Opinion[]} usual @param {Opinion[]} judged @param {string} left */
function without(usual, judged, left) {
  const addUp = (/** @type {Opinion} */ o, /** @type {string} */ question) =>
    Object.entries(o.scores)
      .filter(([name]) => name !== left && (ABOUT[name] ?? 'content') === question)
      .reduce((sum, [, { surprise }]) => sum + surprise, 0);
  const answers = ['content', 'look', 'pose'].map((question) => {
    const sums = usual.map((o) => addUp(o, question)).sort((a, b) => a - b);
    const tail = sums.slice(Math.floor(0.97 * (sums.length - 1)));
    const mean = tail.reduce((a, b) => a + b - tail[0], 0) / tail.length;
    return (/** @type {Opinion} */ o) => {
      const sum = addUp(o, question);
      const share = (1 + sums.filter((v) => v >= sum).length) / (1 + sums.length);
      return sum > tail[0] ? -Math.log(0.03) + (sum - tail[0]) / mean : -Math.log(share);
    };
  });
  return judged.map((o) =>
    o.verdict === 'empty'
      ? Infinity
      : Math.hypot(...answers.map((answer) => answer(o))) + addUp(o, 'texture'),
  );
}

test('an ablation tells of every piece what score says of the images', () => {
  // Half of them are usual images, since what is told apart perfectly says nothing of the sums.
  const mixed = Uint8Array.from(corners(120, 3));
  for (let i = 0; i < 60 * SIDE * SIDE; i += SIDE) mixed.subarray(i, i + SIDE).reverse();
  mixed.fill(0, 0, SIDE * SIDE); // an empty one
  files.mixed = save('mixed', mixed);
  for (const model of ['gate', 'plain']) {
    const report = audit(model, '--ood', `mixed=${files.mixed}`, '--ablation');
    const score = (/** @type {string} */ data) =>
      /** @type {Opinion[]} */ (ok(['score', files[model], '--data', files[data], '--json']));
    const [usual, others] = [score('fresh'), score('mixed')];
    const { ablation } = row(report, 'mixed');
    const names = Object.keys(usual[0].scores);
    assert.deepEqual(Object.keys(ablation.alone), names);
    assert.deepEqual(Object.keys(ablation.without), ['nothing', ...names]);
    assert.equal(names.includes('pose'), model === 'gate');
    for (const name of names) {
      const value = (/** @type {Opinion} */ o) =>
        o.verdict === 'empty' ? Infinity : o.scores[name].value;
      const alone = auroc(usual.map(value), others.map(value));
      assert.ok(Math.abs(ablation.alone[name] - alone) < 1e-9, `${name}: ${alone}`);
    }
    for (const name of ['nothing', ...names]) {
      const rest = auroc(without(usual, usual, name), without(usual, others, name));
      // Sums here are of the digits that were printed, there of all: ties may fall differently.
      assert.ok(Math.abs(ablation.without[name] - rest) < 1e-4, `${name}: ${rest}`);
    }
    assert.ok(!('ablation' in row(audit(model), 'hflip')));
  }
  // Who was taught poses needs that to tell mirrored corners.
  const { alone, without: rest } = row(audit('gate', '--ablation'), 'hflip').ablation;
  assert.ok(alone.pose > 0.9 && rest.pose < rest.nothing);
});

test('a table for people, the same whatever the threads', () => {
  const text = (/** @type {string} */ n) =>
    ok(['audit', files.plain, '--data', files.fresh, '--threads', n, '--in', `it=${files.known}`]);
  const one = text('1');
  assert.equal(one, text('3'));
  assert.match(one, /^it .*\(to pass\)$/m);
  assert.match(one, /false alarms/);
  assert.doesNotMatch(one, /alone/);
  const more = ok(['audit', files.plain, '--data', files.fresh, '--ablation']);
  assert.match(more, /^alone +reconstruction +mahalanobis +neighbour +texture$/m);
  assert.match(more, /^without +nothing .*\nhflip( +[01]\.\d{4}){5}$/m);
});

test('a page of it: every set, its curve, no markup but its own, nothing from elsewhere', () => {
  const page = join(path, 'page.html');
  const sets = ['--ood', `<b>&=${files.known}`, '--in', `it=${files.known}`];
  const report = audit('gate', '--html', page, ...sets);
  const html = readFileSync(page, 'utf8');
  const unusual = report.sets.filter((/** @type {{wanted: string}} */ s) => s.wanted === 'out');
  assert.equal(html.match(/<polyline/g)?.length, unusual.length);
  assert.ok(html.includes('&lt;b&gt;&amp;') && !html.includes('<b>'));
  for (const { name, auroc, roc } of unusual) {
    if (/^[a-z0-9+]+$/.test(name)) assert.ok(html.includes(`<td>${name}</td>`), name);
    assert.ok(html.includes(`<td>${auroc.toFixed(4)}</td>`), `${name} ${auroc}`);
    // Curves rise from nothing flagged to everything, about the area that the AUROC is.
    let area = 0;
    for (let i = 1; i < roc.length; i++) {
      assert.ok(roc[i][0] > roc[i - 1][0] && roc[i][1] >= roc[i - 1][1]);
      area += ((roc[i][0] - roc[i - 1][0]) * (roc[i][1] + roc[i - 1][1])) / 2;
    }
    assert.deepEqual([roc[0][0], roc.at(-1)], [0, [1, 1]]);
    assert.ok(Math.abs(area - auroc) < 0.03, `${name}: ${area}, ${auroc}`);
  }
  assert.doesNotMatch(html, /<script|src=|href=|url\(/);
  fails(
    ['audit', files.gate, '--data', files.fresh, '--html', join(path, 'no', 'x.html')],
    5,
    /no/,
  );
});

test('what cannot be audited is said in a line', () => {
  const bare = join(path, 'bare.safetensors');
  ok(
    ['train', '--arch', PLAIN, '--data', files.known, '--epochs', '1', '--no-calibrate'].concat([
      ...['--out', bare],
    ]),
  );
  const few = save('few', fresh.slice(0, 30 * SIDE * SIDE));
  const data = ['--data', files.fresh];
  fails(['audit', files.gate], 2, /--data SPEC is needed/);
  fails(['audit', files.gate, ...data, '--in', 'x'], 2, /--in wants NAME=SPEC, not 'x'/);
  fails(['audit', files.gate, ...data, '--ood', '=y'], 2, /--ood wants NAME=SPEC/);
  fails(['audit', bare, ...data], 4, /is not calibrated for image/);
  fails(['audit', files.gate, '--data', few], 3, /needs at least 40 images/);
});
