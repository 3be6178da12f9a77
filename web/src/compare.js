// One image through every network of such images, side by side.

import { make } from './dom.js';
import { ask } from './lab.js';
import { familyWords, labelName, nounsOf } from './labels.js';
import { listModels, placeOf } from './models.js';
import { messageOf } from './notice.js';
import * as parts from './parts.js';
import { paintDifference, paintImage } from './pixels.js';

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {import('./models.js').Listed} Listed */
/** @typedef {import('./panels.js').Judged} Judged */
/** @typedef {import('./lab.js').Studied} Studied */
/** @typedef {import('./studies.js').Seen} Seen */
/** @typedef {{studied: Studied, info: Pick<Listed, 'family' | 'title' | 'names' | 'shape' | 'parameters'>, cells: HTMLElement[], seen: Seen | null}} Column */

const ROWS = ['What it sees', 'What it makes', 'Difference', 'Mean squared error', 'Verdict'];

/** @param {string} text */
const quiet = (text) => make('span', { className: 'quiet-text' }, text);

/** @param {string} label @param {(canvas: HTMLCanvasElement) => void} paint */
function picture(label, paint) {
  const canvas = make('canvas', { className: 'pixels', role: 'img', ariaLabel: label });
  paint(canvas);
  return canvas;
}

/** @param {Seen} seen @param {string} title */
function verdictOf({ verdict, p }, title) {
  if (verdict === null) return quiet('not calibrated');
  const words = verdict === 'in' ? 'like them' : verdict === 'out' ? 'not one' : 'empty';
  const small = `p = ${p < 0.001 ? p.toFixed(4) : p.toFixed(3)}`;
  const meaning = `Like the ${nounsOf(title).many} it knows?`;
  return make('span', { className: `said-${verdict}`, title: meaning }, words, make('br'), small);
}

/** Fills a column with what was seen. @param {Column} column */
function fill({ cells, info, seen }) {
  if (!seen) return;
  const { shape, title, family } = info;
  const { x, image, guess, error } = seen;
  const name = familyWords(family);
  const [sees, makes, differs, number, says] = cells;
  sees.replaceChildren(picture(`What the ${name} model sees`, (c) => paintImage(c, x, shape)));
  makes.replaceChildren(
    image
      ? picture(`What the ${name} model makes`, (c) => paintImage(c, image, shape))
      : quiet(guess === null ? 'places it, draws nothing' : `says ${labelName(info, guess)}`),
  );
  differs.replaceChildren(
    image ? picture('The difference', (c) => paintDifference(c, x, image, shape)) : quiet('–'),
  );
  number.replaceChildren(error === null ? quiet('–') : error.toFixed(4));
  says.replaceChildren(verdictOf(seen, title));
}

/** @param {HTMLElement} section @returns {import('./panels.js').Hears} */
export function start(section) {
  const head = make('tr', {}, make('td'));
  const rows = ROWS.map((name) => make('tr', {}, make('th', { scope: 'row' }, name)));
  const table = make(
    'table',
    { className: 'compare' },
    make('thead', {}, head),
    make('tbody', {}, ...rows),
  );
  const scroll = make(
    'div',
    { className: 'scroll', tabIndex: 0, role: 'region', ariaLabel: 'The networks side by side' },
    table,
  );
  const busy = parts.working();
  const hint = make('p', { className: 'detail', ariaLive: 'polite' });
  const more = parts.button('', () => addAll().catch(complain), { hidden: true });
  section.append(
    make('div', { className: 'row between compare-head' }, hint, more),
    busy.element,
    scroll,
  );

  /** @type {Opened | null} */
  let opened = null;
  /** @type {Judged | null} */
  let judged = null;
  /** @type {Column[]} */
  let columns = [];
  /** @type {Listed[]} */
  let others = [];
  let turn = 0;

  /** @param {unknown} error */
  function complain(error) {
    if (parts.isAbort(error)) return;
    busy.hide();
    hint.textContent = `Not all could be compared: ${messageOf(error)}.`;
  }

  /** @param {Studied} studied @param {Column['info']} info */
  function addColumn(studied, info) {
    const size = `${info.parameters.toLocaleString('en')} parameters`;
    head.append(
      make(
        'th',
        { scope: 'col', className: 'column' },
        familyWords(info.family),
        make('span', { className: 'size' }, size),
      ),
    );
    const cells = rows.map((row) => {
      const cell = make('td', {}, quiet('…'));
      row.append(cell);
      return cell;
    });
    const column = { studied, info, cells, seen: null };
    columns.push(column);
    return column;
  }

  function clearColumns() {
    for (const row of [head, ...rows])
      while (row.children.length > 1) row.lastElementChild?.remove();
    columns = [];
  }

  /** @param {Column} column */
  async function look(column) {
    const now = turn;
    if (!judged || !opened) return;
    const { picture: shown, kind, alpha } = judged;
    const args = { picture: shown, kind, alpha, drawing: opened.drawing };
    const seen = await ask('see', column.studied, args);
    if (now !== turn) return;
    column.seen = seen;
    const errors = columns.map((c) => c.seen?.error ?? Infinity);
    fill(column);
    const best = columns.length > 1 ? Math.min(...errors) : -1;
    columns.forEach(({ cells }, i) => {
      cells[3].toggleAttribute('data-best', errors[i] === best);
    });
  }

  /** The other networks of such images, by their file sizes. @param {Opened} model */
  async function findOthers(model) {
    const { shape, title } = model.model.info;
    const all = await listModels();
    if (opened !== model) return;
    const same = (/** @type {Listed} */ each) =>
      each.name !== model.name &&
      nounsOf(each.title).many === nounsOf(title).many &&
      Object.entries(shape).every(([side, n]) => /** @type {any} */ (each.shape)[side] === n);
    others = all.filter(same);
    const bytes = others.reduce((sum, each) => sum + each.bytes, 0);
    more.textContent = `Compare all ${others.length + 1} (${parts.megabytes(bytes)})`;
    more.hidden = others.length === 0;
    hint.textContent = others.length
      ? `So far the one that is open, of ${others.length + 1}.`
      : 'There is no other network of such images here.';
  }

  async function addAll() {
    const model = opened;
    if (!model) return;
    more.hidden = true;
    hint.textContent = '';
    const total = others.reduce((sum, each) => sum + each.bytes, 0);
    let done = 0;
    for (const each of others) {
      busy.show(`Fetching ${familyWords(each.family)}`, done / total);
      const column = addColumn(
        { name: each.name, source: placeOf(each.name, '.safetensors') },
        each,
      );
      if (judged) await look(column);
      else await ask('wake', column.studied, {});
      if (opened !== model) return;
      done += each.bytes;
    }
    busy.hide();
  }

  return {
    model(next) {
      if (opened === next) return;
      opened = next;
      turn++;
      busy.hide();
      hint.textContent = '';
      more.hidden = true;
      clearColumns();
      addColumn(next, next.model.info);
      findOthers(next).catch(complain);
    },
    async image(next) {
      judged = next;
      turn++;
      if (!next) {
        for (const { cells } of columns) for (const cell of cells) cell.replaceChildren(quiet('…'));
        return;
      }
      const now = turn;
      for (const column of [...columns]) {
        await look(column).catch(complain);
        if (now !== turn) return; // the next image, or another model, has its own turn
      }
    },
  };
}
