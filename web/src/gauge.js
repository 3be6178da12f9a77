// The histogram of the held-out scores with the threshold and the image's own place in it.

import { byId, one } from './dom.js';

const root = byId('gauge', HTMLElement);
const [usual, unusual] = root.querySelectorAll('path');
const threshold = one('.threshold', root);
const marker = one('.marker', root);

const BINS = 64;
const HEIGHT = 40; // of the viewBox
const BEYOND = 0.12; // the right end, for scores that no held-out image comes near

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

function drawBars() {
  if (!scores.length) return;
  const counts = new Array(BINS).fill(0);
  for (const score of scores)
    counts[Math.min(BINS - 1, Math.floor((BINS * (score - low)) / (high - low)))]++;
  const at = Math.min(BINS, Math.ceil((BINS * (quantile(alpha) - low)) / (high - low)));
  usual.setAttribute('d', bars(counts, 0, at));
  unusual.setAttribute('d', bars(counts, at));
  threshold.style.left = `${100 * place(quantile(alpha))}%`;
}

/** @param {Float32Array} calibration ascending */
export function setCalibration(calibration) {
  scores = calibration;
  low = scores[0] ?? 0;
  high = Math.max(quantile(0.002) ?? 1, low + 1e-6);
  drawBars();
}

/** @param {number} chosen */
export function setAlpha(chosen) {
  alpha = chosen;
  drawBars();
}

/** @param {import('likeness').Result | null} result */
export function showScore(result) {
  marker.hidden = !result;
  if (!result) {
    root.ariaLabel = `Histogram of ${scores.length} held-out scores`;
    return;
  }
  marker.dataset.verdict = result.verdict;
  marker.style.left = `${100 * place(result.score)}%`;
  root.ariaLabel = `This image scores ${result.score.toFixed(2)}, the threshold is ${quantile(alpha).toFixed(2)}, among ${scores.length} held-out scores from ${low.toFixed(2)}`;
}
