// Things to try: an image of each label that the model was trained on, and drawings of other things.

import { byId, make } from './dom.js';
import { doodles } from './doodles.js';
import { labelName } from './labels.js';
import { pinnable } from './pins.js';
import { thumbnail } from './pixels.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {import('./strokes.js').Stroke} Stroke */

const SAMPLES = 10;
const SVG = 'http://www.w3.org/2000/svg';

/** @param {Uint8Array} bytes @param {import('./pixels.js').Shape} shape */
function pictureOf(bytes, { channels, height, width }) {
  const picture = new ImageData(width, height);
  const plane = width * height;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++)
      picture.data[4 * i + c] = bytes[i + (channels === 3 ? c : 0) * plane];
    picture.data[4 * i + 3] = 255;
  }
  return picture;
}

/** No known image will come: there is no place for them either. */
export function hideSamples() {
  byId('known', HTMLElement).hidden = true;
}

/**
 * One image of each label from the gallery, as buttons.
 * @param {Model | null} model null: its gallery may come @param {(picture: ImageData, name: string) => void} show
 */
export function showSamples(model, show) {
  const list = byId('samples', HTMLElement);
  list.replaceChildren();
  byId('known', HTMLElement).hidden = false;
  if (!model) return;
  const { info } = model;
  /** @type {Map<number, ReturnType<Model['galleryImage']>>} */
  const first = new Map();
  for (let i = 0; i < model.gallerySize && first.size < SAMPLES; i++) {
    const image = model.galleryImage(i);
    if (!first.has(image.label ?? i)) first.set(image.label ?? i, image);
  }
  const ordered = [...first].sort(([a], [b]) => a - b);
  for (const [, image] of ordered) {
    const name = labelName(info, image.label) || `training image ${image.origin}`;
    const button = make('button', { type: 'button', className: 'sample', title: name });
    button.append(thumbnail(image.thumbnail, info.shape, name));
    button.addEventListener('click', () =>
      show(pictureOf(image.thumbnail, info.shape), `known-${image.origin}`),
    );
    list.append(make('li', {}, pinnable(button, model, image.index)));
  }
}

/** @param {(strokes: Stroke[]) => void} show */
export function showDoodles(show) {
  const list = byId('doodles', HTMLElement);
  for (const { name, strokes } of doodles) {
    const line = strokes
      .map(({ points }) => `M${points.map((p) => p.join(' ')).join('L')}`)
      .join('');
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', '0 0 280 280');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', name);
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', line);
    svg.append(path);
    const button = make('button', { type: 'button', className: 'sample', title: name }, svg);
    button.addEventListener('click', () => show(strokes));
    list.append(make('li', {}, button));
  }
}
