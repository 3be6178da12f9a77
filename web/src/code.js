// Sliders for the values of a code that differ most among the known images.

import { byId, make, nextTask } from './dom.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {{index: number, mean: number, deviation: number}} Axis */

const SHOWN = 12;
const MOST_VALUES = 128; // in a code; of more a few say nothing
const KNOWN = 256; // images that the values are measured on
const AT_ONCE = 8; // of them, so that the page does not halt
const REACH = 3; // deviations, either way

/** @param {Float32Array[]} codes @returns {Axis[]} the most varied first */
export function axesOf(codes) {
  const n = codes.length;
  return Array.from({ length: codes[0]?.length ?? 0 }, (_, index) => {
    const mean = codes.reduce((sum, z) => sum + z[index], 0) / n;
    const squares = codes.reduce((sum, z) => sum + (z[index] - mean) ** 2, 0);
    return { index, mean, deviation: Math.sqrt(squares / n) };
  }).sort((a, b) => b.deviation - a.deviation);
}

export class CodeSliders {
  #box = byId('code', HTMLDetailsElement);
  #list = byId('code-values', HTMLElement);
  /** @type {Model | null} */ #model = null;
  /** @type {Float32Array | null} */ #z = null;
  /** The code as changed by hand. */ #changes = new Float32Array();
  /** @type {{axis: Axis, slider: HTMLInputElement}[]} */ #rows = [];
  /** The values of its codes are being measured. */ #measuring = false;
  #changed;

  /** @param {(z: Float32Array) => void} changed gets a code that was changed by hand */
  constructor(changed) {
    this.#changed = changed;
    this.#box.addEventListener('toggle', () => this.#build());
    byId('code-reset', HTMLButtonElement).addEventListener('click', () => {
      if (!this.#z) return;
      this.show(this.#z);
      changed(this.#z);
    });
  }

  /** @param {Model} model */
  suit(model) {
    const { output, latent, arch } = model.info;
    // A code holds no places of maxima, and a word of a codebook is not more or less.
    this.#box.hidden = output !== 'image' || latent > MOST_VALUES || /> (unpool|vq) /.test(arch);
    this.#model = model;
    this.#z = null;
    this.#rows = [];
    this.#measuring = false;
    this.#list.replaceChildren();
    this.#build();
  }

  /** @param {Float32Array | null} z the code of what is shown */
  show(z) {
    this.#z = z;
    this.#changes = z?.slice() ?? new Float32Array();
    this.#build();
    for (const { axis, slider } of this.#rows) {
      slider.disabled = !z;
      slider.value = String(z ? (z[axis.index] - axis.mean) / (axis.deviation || 1) : 0);
    }
  }

  /** Once a model, when somebody looks. */
  async #build() {
    const model = this.#model;
    if (!model || this.#box.hidden || !this.#box.open || this.#measuring || this.#rows.length)
      return;
    const count = Math.min(KNOWN, model.gallerySize);
    if (count === 0) return;
    this.#measuring = true;
    /** @type {Float32Array[]} */
    const codes = [];
    while (codes.length < count) {
      const ids = Array.from({ length: AT_ONCE }, (_, i) => codes.length + i);
      for (const i of ids.filter((id) => id < count))
        codes.push(
          model.encode(Float32Array.from(model.galleryImage(i).thumbnail, (v) => v / 255)),
        );
      await nextTask();
      if (this.#model !== model || this.#rows.length) return;
    }
    this.#rows = axesOf(codes)
      .slice(0, SHOWN)
      .map((axis) => this.#row(axis));
    this.show(this.#z);
  }

  /** @param {Axis} axis */
  #row(axis) {
    /** @type {HTMLInputElement} */
    const slider = document.createElement('input');
    Object.assign(slider, { type: 'range', min: -REACH, max: REACH, step: 0.05 });
    slider.addEventListener('input', () => {
      this.#changes[axis.index] = axis.mean + slider.valueAsNumber * axis.deviation;
      this.#changed(this.#changes);
    });
    this.#list.append(make('label', {}, make('span', {}, `z${axis.index}`), slider));
    return { axis, slider };
  }
}
