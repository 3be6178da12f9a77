// Known images near to one, in a row, the nearest first. The row is painted over as the image changes:
// to make new canvases takes longer than a verdict.

import { make } from './dom.js';
import { labelName } from './labels.js';
import { knownPin, markPins, togglePin } from './pins.js';
import { IMAGE, paintBytes } from './pixels.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {import('likeness').Neighbour} Neighbour */

export const SHOWN = 8;

/** @param {number} distance */
const short = (distance) => distance.toFixed(distance < 1 ? 3 : 1);

export class NearList {
  #list;
  #full;
  /** @type {Neighbour[]} */ #found = [];
  /** @type {Model | null} */ #model = null;

  /** @param {HTMLElement} list @param {boolean} [full] with distances, and each can be pinned */
  constructor(list, full = false) {
    this.#list = list;
    this.#full = full;
    this.clear();
  }

  clear() {
    this.#found = [];
    this.#list.replaceChildren(
      ...Array.from({ length: SHOWN }, () => make('li', { className: 'none' })),
    );
  }

  /** @param {Neighbour[]} found @param {Model} model */
  show(found, model) {
    if (this.#found.length !== found.length)
      this.#list.replaceChildren(...found.map((_, i) => this.#item(i)));
    this.#found = found;
    this.#model = model;
    const { info } = model;
    found.forEach(({ index, label, distance, origin, thumbnail }, i) => {
      const item = this.#list.children[i];
      const canvas = /** @type {HTMLCanvasElement} */ (item.querySelector('canvas'));
      const name = labelName(info, label) || `image ${index}`;
      paintBytes(canvas, thumbnail, info.shape);
      canvas.ariaLabel = name;
      /** @type {HTMLElement} */ (item).title = `Training image ${origin}`;
      const [first, ...figures] = item.querySelectorAll('b, .number');
      first.textContent = labelName(info, label);
      [short(distance), `#${index}`].forEach((text, f) => {
        if (figures[f]) figures[f].textContent = text;
      });
      const button = item.querySelector('button');
      if (!button) return;
      button.title = canvas.ariaLabel = `Pin ${name}, image ${index}, distance ${short(distance)}`;
      button.dataset.pin = String(index);
    });
    if (this.#full) markPins();
  }

  /** @param {number} i */
  #item(i) {
    const canvas = make('canvas', IMAGE);
    if (!this.#full) return make('li', {}, canvas, make('b'));
    const button = make('button', { type: 'button', className: 'sample' }, canvas);
    button.addEventListener('click', () => {
      if (this.#model) togglePin(knownPin(this.#model, this.#found[i].index));
    });
    const figures = [0, 1].map(() => make('span', { className: 'number' }));
    return make('li', {}, button, make('b'), ...figures);
  }
}
