// Images that were pinned, two at most: what lies between them is shown beside their neighbours. Any
// known image on the page can be pinned, and the visitor's own.

import { byId, make, one } from './dom.js';
import { labelName } from './labels.js';
import { paintImage } from './pixels.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {{x: Float32Array, name: string, key: string, shape: import('./pixels.js').Shape}} Pin */

const box = byId('pins', HTMLElement);
const images = byId('pins-images', HTMLElement);
const says = byId('pins-say', HTMLElement);
const show = one('[data-action=pins-show]');
/** @type {Pin[]} */
let pinned = [];
/** @type {(() => void)[]} */
const listeners = [];

/** The earlier first. @returns {readonly Pin[]} */
export const pins = () => pinned;

/** Calls back when another is pinned, or one no longer. @param {() => void} listener */
export function whenPinned(listener) {
  listeners.push(listener);
}

/** Has every button that pins an image say whether that is pinned. */
export function markPins() {
  for (const button of document.querySelectorAll('button[data-pin]')) {
    const { pin } = /** @type {HTMLElement} */ (button).dataset;
    button.ariaPressed = String(pinned.some(({ key }) => key === pin));
  }
}

/** @param {Pin[]} now */
function pin(now) {
  pinned = now;
  box.hidden = now.length === 0;
  images.replaceChildren(
    ...now.map(({ x, shape }) => {
      const canvas = make('canvas', { className: 'pixels', ariaHidden: 'true' });
      paintImage(canvas, x, shape);
      return canvas;
    }),
  );
  const [a, b] = now.map(({ name }) => name);
  says.textContent = b ? `${a} and ${b} are pinned.` : a ? `${a} is pinned: pin another.` : '';
  show.hidden = now.length < 2;
  markPins();
  for (const listener of listeners) listener();
}

/** Pins an image, in place of the earlier of two; or unpins it. @param {Pin} wanted */
export function togglePin(wanted) {
  const others = pinned.filter(({ key }) => key !== wanted.key);
  pin(others.length < pinned.length ? others : [...pinned.slice(-1), wanted]);
}

export function unpinAll() {
  if (pinned.length) pin([]);
}

/** A known image, to be pinned. @param {Model} model @param {number} index @returns {Pin} */
export function knownPin(model, index) {
  const { info } = model;
  const { thumbnail, label } = model.galleryImage(index);
  const x = Float32Array.from(thumbnail, (value) => value / 255);
  return {
    x,
    name: labelName(info, label) || `image ${index}`,
    key: String(index),
    shape: info.shape,
  };
}

/**
 * A known image's button with a corner by which it is pinned; by keyboard, P.
 * @param {HTMLButtonElement} button @param {Model} model @param {number} index
 */
export function pinnable(button, model, index) {
  const name = `Pin ${knownPin(model, index).name}, image ${index}`;
  const toggle = () => togglePin(knownPin(model, index));
  const corner = make('button', { type: 'button', className: 'pin', tabIndex: -1, title: name });
  corner.ariaLabel = name;
  corner.dataset.pin = String(index);
  corner.ariaPressed = String(pinned.some(({ key }) => key === String(index)));
  corner.addEventListener('click', toggle);
  button.setAttribute('aria-keyshortcuts', 'P');
  button.addEventListener('keydown', ({ key }) => {
    if (key.toLowerCase() === 'p') toggle();
  });
  return make('span', { className: 'pinnable' }, button, corner);
}

one('[data-action=pins-clear]').addEventListener('click', unpinAll);
