// The histogram of the held-out scores with the threshold, which can be moved, and the image's own
// place in it.

import { byId, one } from './dom.js';

const root = byId('gauge', HTMLElement);
const chart = one('.chart', root);
const [usual, unusual] = root.querySelectorAll('path');
const beyond = one('.threshold', root);
const handle = byId('threshold', HTMLElement);
const marker = one('.marker', root);

const BINS = 64;
const HEIGHT = 40; // of the viewBox
const BEYOND = 0.12; // the right end, for scores that no held-out image comes near
const PAGE = 1.25; // by what Page Up and Down change the odds

/** @type {Float32Array} */
let scores = new Float32Array();
let low = 0;
let high = 1;
let alpha = 0.01;

/** The score above which a share `a` of the held-out lies. @param {number} a */
function quantile(a) {
  return scores[Math.min(scores.length - 1, Math.floor((1 - a) * scores.length))];
}

/** Where a score stands, from 0 to 1; the far ones crowd towards 1. @param {number} score */
function place(score) {
  const t = (score - low) / (high - low);
  if (t <= 1) return Math.max(0, t) * (1 - BEYOND);
  return 1 - BEYOND / (1 + (t - 1) / 2);
}

/** The odds, one in so many, of a threshold at a place from 0 to 1. @param {number} at */
function oddsAt(at) {
  const t = at <= 1 - BEYOND ? at / (1 - BEYOND) : 2 * (BEYOND / Math.max(1 - at, 1e-6) - 1) + 1;
  const score = low + t * (high - low);
  let [from, to] = [0, scores.length]; // the first score that is not below
  while (from < to) {
    const middle = (from + to) >> 1;
    if (scores[middle] < score) from = middle + 1;
    else to = middle;
  }
  return (scores.length + 1) / (scores.length - from + 1);
}

/** Bars of the bins between two places, as one path. @param {number[]} counts */
function bars(counts, from = 0, to = counts.length) {
  const most = Math.max(...counts, 1);
  const step = (100 * (1 - BEYOND)) / counts.length;
  let path = '';
  for (let i = from; i < to; i++) {
    if (!counts[i]) continue;
    const height = Math.max(0.5, (counts[i] / most) * (HEIGHT - 2));
    path += `M${(i * step + 0.08).toFixed(2)} ${HEIGHT}v${(-height).toFixed(2)}`;
    path += `h${(step - 0.16).toFixed(2)}V${HEIGHT}z`;
  }
  return path;
}

/** "37", or "2.5" for what is no whole number. */
const oddsText = () => String(Number((1 / alpha).toPrecision(4)));

function draw() {
  beyond.hidden = handle.hidden = scores.length === 0;
  if (!scores.length) return;
  const counts = new Array(BINS).fill(0);
  for (const score of scores)
    counts[Math.min(BINS - 1, Math.floor((BINS * (score - low)) / (high - low)))]++;
  const at = Math.min(BINS, Math.ceil((BINS * (quantile(alpha) - low)) / (high - low)));
  usual.setAttribute('d', bars(counts, 0, at));
  unusual.setAttribute('d', bars(counts, at));
  const left = place(quantile(alpha));
  beyond.style.left = handle.style.left = `${100 * left}%`;
  handle.toggleAttribute('data-far', left > 0.8);
  handle.dataset.says = `1 in ${oddsText()}`;
  handle.ariaValueMin = '2';
  handle.ariaValueMax = String(scores.length + 1);
  handle.ariaValueNow = oddsText();
  handle.ariaValueText = `one false alarm in ${oddsText()}`;
}

/** @param {Float32Array} calibration ascending */
export function setCalibration(calibration) {
  scores = calibration;
  low = scores[0] ?? 0;
  high = Math.max(quantile(0.002) ?? 1, low + 1e-6);
  draw();
}

/** @param {number} chosen */
export function setAlpha(chosen) {
  alpha = chosen;
  draw();
}

/**
 * Lets the threshold be moved by pointer and by keys. It stays where a p can be: between one in two
 * and the finest that so many held-out images give.
 * @param {(alpha: number) => void} choose
 */
export function startThreshold(choose) {
  /** @param {number} odds */
  const move = (odds) => {
    const chosen = 1 / Math.min(scores.length + 1, Math.max(2, Math.round(odds)));
    if (chosen !== alpha) choose(chosen);
  };
  /** @param {PointerEvent} event */
  const drag = ({ clientX }) => {
    const { left, width } = chart.getBoundingClientRect();
    move(oddsAt(Math.min(1, Math.max(0, (clientX - left) / width))));
  };
  handle.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener('pointermove', (event) => {
    if (handle.hasPointerCapture(event.pointerId)) drag(event);
  });
  handle.addEventListener('keydown', (event) => {
    const odds = 1 / alpha;
    const to = {
      ArrowRight: odds + 1,
      ArrowUp: odds + 1,
      ArrowLeft: odds - 1,
      ArrowDown: odds - 1,
      PageUp: odds * PAGE + 1,
      PageDown: odds / PAGE - 1,
      Home: 2,
      End: Number.POSITIVE_INFINITY,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(to);
  });
}

/** @param {import('likeness').Result | null} result */
export function showScore(result) {
  marker.hidden = !result;
  if (!result) {
    chart.ariaLabel = `Histogram of ${scores.length} held-out scores`;
    return;
  }
  marker.dataset.verdict = result.verdict;
  marker.style.left = `${100 * place(result.score)}%`;
  chart.ariaLabel = `This image scores ${result.score.toFixed(2)}, the threshold is ${quantile(alpha).toFixed(2)}, among ${scores.length} held-out scores from ${low.toFixed(2)}`;
}
