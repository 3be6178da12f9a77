// A canvas of known images to move about on, and the one that is looked at, large and in words.

import { make } from './dom.js';
import { MapView } from './mapview.js';
import * as parts from './parts.js';
import { knownPin, markPins, togglePin } from './pins.js';
import { paintImage } from './pixels.js';
import { steer } from './steer.js';

/** @typedef {import('likeness').Model} Model */
/**
 * @typedef {object} Staged
 * @property {string} name of the canvas
 * @property {string} help id of what tells how it is used
 * @property {() => Model | null} model whose images they are
 * @property {import('./panels.js').Open} open
 * @property {(point: number) => number} [index] in the gallery, where it is not the point's own number
 * @property {(point: number) => string} [more] to say of the one that is looked at
 * @property {() => void} [drawn] called after each drawing
 * @property {(polygon: import('./mapview.js').Place[]) => void} [lasso]
 */

/** @param {Staged} staged */
export function makeStage({ name, help, model, open, index = (i) => i, more, drawn, lasso }) {
  const canvas = make('canvas', { className: 'map', tabIndex: 0, ariaLabel: name });
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-describedby', help);
  canvas.setAttribute('aria-keyshortcuts', 'P Enter + - 0');
  const picture = make('canvas', {
    className: 'pixels',
    role: 'img',
    ariaLabel: 'The image looked at',
  });
  const says = make('p', { className: 'map-says', ariaLive: 'polite' });
  const pinIt = parts.button('Pin', () => pin(view.looked), { className: 'pin-looked' });
  const looked = make('div', { className: 'map-looked' }, picture, make('div', {}, says, pinIt));
  const element = make('div', { className: 'map-stage' }, canvas, looked);
  const view = new MapView(canvas, drawn ?? (() => {}));

  /** @param {number} point */
  function pin(point) {
    const of = model();
    if (of && point >= 0) togglePin(knownPin(of, index(point)));
  }

  /** @param {number} point or -1 */
  function look(point) {
    const of = model();
    if (!of || point === view.looked) return;
    view.looked = point;
    view.draw();
    looked.toggleAttribute('data-none', point < 0);
    if (point < 0) return;
    const i = index(point);
    const { thumbnail, label } = of.galleryImage(i);
    paintImage(picture, parts.values(thumbnail), of.info.shape);
    says.textContent = parts.nameOf(of.info, label, i) + (more?.(point) ?? '');
    pinIt.dataset.pin = String(i);
    markPins();
  }

  const steering = steer(canvas, view, {
    look,
    pin,
    take: (point) => {
      const of = model();
      if (of) parts.openKnown(of, index(point), open);
    },
    lasso: lasso ?? (() => {}),
  });
  looked.toggleAttribute('data-none', true);
  const zoom = make(
    'div',
    { className: 'row map-zoom' },
    parts.button('−', () => view.zoom(1 / 1.5), { ariaLabel: 'Zoom out' }),
    parts.button('+', () => view.zoom(1.5), { ariaLabel: 'Zoom in' }),
    parts.button('All', () => view.reset(), { ariaLabel: 'Show all' }),
  );
  return { element, canvas, view, steering, look, zoom };
}
