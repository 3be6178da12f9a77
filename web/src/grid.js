// The tab for those who draw with keys: a grid as large as the model's own images. Arrows move, space
// paints, and what happens is said.

import { byId, context, one } from './dom.js';
import { keep, state } from './state.js';
import { whenThemed } from './theme.js';

/** @typedef {import('./pixels.js').Shape} Shape */

const CELL = 10; // pixels of the picture a cell
const MOST = 64; // cells a side
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const ARROWS = new Map(
  Object.entries({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }),
);

/** @param {(done: boolean) => void} changed */
export function startGrid(changed) {
  const canvas = byId('cells', HTMLCanvasElement);
  const says = byId('cells-say', HTMLElement);
  const clear = /** @type {HTMLButtonElement} */ (one('[data-action=clear-grid]'));
  let [width, height, onBlack] = [28, 28, false];
  let cells = new Uint8Array(width * height);
  let [x, y] = [width >> 1, height >> 1];
  let paints = true; // what a drag does: the other of what its first cell was

  const isEmpty = () => !cells.includes(1);

  function draw() {
    canvas.width = CELL * width;
    canvas.height = CELL * height;
    const ink = context(canvas);
    const { color, outlineColor: here, columnRuleColor: line } = getComputedStyle(canvas);
    ink.fillStyle = line;
    for (let i = 1; i < width; i++) ink.fillRect(CELL * i, 0, 1, CELL * height);
    for (let i = 1; i < height; i++) ink.fillRect(0, CELL * i, CELL * width, 1);
    ink.fillStyle = color;
    cells.forEach((cell, i) => {
      if (cell) ink.fillRect(CELL * (i % width), CELL * Math.floor(i / width), CELL, CELL);
    });
    ink.strokeStyle = here;
    ink.lineWidth = 2;
    ink.strokeRect(CELL * x + 1, CELL * y + 1, CELL - 2, CELL - 2);
    clear.disabled = isEmpty();
  }

  /** The grid's size and its cells, six a letter. */
  function written() {
    let text = '';
    for (let i = 0; i < cells.length; i += 6)
      text += LETTERS[cells.slice(i, i + 6).reduce((sum, cell, bit) => sum | (cell << bit), 0)];
    return isEmpty() ? '' : `${width}x${height}-${text}`;
  }

  /** The cells of such a text, if it is of a grid of this size. @param {string} text */
  function read(text) {
    const size = `${width}x${height}-`;
    const letters = text.startsWith(size) ? text.slice(size.length) : '';
    cells = cells.map(
      (_, i) => (LETTERS.indexOf(letters[Math.floor(i / 6)] ?? 'A') >> (i % 6)) & 1,
    );
    draw();
  }

  /** @param {boolean} on */
  function paint(on) {
    cells[y * width + x] = Number(on);
    keep({ grid: written() });
    draw();
    changed(true);
  }

  /** @param {number} toX @param {number} toY */
  function go(toX, toY) {
    x = Math.min(width - 1, Math.max(0, toX));
    y = Math.min(height - 1, Math.max(0, toY));
  }

  function say() {
    const cell = cells[y * width + x] ? 'painted' : 'blank';
    says.textContent = `Row ${y + 1}, column ${x + 1}, ${cell}`;
  }

  canvas.addEventListener('keydown', (event) => {
    const arrow = ARROWS.get(event.key);
    if (!arrow && event.key !== ' ' && event.key !== 'Delete' && event.key !== 'Backspace') return;
    event.preventDefault();
    if (arrow) go(x + arrow[0], y + arrow[1]);
    if (event.key === ' ') paint(!cells[y * width + x]);
    else if (!arrow) paint(false);
    else if (event.shiftKey) paint(true);
    else draw();
    say();
  });
  /** @param {PointerEvent} event */
  const goTo = (event) => {
    const box = canvas.getBoundingClientRect();
    go(
      Math.floor(((event.clientX - box.left) * width) / box.width),
      Math.floor(((event.clientY - box.top) * height) / box.height),
    );
  };
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    goTo(event);
    paints = !cells[y * width + x];
    paint(paints);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    goTo(event);
    if (Boolean(cells[y * width + x]) !== paints) paint(paints);
  });
  canvas.addEventListener('focus', say);
  clear.addEventListener('click', () => {
    cells.fill(0);
    paint(false);
  });
  whenThemed(draw);

  return {
    /** @returns {import('./input.js').Input | null} */
    input() {
      if (isEmpty()) return null;
      // A line of paper all around, as around the pad.
      const picture = new ImageData(CELL * width + 2, CELL * height + 2);
      const [paper, ink] = onBlack ? [0, 255] : [255, 0];
      for (let i = 0; i < picture.data.length; i += 4) {
        const at = i / 4;
        const [px, py] = [(at % picture.width) - 1, Math.floor(at / picture.width) - 1];
        const isIn = px >= 0 && py >= 0 && px < CELL * width && py < CELL * height;
        const cell = isIn && cells[Math.floor(py / CELL) * width + Math.floor(px / CELL)];
        picture.data.fill(cell ? ink : paper, i, i + 3);
        picture.data[i + 3] = 255;
      }
      return { kind: 'drawing', name: 'grid', picture };
    },
    enter: draw,
    /** @param {Shape} shape @param {boolean} ink */
    suit(shape, ink) {
      onBlack = !ink;
      canvas.dataset.ground = ink ? 'paper' : 'black';
      const [w, h] = [shape.width, shape.height].map((side) => Math.min(side, MOST));
      if (w !== width || h !== height) {
        [width, height] = [w, h];
        cells = new Uint8Array(w * h);
        go(w >> 1, h >> 1);
        read(state().grid);
      }
      canvas.ariaLabel = `Grid of ${height} rows and ${width} columns. Arrow keys move, space paints or blanks a cell, Shift with an arrow paints on the way.`;
      draw();
    },
    restore: read,
  };
}
