// How the image became what the model sees: each step as a small picture with a few words. Only the
// last is the model's input itself; the others show what was found in the picture on the way there.

import { byId, context, make } from './dom.js';
import { paintImage } from './pixels.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {{left: number, top: number, width: number, height: number}} Box */

const FIRM = 0.4; // of the strongest ink; what is fainter is not counted as ink
const list = byId('steps', HTMLElement);

/** @param {Uint8ClampedArray} data @param {number} i */
const grey = (data, i) => 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];

/** The median along the edge: what the ink stands on. @param {ImageData} picture */
function groundOf({ data, width, height }) {
  const edge = [];
  for (let x = 0; x < width; x++) edge.push(grey(data, x), grey(data, (height - 1) * width + x));
  for (let y = 0; y < height; y++)
    edge.push(grey(data, y * width), grey(data, (y + 1) * width - 1));
  return edge.sort((a, b) => a - b)[edge.length >> 1];
}

/** The box of what differs most from its ground. @param {ImageData} picture @returns {Box} */
function inkOf(picture) {
  const { data, width, height } = picture;
  const ground = groundOf(picture);
  let most = 1;
  for (let i = 0; i < width * height; i++) most = Math.max(most, Math.abs(grey(data, i) - ground));
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (Math.abs(grey(data, y * width + x) - ground) < FIRM * most) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  return { left, top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) };
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
  const size = `${shape.width} × ${shape.height}`;
  const whole = { left: 0, top: 0, width, height };
  const input = make('canvas', { className: 'pixels' });
  paintImage(input, x, shape);
  const first = step(part(picture, whole), `Your image, ${width} × ${height}`);
  list.hidden = false;
  if (how === 'ink') {
    const box = inkOf(picture);
    const turned = groundOf(picture) > 127;
    const found = [step(part(picture, box), `Its ink, ${box.width} × ${box.height}`)];
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
