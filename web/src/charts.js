// Lines and bars, drawn as SVG that stretches, with their words beside them as text; and for whoever
// cannot see them a sentence and a table.

import { make } from './dom.js';

/** @typedef {[number, number]} Point */
/** @typedef {{name: string, colour: string, points: Point[], dashed?: boolean}} Series */
/**
 * @typedef {object} LineChart
 * @property {string} title
 * @property {string} says in one sentence what it shows
 * @property {Series[]} series
 * @property {{name: string, from: number, to: number}} x
 * @property {{from: number, to: number, format: (value: number) => string}} y
 */

const SVG = 'http://www.w3.org/2000/svg';
const [WIDE, HIGH] = [100, 50]; // of the drawing, which is stretched
const LINES = 4;

/** @param {string} tag @param {Record<string, string | number>} attributes @param {...Node} children */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** @param {Series[]} series */
export function legendOf(series) {
  return make(
    'ul',
    { className: 'chart-legend' },
    ...series.map(({ name, colour, dashed }) => {
      const mark = make('i', { className: dashed ? 'dashed' : '' });
      mark.style.color = colour;
      return make('li', {}, mark, name);
    }),
  );
}

/** The numbers as a table, for those who want them. @param {string[]} heads @param {string[][]} rows */
export function tableOf(heads, rows) {
  const head = make('tr', {}, ...heads.map((text) => make('th', { scope: 'col' }, text)));
  const body = rows.map(([first, ...rest]) =>
    make(
      'tr',
      {},
      make('th', { scope: 'row' }, first),
      ...rest.map((text) => make('td', {}, text)),
    ),
  );
  const table = make('table', {}, make('thead', {}, head), make('tbody', {}, ...body));
  const scroll = make(
    'div',
    { className: 'scroll', tabIndex: 0, role: 'region', ariaLabel: 'Numbers' },
    table,
  );
  return make('details', { className: 'numbers' }, make('summary', {}, 'In numbers'), scroll);
}

/** @param {LineChart} chart */
export function lineChart({ title, says, series, x, y }) {
  const across = (/** @type {number} */ v) => (WIDE * (v - x.from)) / (x.to - x.from || 1);
  const up = (/** @type {number} */ v) => HIGH - (HIGH * (v - y.from)) / (y.to - y.from || 1);
  const grid = Array.from({ length: LINES + 1 }, (_, i) =>
    svg('path', { d: `M0 ${(HIGH * i) / LINES}H${WIDE}`, class: 'grid' }),
  );
  const lines = series.map(({ points, colour, dashed }) => {
    const at = points.map(([a, b]) => `${across(a).toFixed(2)} ${up(b).toFixed(2)}`);
    // A lone point is a short line, or nothing would show.
    const d = at.length === 1 ? `M${at[0]}h1` : `M${at.join('L')}`;
    return svg('path', { d, stroke: colour, class: dashed ? 'line dashed' : 'line' });
  });
  const drawing = svg(
    'svg',
    {
      viewBox: `0 0 ${WIDE} ${HIGH}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': `${title}. ${says}`,
    },
    ...grid,
    ...lines,
  );
  const ticks = Array.from({ length: 3 }, (_, i) => y.to + ((y.from - y.to) * i) / 2);
  return make(
    'figure',
    { className: 'chart' },
    make('figcaption', {}, title, legendOf(series)),
    make(
      'div',
      { className: 'plot', ariaHidden: 'false' },
      make(
        'div',
        { className: 'ticks', ariaHidden: 'true' },
        ...ticks.map((v) => make('span', {}, y.format(v))),
      ),
      drawing,
    ),
    make(
      'p',
      { className: 'axis', ariaHidden: 'true' },
      make('span', {}, String(x.from)),
      make('span', {}, x.name),
      make('span', {}, String(x.to)),
    ),
  );
}

const BINS = 40;

/**
 * Two distributions on one axis, as bars.
 * @param {ArrayLike<number>} usual @param {ArrayLike<number>} other @param {string} colour
 * @param {{low: number, high: number, threshold: number}} axis @param {string} says
 */
export function histogram(usual, other, colour, { low, high, threshold }, says) {
  const bars = (/** @type {ArrayLike<number>} */ values, /** @type {string} */ fill) => {
    const counts = new Array(BINS).fill(0);
    for (let i = 0; i < values.length; i++) {
      const at = Math.floor((BINS * (values[i] - low)) / (high - low));
      counts[Math.max(0, Math.min(BINS - 1, at))]++;
    }
    const most = Math.max(...counts, 1);
    const step = WIDE / BINS;
    const d = counts
      .map((count, i) => {
        const height = (HIGH * count) / most;
        return count ? `M${i * step} ${HIGH}v${-height}h${step * 0.92}v${height}z` : '';
      })
      .join('');
    return svg('path', { d, fill, class: 'bars' });
  };
  const at = (WIDE * (threshold - low)) / (high - low);
  return svg(
    'svg',
    {
      viewBox: `0 0 ${WIDE} ${HIGH}`,
      preserveAspectRatio: 'none',
      role: 'img',
      class: 'histogram',
      'aria-label': says,
    },
    bars(usual, 'var(--usual)'),
    bars(other, colour),
    svg('path', { d: `M${at} 0V${HIGH}`, class: 'line threshold-line' }),
  );
}
