// Small images, one canvas pixel a value; style.css shows them large and crisp.

import { context, make } from './dom.js';

/** @typedef {{channels: number, height: number, width: number}} Shape */

/** The error map's two ends: what the model left out, and what it added. */
const MISSING = [64, 132, 246];
const ADDED = [245, 130, 42];

/** A size, even the same one, gives a canvas new memory. @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
function fit(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Shape} shape
 * @param {(i: number, pixel: number) => number[]} colour of pixel i
 */
function paint(canvas, { height, width }, colour) {
  fit(canvas, width, height);
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++)
    image.data.set([...colour(i, width * height), 255], 4 * i);
  context(canvas).putImageData(image, 0, 0);
}

/**
 * Values in [0, 1], channels x height x width.
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} values
 * @param {Shape} shape
 */
export function paintImage(canvas, values, shape) {
  paint(canvas, shape, (i, plane) =>
    [0, 1, 2].map((c) => 255 * values[i + (shape.channels === 3 ? c : 0) * plane]),
  );
}

/**
 * The signed difference `after - before`, black where there is none.
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} before
 * @param {Float32Array} after
 * @param {Shape} shape
 */
export function paintDifference(canvas, before, after, shape) {
  paint(canvas, shape, (i, plane) => {
    let difference = 0;
    for (let c = 0; c < shape.channels; c++)
      difference += (after[i + c * plane] - before[i + c * plane]) / shape.channels;
    const end = difference < 0 ? MISSING : ADDED;
    const strength = Math.sqrt(Math.min(1, Math.abs(difference))); // so that small ones show
    return end.map((v) => v * strength);
  });
}

/** @param {HTMLCanvasElement} canvas */
export function paintNothing(canvas) {
  context(canvas).clearRect(0, 0, canvas.width, canvas.height);
}

/** What a canvas is that shows pixels. */
export const IMAGE = { className: 'pixels', role: 'img' };

/** A thumbnail. @param {HTMLCanvasElement} canvas @param {Uint8Array} bytes @param {Shape} shape */
export function paintBytes(canvas, bytes, { channels, height, width }) {
  fit(canvas, width, height);
  const plane = width * height;
  const [green, blue] = channels === 3 ? [plane, 2 * plane] : [0, 0];
  const image = new ImageData(width, height);
  for (let i = 0, at = 0; i < plane; i++) {
    image.data[at++] = bytes[i];
    image.data[at++] = bytes[i + green];
    image.data[at++] = bytes[i + blue];
    image.data[at++] = 255;
  }
  context(canvas).putImageData(image, 0, 0);
}

/**
 * A canvas with a thumbnail.
 * @param {Uint8Array} bytes
 * @param {Shape} shape
 * @param {string} label
 */
export function thumbnail(bytes, shape, label) {
  const canvas = make('canvas', { ...IMAGE, ariaLabel: label });
  paintBytes(canvas, bytes, shape);
  return canvas;
}
