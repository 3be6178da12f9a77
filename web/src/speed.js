// The chip that tells how long a verdict takes, here and now.

import { byId } from './dom.js';

const TIMES = 21; // verdicts that the shown median is taken over
const chip = byId('status', HTMLElement);
const text = byId('status-text', HTMLElement);

/** @type {number[]} */
let times = [];

/** Milliseconds; null before the first verdict. */
export function medianTime() {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : null;
}

/** @param {number} milliseconds */
export function noteTime(milliseconds) {
  times = [...times.slice(1 - TIMES), milliseconds];
}

export function forgetTimes() {
  times = [];
}

export function showSpeed() {
  const time = medianTime();
  chip.dataset.state = 'ready';
  text.textContent =
    time === null ? 'SIMD · ready' : `SIMD · ${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
}

/** Another model is on its way. @param {{loaded: number, total: number | null}} at bytes */
export function showArriving({ loaded, total }) {
  const kB = (/** @type {number} */ n) => Math.round(n / 1000).toLocaleString('en');
  chip.dataset.state = 'loading';
  text.textContent = total ? `${kB(loaded)} of ${kB(total)} kB` : `${kB(loaded)} kB`;
}

/** No model can be had. */
export function showNoSpeed() {
  chip.dataset.state = 'failed';
  text.textContent = 'no model';
}
