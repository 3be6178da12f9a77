// How the image became what the model sees: each step as a small picture with a few words. Only the
// last is the model's input itself; the others show what was found in the picture on the way there.

import { byId, context, make } from './dom.js';
import { paintImage } from './pixels.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {{left: number, top: number, width: number, height: number}} Box */

const FIRM = 0.4; // of the strongest ink; what is fainter is not counted as ink
const list = byId('steps', HTMLElement);

/** In one piece. @param {{width: number, height: number}} of */
const sizeOf = ({ width, height }) => `${width}\u00a0×\u00a0${height}`;

/** @param {ImageData} picture */
function greysOf({ data }) {
  const greys = new Uint8Array(data.length / 4);
  for (let i = 0; i < greys.length; i++)
    greys[i] = (299 * data[4 * i] + 587 * data[4 * i + 1] + 114 * data[4 * i + 2]) / 1000;
  return greys;
}

/** The median along the edge: what the ink stands on. @param {Uint8Array} greys @param {number} width */
function groundOf(greys, width) {
  const last = greys.length - width;
  const sides = greys.filter((_, i) => i < width || i >= last || i % width === 0);
  return sides.sort()[sides.length >> 1];
}

/** The box of what differs most from the ground. @param {Uint8Array} greys @param {number} width @param {number} ground @returns {Box} */
function inkOf(greys, width, ground) {
  const [rows, columns] = [new Uint8Array(greys.length / width), new Uint8Array(width)];
  for (let y = 0, i = 0; y < rows.length; y++)
    for (let x = 0; x < width; x++, i++) {
      const ink = Math.abs(greys[i] - ground);
      if (ink > rows[y]) rows[y] = ink;
      if (ink > columns[x]) columns[x] = ink;
    }
  const firm = FIRM * rows.reduce((a, b) => Math.max(a, b), 1);
  const isFirm = (/** @type {number} */ ink) => ink >= firm;
  const [left, top] = [columns.findIndex(isFirm), rows.findIndex(isFirm)];
  return {
    left,
    top,
    width: columns.findLastIndex(isFirm) + 1 - left,
    height: rows.findLastIndex(isFirm) + 1 - top,
  };
}

/** @param {HTMLCanvasElement} canvas @param {string} text */
function step(canvas, text) {
  canvas.ariaHidden = 'true'; // the words say it
  return make('li', {}, canvas, make('span', {}, text));
}

/** A part of the picture, turned light on dark or as it is. @param {ImageData} picture @param {Box} box @param {boolean} [turned] */
function part(picture, { left, top, width, height }, turned = false) {
  const canvas = make('canvas', { width, height });
  const ink = context(canvas);
  ink.putImageData(picture, -left, -top);
  if (turned) {
    canvas.className = 'turned';
    ink.globalCompositeOperation = 'difference';
    ink.fillStyle = '#fff';
    ink.fillRect(0, 0, width, height);
  }
  return canvas;
}

/** @param {Model} model @param {ImageData} picture @param {string} how @param {Float32Array} x */
export function showSteps(model, picture, how, x) {
  const { shape } = model.info;
  const { width, height } = picture;
  const size = sizeOf(shape);
  const whole = { left: 0, top: 0, width, height };
  const input = make('canvas', { className: 'pixels' });
  paintImage(input, x, shape);
  const first = step(part(picture, whole), `Your image, ${sizeOf(picture)}`);
  list.hidden = false;
  if (how === 'ink') {
    const greys = greysOf(picture);
    const ground = groundOf(greys, width);
    const box = inkOf(greys, width, ground);
    const turned = ground > 127;
    const found = [step(part(picture, box), `Its ink, ${sizeOf(box)}`)];
    if (turned) found.push(step(part(picture, box, true), 'Turned light on dark'));
    list.replaceChildren(first, ...found, step(input, `Drawn anew by one pen, centred, ${size}`));
  } else {
    const same = width === shape.width && height === shape.height;
    list.replaceChildren(first, step(input, same ? 'Taken as it is' : `Scaled to ${size}`));
  }
}

export function hideSteps() {
  list.hidden = true;
}
