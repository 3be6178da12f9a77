// Pieces that several panels are made of.

import { make } from './dom.js';
import { counted, labelName, nounsOf } from './labels.js';
import { pinnable } from './pins.js';
import { paintImage, thumbnail } from './pixels.js';

/** @typedef {import('./pixels.js').Shape} Shape */
/** @typedef {import('likeness').Model} Model */

let groups = 0;

/**
 * A choice of one among a few.
 * @param {string} legend @param {[string, string][]} options value and words; the first is chosen
 * @param {(value: string) => void} chosen
 */
export function segments(legend, options, chosen) {
  const name = `choice-${++groups}`;
  const radios = options.map(([value], i) => {
    /** @type {HTMLInputElement} */
    const radio = document.createElement('input');
    return Object.assign(radio, { type: 'radio', name, value, checked: i === 0 });
  });
  const element = make(
    'fieldset',
    { className: 'segments small' },
    make('legend', { className: 'hidden' }, legend),
    make('span', { className: 'label', ariaHidden: 'true' }, legend),
    ...options.map(([, words], i) => make('label', {}, radios[i], ` ${words}`)),
  );
  for (const radio of radios) radio.addEventListener('change', () => chosen(radio.value));
  return {
    element,
    /** @param {string} value */
    choose(value) {
      for (const radio of radios) radio.checked = radio.value === value;
    },
    /** @param {string} value @param {boolean} may */
    allow(value, may) {
      radios.forEach((radio, i) => {
        if (radio.value === value) element.querySelectorAll('label')[i].hidden = !may;
      });
    },
  };
}

/** @param {string} text @param {() => void} clicked @param {Partial<HTMLButtonElement>} [more] */
export function button(text, clicked, more = {}) {
  const element = make('button', { type: 'button', textContent: text, ...more });
  element.addEventListener('click', clicked);
  return element;
}

/** A line that says how far some work is. */
export function working() {
  const bar = make('progress', { max: 1, ariaLabel: 'How far the work is' });
  const text = make('span', { className: 'label' });
  const element = make('p', { className: 'working', hidden: true }, text, bar);
  return {
    element,
    /** @param {string} words @param {number} [share] */
    show(words, share) {
      element.hidden = false;
      if (text.textContent !== words) text.textContent = words;
      if (share !== undefined) bar.value = share;
    },
    hide() {
      element.hidden = true;
      bar.value = 0;
    },
  };
}

/** Whether it was only that nobody wants it any more. @param {unknown} error */
export function isAbort(error) {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** @param {Uint8Array} bytes */
export function values(bytes) {
  return Float32Array.from(bytes, (value) => value / 255);
}

/** What a known image is called. @param {import('likeness').Info} info @param {number | null} label @param {number} index */
export function nameOf(info, label, index) {
  const name = labelName(info, label);
  return name ? `${name}, image ${index}` : `image ${index}`;
}

/** A known image as a file, to be opened as if it had been dropped. @param {Model} model @param {number} index @param {(file: File) => void} open */
export function openKnown(model, index, open) {
  const { shape } = model.info;
  const canvas = make('canvas');
  paintImage(canvas, values(model.galleryImage(index).thumbnail), shape);
  canvas.toBlob((blob) => {
    if (blob) open(new File([blob], `image ${index}.png`, { type: 'image/png' }));
  });
}

/**
 * A known image in a list: a click opens it, its corner pins it.
 * @param {Model} model @param {number} index @param {(file: File) => void} open @param {string} [more] about it
 */
export function knownItem(model, index, open, more = '') {
  const { info } = model;
  const { label, thumbnail: bytes } = model.galleryImage(index);
  const name = `Open ${nameOf(info, label, index)}`;
  const image = button('', () => openKnown(model, index, open), {
    className: 'sample',
    title: name + more,
  });
  image.append(thumbnail(bytes, info.shape, name));
  return make('li', {}, pinnable(image, model, index));
}

/** "12,345 known digits" @param {Model} model @param {number} [count] */
export function knownOf(model, count = model.gallerySize) {
  return count === 1
    ? '1 known image'
    : `${count.toLocaleString('en')} known ${nounsOf(model.info.title).many}`;
}

/** How well clusters agree with labels, in a sentence. @param {Awaited<ReturnType<import('./studies.js').Calls['clusters']>>} found */
export function agreementOf({ list, agreement }) {
  return agreement
    ? `${counted(list.length, 'cluster')} of codes, found without labels: if each stands for one, ${percent(agreement.accuracy)} of the images are where they belong (normalised mutual information ${agreement.information.toFixed(2)}).`
    : `${counted(list.length, 'cluster')} of codes.`;
}

/** @param {number} share */
export function percent(share) {
  const digits = share === 0 || share === 1 || (share > 0.1 && share < 0.995) ? 0 : 1;
  return `${(100 * share).toFixed(digits)}\u00a0%`;
}

/** 8.2 MB @param {number} bytes */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
