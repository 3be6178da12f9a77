// The verdict in words, with an icon, and each piece of evidence underneath.

import { byId, make } from './dom.js';
import { EVIDENCE, evidenceName, nounsOf } from './labels.js';

/** @typedef {import('likeness').Result} Result */
/** @typedef {Result['scores'][string]} Piece of evidence */

const box = byId('verdict', HTMLElement);
const headline = byId('verdict-text', HTMLElement);
const detail = byId('verdict-detail', HTMLElement);
const icon = byId('verdict-icon', SVGElement);
const evidence = byId('evidence', HTMLElement);
const progress = byId('progress', HTMLProgressElement);
const announcer = byId('announcer', HTMLElement);
const REST = 700; // milliseconds without a change before it is said aloud
let timer = 0;

const ICONS = {
  in: 'M9 16.500l5 5L23.500 11',
  out: 'M10.500 10.500l11 11M21.500 10.500l-11 11',
  empty: 'M10 16h12',
};

/** "99.3 %", and never "100 %" for what is less. @param {number} share */
export function percent(share) {
  const shown = share > 0.999 ? Math.floor(share * 10000) / 100 : Math.round(share * 1000) / 10;
  return `${shown} %`;
}

/** @param {number} p */
function small(p) {
  return p < 0.001 ? p.toFixed(4) : p < 0.1 ? p.toFixed(3) : p.toFixed(2);
}

/** A line must not end within "held-out". @param {string} text */
function unbroken(text) {
  const word = 'held-out';
  return text.split(word).flatMap((part, i) => (i ? [make('span', {}, word), part] : [part]));
}

/**
 * @param {string} verdict @param {string} p
 * @param {string} text @param {string} [more]
 */
function say(verdict, p, text, more = '') {
  box.dataset.verdict = verdict;
  box.dataset.p = p;
  const shape = ICONS[/** @type {keyof typeof ICONS} */ (verdict)] ?? ICONS.empty;
  icon.firstElementChild?.setAttribute('d', shape);
  if (headline.textContent !== text) headline.replaceChildren(...unbroken(text));
  if (detail.textContent !== more) detail.textContent = more;
  // A screen reader hears where the drawing came to rest, not every change on the way.
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    announcer.textContent = `${text} ${more}`;
  }, REST);
}

/** @param {string} title @param {boolean} blank */
export function showEmpty(title, blank) {
  const { one } = nounsOf(title);
  if (blank) say('empty', '', 'Nothing to judge.', 'The picture is blank.');
  else say('empty', '', `Draw ${one}.`, 'It is judged as you draw.');
  evidence.replaceChildren();
}

/** @param {string} name @param {{loaded: number, total: number | null} | null} at */
export function showLoading(name, at) {
  const kB = (/** @type {number} */ n) => Math.round(n / 1000);
  const how = at ? `${kB(at.loaded)}${at.total ? ` of ${kB(at.total)}` : ''} kB` : '';
  say('', '', `Loading the ${name} model`, `${how} You can draw already.`.trim());
  progress.hidden = false;
  if (at?.total) progress.value = at.loaded / at.total;
  else progress.removeAttribute('value');
}

export function hideLoading() {
  progress.hidden = true;
}

/** @param {string} text @param {string} [more] */
export function showFailure(text, more) {
  say('', '', text, more);
  hideLoading();
}

/**
 * @param {Result} result
 * @param {string} title what the model's images are
 * @param {number} alpha
 * @param {number} n of the calibration
 */
export function showVerdict(result, title, alpha, n) {
  const { many } = nounsOf(title);
  const { verdict, p } = result;
  const least = p <= 1 / (n + 1);
  const share = least ? `every one of ${n.toLocaleString('en')}` : `${percent(1 - p)} of`;
  const text =
    verdict === 'out'
      ? `More unusual than ${share} held-out ${many}: not one of these.`
      : `Like the ${many} it knows.`;
  const most = weighsMost(result);
  const what = evidenceName(most).toLowerCase();
  const more =
    verdict === 'out'
      ? `p = ${small(p)}, at most the ${percent(alpha)} of false alarms you allow. Most telling: ${what}.${turned(result, alpha)}`
      : `${percent(p)} of held-out ${many} are at least as unusual: p = ${small(p)}.${tooFine(alpha, n, many)}`;
  say(verdict, String(p), text, more);
  evidence.replaceChildren(
    ...Object.entries(result.scores).map(([name, piece]) => row(name, piece, alpha, name === most)),
  );
}

/** Whether a piece of evidence speaks against the image: texture adds nothing up to its limit, however
 * seldom it is. @param {Piece} piece @param {number} alpha */
function isUnusual({ p, surprise }, alpha) {
  return p <= alpha && surprise > 0;
}

/** The piece of evidence that adds most to the score. @param {Result} result */
function weighsMost({ scores }) {
  return Object.keys(scores).reduce((a, b) => (scores[b].surprise > scores[a].surprise ? b : a));
}

/** What to say where no image can be out. @param {number} alpha @param {number} n @param {string} many */
function tooFine(alpha, n, many) {
  return alpha < 1 / (n + 1)
    ? ` By ${n} held-out ${many} no p is under ${small(1 / (n + 1))}: nothing can be out.`
    : '';
}

/** What to say where nothing is unusual but the pose, and with it how sure a class can be.
 * @param {import('likeness').Result} result @param {number} alpha */
function turned({ scores: { pose, views: _, class: __, logit: ___, ...others } }, alpha) {
  const alone =
    pose && isUnusual(pose, alpha) && !Object.values(others).some((o) => isUnusual(o, alpha));
  return alone ? ' It may be turned or mirrored.' : '';
}

/** There are images of it, but no verdict. @param {string} title */
export function showUnjudged(title) {
  say('', '', 'No verdict.', `This model of ${nounsOf(title).many} was never calibrated.`);
  evidence.replaceChildren();
}

/** @param {string} name @param {Piece} piece @param {number} alpha @param {boolean} most */
function row(name, piece, alpha, most) {
  const bar = make('span', { className: 'bar' });
  const fill = make('i');
  fill.style.width = `${100 * (1 - piece.p)}%`;
  fill.className = isUnusual(piece, alpha) ? 'out' : 'in';
  bar.append(fill);
  return make(
    'div',
    { className: most ? 'most' : '', title: EVIDENCE[name]?.[1] ?? '' },
    make('dt', {}, evidenceName(name)),
    make('dd', {}, bar, make('span', { className: 'number' }, `p = ${small(piece.p)}`)),
  );
}
