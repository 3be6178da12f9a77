// The confusion matrix, whose cells open their images.

import { make } from './dom.js';
import { ask } from './lab.js';
import { labelName } from './labels.js';
import { messageOf } from './notice.js';
import * as parts from './parts.js';

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {Awaited<ReturnType<import('./studies.js').Calls['guesses']>>} Guesses */

const MOST = 26; // labels that a matrix is readable with
const SHOWN = 48; // images of a cell

/** @param {Guesses} found @returns {{labels: number[], cells: Map<string, number[]>, right: number}} */
function count({ truth, guess, which }) {
  const labels = [...new Set([...truth, ...guess])].filter((l) => l >= 0).sort((a, b) => a - b);
  /** @type {Map<string, number[]>} */
  const cells = new Map();
  let right = 0;
  truth.forEach((label, i) => {
    const key = `${label} ${guess[i]}`;
    const list = cells.get(key) ?? [];
    list.push(which[i]);
    cells.set(key, list);
    right += Number(label === guess[i]);
  });
  return { labels, cells, right };
}

/** @param {HTMLElement} section @param {import('./panels.js').Open} open @returns {import('./panels.js').Hears} */
export function start(section, open) {
  const busy = parts.working();
  const says = make('p', { className: 'detail' });
  const scroll = make('div', { className: 'scroll' });
  const title = make('h3', { className: 'label', ariaLive: 'polite' });
  const images = make('ul', { className: 'known-images' });
  section.append(
    busy.element,
    make(
      'div',
      { className: 'mixup' },
      make('div', {}, scroll, says),
      make('div', {}, title, images),
    ),
  );
  /** @type {Opened | null} */
  let shown = null;

  /** @param {Opened} opened @param {string} words @param {number[]} list */
  function openCell({ model }, words, list) {
    const more = list.length > SHOWN ? `, the first ${SHOWN}` : '';
    title.textContent = `${words}: ${list.length.toLocaleString('en')}${more}`;
    images.replaceChildren(...list.slice(0, SHOWN).map((i) => parts.knownItem(model, i, open)));
  }

  /** Arrows go from cell to cell; Tab takes the matrix as one. @param {HTMLButtonElement[][]} grid @param {KeyboardEvent} event */
  function walk(grid, event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (!step) return;
    event.preventDefault();
    const row = grid.findIndex((cells) => cells.some((cell) => cell === event.target));
    const column = grid[row].indexOf(/** @type {HTMLButtonElement} */ (event.target));
    const next = grid[row + step[0]]?.[column + step[1]];
    if (!next) return;
    for (const cell of grid.flat()) cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /** @param {Opened} opened @param {Guesses} found */
  function draw(opened, found) {
    const { labels, cells, right } = count(found);
    const name = (/** @type {number} */ label) => labelName(opened.model.info, label);
    const how = found.classifier
      ? 'by the network, which was trained on these very images'
      : 'by the nearest other known image, compared by codes';
    says.textContent = `${parts.percent(right / found.truth.length)} of ${parts.knownOf(opened.model, found.truth.length)} are taken for what they are, ${how}.`;
    if (labels.length > MOST) return;
    const list = (/** @type {number} */ a, /** @type {number} */ b) => cells.get(`${a} ${b}`) ?? [];
    const sums = labels.map((a) => labels.reduce((sum, b) => sum + list(a, b).length, 0));
    const most = labels.flatMap((a, i) =>
      labels.map((b) => (a === b ? 0 : list(a, b).length / sums[i])),
    );
    const worst = Math.max(...most, 1e-9);
    /** @type {HTMLButtonElement[][]} */
    const grid = labels.map((a, i) =>
      labels.map((b) => {
        const inside = list(a, b);
        const share = inside.length / (sums[i] || 1);
        const words = a === b ? `${name(a)}, taken for it` : `${name(a)}, taken for ${name(b)}`;
        const cell = parts.button(
          inside.length ? String(inside.length) : '',
          () => openCell(opened, words, inside),
          { tabIndex: -1, ariaLabel: `${words}: ${inside.length}`, title: words },
        );
        cell.className = a === b ? 'right' : 'wrong';
        cell.style.setProperty(
          '--share',
          `${Math.round(100 * (a === b ? share : share / worst) * 0.4)}%`,
        );
        return cell;
      }),
    );
    grid[0][0].tabIndex = 0;
    for (const cell of grid.flat()) cell.addEventListener('keydown', (event) => walk(grid, event));
    const head = labels.map((label) => make('th', { scope: 'col' }, name(label)));
    const rows = grid.map((row, i) =>
      make(
        'tr',
        {},
        make('th', { scope: 'row' }, name(labels[i])),
        ...row.map((cell) => make('td', {}, cell)),
      ),
    );
    scroll.replaceChildren(
      make(
        'table',
        { className: 'confusion', ariaLabel: 'What is taken for what' },
        make('thead', {}, make('tr', {}, make('td'), ...head)),
        make('tbody', {}, ...rows),
      ),
    );
    const wrong = labels
      .flatMap((a) => labels.filter((b) => b !== a).map((b) => ({ a, b, list: list(a, b) })))
      .sort((x, y) => y.list.length - x.list.length)[0];
    if (wrong?.list.length)
      openCell(opened, `${name(wrong.a)}, taken for ${name(wrong.b)}`, wrong.list);
  }

  /** @param {Opened} opened */
  async function show(opened) {
    const found = await ask(
      'guesses',
      opened,
      {},
      {
        onProgress: (share) => shown === opened && busy.show('Asking about each image', share),
      },
    );
    if (shown !== opened) return;
    busy.hide();
    if (found.truth.every((label) => label < 0))
      says.textContent = 'The known images have no labels, so none can be mixed up.';
    else draw(opened, found);
  }

  return {
    model(next) {
      if (shown === next && scroll.children.length) return;
      shown = next;
      busy.hide();
      scroll.replaceChildren();
      images.replaceChildren();
      title.textContent = says.textContent = '';
      if (!next.model.gallerySize)
        says.textContent = 'There is nothing to mix up without the gallery of known images.';
      else
        show(next).catch((error) => {
          if (shown !== next) return;
          busy.hide();
          says.textContent = `Not shown: ${messageOf(error)}.`;
        });
    },
  };
}
