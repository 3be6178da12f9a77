// The tab with the pad: pen, eraser, width, undo, redo, clear.

import { byId, one } from './dom.js';
import { Pad } from './pad.js';
import { keep } from './state.js';
import { whenThemed } from './theme.js';

/** @typedef {import('./strokes.js').Stroke} Stroke */
/** @typedef {ReturnType<typeof startDrawing>} Drawing */

/** @param {(done: boolean) => void} changed */
export function startDrawing(changed) {
  const paper = byId('paper', HTMLElement);
  const width = byId('pen', HTMLInputElement);
  const eraser = byId('eraser', HTMLButtonElement);
  const [undo, redo, clear] = ['undo', 'redo', 'clear'].map(
    (name) => /** @type {HTMLButtonElement} */ (one(`[data-action=${name}]`)),
  );
  let onBlack = false;

  const pad = new Pad(byId('pad', HTMLCanvasElement), (done) => {
    showTools();
    if (done) keep({ strokes: pad.strokes });
    changed(done);
  });
  const showTools = () => {
    paper.toggleAttribute('data-empty', pad.empty);
    clear.disabled = pad.empty;
    undo.disabled = !pad.canUndo;
    redo.disabled = !pad.canRedo;
  };

  /** @param {boolean} erases */
  const hold = (erases) => {
    pad.erases = erases;
    eraser.ariaPressed = String(erases);
    paper.toggleAttribute('data-erases', erases);
  };
  eraser.addEventListener('click', () => hold(!pad.erases));
  undo.addEventListener('click', () => pad.undo());
  redo.addEventListener('click', () => pad.redo());
  clear.addEventListener('click', () => {
    hold(false);
    pad.show([]);
  });
  width.addEventListener('input', () => {
    pad.penWidth = width.valueAsNumber;
  });
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLInputElement && event.target.type === 'text';
    if (isTyping || !(event.ctrlKey || event.metaKey) || !paper.checkVisibility()) return;
    const key = event.key.toLowerCase();
    const back = key === 'z' && !event.shiftKey;
    if (!back && key !== 'y' && key !== 'z') return;
    event.preventDefault();
    if (back) pad.undo();
    else pad.redo();
  });
  whenThemed(() => pad.redraw());

  return {
    /** @returns {import('./input.js').Input | null} */
    input: () =>
      pad.empty ? null : { kind: 'drawing', name: 'drawing', picture: pad.picture(onBlack) },
    show(/** @type {Stroke[]} */ strokes) {
      hold(false);
      pad.show(strokes);
    },
    /** A drawing from an address, unless it is the one that is there. */
    restore(/** @type {Stroke[]} */ strokes) {
      if (strokes.length || !pad.empty) pad.show(strokes);
    },
    /**
     * Ink is dark on light paper, and light in the dark; a model that takes pictures as they are gets
     * light ink on black, as its own images are.
     * @param {boolean} ink
     */
    setPaper(ink) {
      onBlack = !ink;
      paper.dataset.ground = ink ? 'paper' : 'black';
      pad.redraw();
    },
  };
}
