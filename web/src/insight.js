// What the model made of the image: its input, its reconstruction, and the known images nearest.

import { byId, make } from './dom.js';
import { labelName } from './labels.js';
import { paintDifference, paintImage, paintNothing, thumbnail } from './pixels.js';

/** @typedef {import('likeness').Model} Model */

const [seen, redrawn, error] = ['seen', 'redrawn', 'error'].map((id) =>
  byId(id, HTMLCanvasElement),
);
const list = byId('neighbours', HTMLElement);
const hint = byId('neighbours-hint', HTMLElement);
const size = byId('gallery-size', HTMLElement);

/** @param {Model} model @param {Float32Array} x */
export function showInsight(model, x) {
  const { shape } = model.info;
  const { image } = model.reconstruct(x);
  paintImage(seen, x, shape);
  paintImage(redrawn, image, shape);
  paintDifference(error, x, image, shape);
}

/** @param {Model | null} model */
export function showNoInsight(model) {
  for (const canvas of [seen, redrawn, error]) paintNothing(canvas);
  showNeighbours(model, null);
}

/** @param {Model | null} model @param {Float32Array | null} x */
export function showNeighbours(model, x) {
  const count = model?.gallerySize ?? 0;
  size.textContent = count ? count.toLocaleString('en') : 'the';
  hint.textContent = count || !x ? '' : 'They are on their way.';
  if (!model || !x || !count) {
    list.replaceChildren(...Array.from({ length: 8 }, () => make('li', { className: 'none' })));
    return;
  }
  const { shape, title } = model.info;
  list.replaceChildren(
    ...model.neighbours(x).map(({ label, distance, origin, thumbnail: bytes }) => {
      const name = labelName(title, label);
      return make(
        'li',
        { title: `Training image ${origin}` },
        thumbnail(bytes, shape, name || `training image ${origin}`),
        make('b', {}, name),
        make('span', { className: 'number' }, distance.toFixed(distance < 1 ? 3 : 1)),
      );
    }),
  );
}

/** @param {string} text */
export function neighboursUnavailable(text) {
  hint.textContent = text;
}
