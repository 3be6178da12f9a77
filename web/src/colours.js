// Colours that stand for labels and for more and less; the same on light and on dark ground.

const LABELS = [
  '#4269d0',
  '#efb118',
  '#ff725c',
  '#6cc5b0',
  '#3ca951',
  '#ff8ab7',
  '#a463f2',
  '#97bbf5',
  '#9c6b4e',
  '#9498a0',
];
const LITTLE = '#4269d0';
const MUCH = '#ff8a3c';

/** @param {number} label */
export function labelColour(label) {
  return LABELS[((label % LABELS.length) + LABELS.length) % LABELS.length];
}

/** The two ends of a scale. */
export const ends = [LITTLE, MUCH];

/** Calls when the theme has changed, by the system or by the page. @param {() => void} changed */
export function onTheme(changed) {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
  new MutationObserver(changed).observe(document.documentElement, { attributes: true });
}
