// Many points on a canvas, to be moved about: they are written straight into its pixels, so that 60,000
// take a few milliseconds. Where few are left in view, they are small images. Points that are linked are
// always images, with lines between them.

import { context } from './dom.js';

/** @typedef {import('./pixels.js').Shape} Shape */
/** @typedef {{x: number, y: number}} Place */

const MARGIN = 24;
const MOST_PIXELS = 2.4e6; // of the canvas, however fine the screen is
const FEW = 1500; // points in view that may be shown as images
const FARTHEST = 400;
const REACH = 14; // from the pointer to the point it means
const ROOM = 0.58; // of the way from one linked image to the next, if they lay evenly: its side
const LARGEST = 64;

/** @param {string} colour "rgb(…)" or "#rrggbb" @returns {[number, number, number]} */
function channels(colour) {
  const found = colour.startsWith('#')
    ? [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
    : (colour.match(/[\d.]+/g) ?? []).map(Number);
  return [found[0] ?? 0, found[1] ?? 0, found[2] ?? 0];
}

/** Two colours mixed, as a pixel; `share` of the second. @param {string} a @param {string} b @param {number} share */
export function mixed(a, b, share) {
  const [from, to] = [channels(a), channels(b)];
  const [r, g, blue] = from.map((v, c) => Math.round(v + share * (to[c] - v)));
  return ((255 << 24) | (blue << 16) | (g << 8) | r) >>> 0;
}

export class MapView {
  #canvas;
  #ink;
  #image = new ImageData(1, 1);
  #pixels = new Uint32Array(1);
  /** Pixels of the canvas to one of the page. */ #fine = 1;
  /** @type {Float32Array} */ #xy = new Float32Array();
  /** @type {Uint32Array} */ #colours = new Uint32Array();
  /** @type {Shape} */ #shape = { channels: 1, height: 1, width: 1 };
  /** What fits all points in, and what was zoomed since. */
  #fit = { scale: 1, x: 0, y: 0 };
  #zoom = { scale: 1, x: 0, y: 0 };
  #frame = 0;
  /** The point that is looked at, or -1. */ looked = -1;
  /** @type {Place[]} on the page */ lasso = [];
  /** @type {(i: number) => Uint8Array} */ #thumbnail = () => new Uint8Array();
  /** Pairs of points. @type {Uint32Array} */ #links = new Uint32Array();
  #drawn;

  /** @param {HTMLCanvasElement} canvas @param {() => void} drawn called after each drawing */
  constructor(canvas, drawn) {
    this.#canvas = canvas;
    this.#ink = context(canvas);
    this.#drawn = drawn;
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  get size() {
    return { width: this.#canvas.clientWidth, height: this.#canvas.clientHeight };
  }

  get count() {
    return this.#colours.length;
  }

  /** @param {Float32Array} xy pairs @param {Shape} shape @param {(i: number) => Uint8Array} thumbnail @param {Uint32Array} [links] pairs of points */
  show(xy, shape, thumbnail, links = new Uint32Array()) {
    this.#xy = xy;
    this.#links = links;
    this.#shape = shape;
    this.#thumbnail = thumbnail;
    this.#colours = new Uint32Array(xy.length / 2);
    this.looked = -1;
    this.reset();
    this.#resize();
  }

  /** @param {Uint32Array} colours a pixel for each point */
  paint(colours) {
    this.#colours = colours;
    this.draw();
  }

  #resize() {
    const { width, height } = this.size;
    if (!width) return;
    const most = Math.sqrt(MOST_PIXELS / (width * height));
    this.#fine = Math.min(devicePixelRatio, most);
    this.#canvas.width = Math.round(width * this.#fine);
    this.#canvas.height = Math.round(height * this.#fine);
    this.#image = new ImageData(this.#canvas.width, this.#canvas.height);
    this.#pixels = new Uint32Array(this.#image.data.buffer);
    this.#fitAll();
    this.draw();
  }

  #fitAll() {
    let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < this.#xy.length; i += 2) {
      left = Math.min(left, this.#xy[i]);
      right = Math.max(right, this.#xy[i]);
      bottom = Math.min(bottom, this.#xy[i + 1]);
      top = Math.max(top, this.#xy[i + 1]);
    }
    if (!(right >= left)) return;
    const { width, height } = this.size;
    const scale = Math.min(
      (width - 2 * MARGIN) / (right - left || 1),
      (height - 2 * MARGIN) / (top - bottom || 1),
    );
    this.#fit = {
      scale,
      x: (width - scale * (left + right)) / 2,
      y: (height + scale * (bottom + top)) / 2,
    };
  }

  /** Where a pair is on the page; up is up. @param {number} x @param {number} y @returns {Place} */
  placeOf(x, y) {
    const { scale, x: dx, y: dy } = this.#zoom;
    return {
      x: scale * (this.#fit.scale * x + this.#fit.x) + dx,
      y: scale * (this.#fit.y - this.#fit.scale * y) + dy,
    };
  }

  /** @param {number} i */
  pointAt(i) {
    return this.placeOf(this.#xy[2 * i], this.#xy[2 * i + 1]);
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    this.#zoom.x += dx;
    this.#zoom.y += dy;
    this.draw();
  }

  /** @param {number} by @param {Place} [at] what stays where it is */
  zoom(by, at = { x: this.size.width / 2, y: this.size.height / 2 }) {
    const scale = Math.min(FARTHEST, Math.max(0.8, this.#zoom.scale * by));
    const ratio = scale / this.#zoom.scale;
    this.#zoom = {
      scale,
      x: at.x - ratio * (at.x - this.#zoom.x),
      y: at.y - ratio * (at.y - this.#zoom.y),
    };
    this.draw();
  }

  reset() {
    this.#zoom = { scale: 1, x: 0, y: 0 };
    this.draw();
  }

  draw() {
    if (!this.#frame) this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.#frame = 0;
    const { width, height } = this.#canvas;
    const background = mixed(getComputedStyle(this.#canvas).backgroundColor, '#000000', 0);
    this.#pixels.fill(background);
    if (this.#links.length) {
      this.#graph();
      this.#marks();
      return this.#drawn();
    }
    const seen = this.#dots(Math.max(1, (this.count > 20000 ? 1.1 : 1.6) * this.#fine));
    if (seen.length <= FEW) this.#thumbnails(seen);
    this.#ink.putImageData(this.#image, 0, 0, 0, 0, width, height);
    this.#marks();
    this.#drawn();
  }

  /** Every point as a disk; which of them are in view, unless they are too many to be images.
   * @param {number} radius */
  #dots(radius) {
    const { width, height } = this.#canvas;
    const pixels = this.#pixels;
    const r = Math.floor(radius);
    const spans = Array.from({ length: 2 * r + 1 }, (_, i) =>
      Math.floor(Math.sqrt(Math.max(0, radius * radius - (i - r) ** 2))),
    );
    const scale = this.#zoom.scale * this.#fit.scale * this.#fine;
    const origin = this.placeOf(0, 0);
    const [left, top] = [origin.x * this.#fine, origin.y * this.#fine];
    /** @type {number[]} */
    const seen = [];
    for (let i = 0; i < this.#colours.length; i++) {
      const colour = this.#colours[i];
      const x = Math.round(left + scale * this.#xy[2 * i]);
      const y = Math.round(top - scale * this.#xy[2 * i + 1]);
      if (x < r || y < r || x >= width - r || y >= height - r) continue;
      if (seen.length <= FEW) seen.push(i);
      for (let dy = -r; dy <= r; dy++) {
        const row = (y + dy) * width + x;
        const half = spans[dy + r];
        for (let at = row - half; at <= row + half; at++) pixels[at] = colour;
      }
    }
    return seen;
  }

  /** As many as have room are images, with a rim of their colour. The grid they lie on moves along, so
   * that none jumps. @param {number[]} seen */
  #thumbnails(seen) {
    const side = Math.round(Math.min(64, 30 + 2 * Math.log2(this.#zoom.scale)) * this.#fine);
    const rim = Math.max(1, Math.round(1.5 * this.#fine));
    const origin = this.placeOf(0, 0);
    const [left, top] = [origin.x, origin.y].map((v) => Math.round(v * this.#fine) % side);
    /** @type {Set<string>} */
    const taken = new Set();
    for (const i of seen) {
      const { x, y } = this.pointAt(i);
      const column = Math.floor((x * this.#fine - left) / side);
      const row = Math.floor((y * this.#fine - top) / side);
      const cell = `${column} ${row}`;
      if (taken.has(cell)) continue;
      taken.add(cell);
      this.#thumbnailAt(i, left + column * side + 1, top + row * side + 1, side - 2, rim);
    }
  }

  /** Lines first, and over them every image in its place. Lines of what is looked at are strong, and so
   * are those between points of two colours. */
  #graph() {
    const ink = this.#ink;
    const { width, height } = this.#canvas;
    const { color, accentColor, borderColor } = getComputedStyle(this.#canvas);
    ink.putImageData(this.#image, 0, 0);
    ink.lineWidth = 1.5 * this.#fine;
    const at = Array.from({ length: this.count }, (_, i) => this.pointAt(i));
    for (const strong of [false, true]) {
      const known = { same: new Path2D(), other: new Path2D() };
      for (let e = 0; e < this.#links.length; e += 2) {
        const [a, b] = this.#links.subarray(e, e + 2);
        if ((a === this.looked || b === this.looked) !== strong) continue;
        const path = this.#colours[a] === this.#colours[b] ? known.same : known.other;
        path.moveTo(at[a].x * this.#fine, at[a].y * this.#fine);
        path.lineTo(at[b].x * this.#fine, at[b].y * this.#fine);
      }
      ink.strokeStyle = strong ? color : borderColor;
      ink.stroke(known.same);
      ink.strokeStyle = strong ? color : accentColor;
      ink.stroke(known.other);
    }
    const room = ROOM * Math.sqrt((width * height) / this.count);
    const side = Math.round(Math.min(room * this.#zoom.scale ** 0.6, LARGEST * this.#fine));
    const rim = Math.max(1, Math.round(side / 16));
    for (const [i, { x, y }] of at.entries()) {
      const left = Math.round(x * this.#fine - side / 2);
      const top = Math.round(y * this.#fine - side / 2);
      if (left + side < 0 || top + side < 0 || left > width || top > height) continue;
      this.#thumbnailAt(i, left, top, side, rim);
      ink.putImageData(this.#image, 0, 0, left, top, side, side);
    }
  }

  /** @param {number} i @param {number} left @param {number} top @param {number} side @param {number} rim */
  #thumbnailAt(i, left, top, side, rim) {
    const { width, height } = this.#canvas;
    const bytes = this.#thumbnail(i);
    const shape = this.#shape;
    const plane = shape.width * shape.height;
    const [green, blue] = shape.channels === 3 ? [plane, 2 * plane] : [0, 0];
    for (let y = Math.max(0, -top); y < side && top + y < height; y++)
      for (let x = Math.max(0, -left); x < side && left + x < width; x++) {
        const edge = Math.min(x, y, side - 1 - x, side - 1 - y) < rim;
        const from =
          Math.floor((y * shape.height) / side) * shape.width +
          Math.floor((x * shape.width) / side);
        this.#pixels[(top + y) * width + left + x] = edge
          ? this.#colours[i]
          : (255 << 24) | (bytes[from + blue] << 16) | (bytes[from + green] << 8) | bytes[from];
      }
  }

  /** The point that is looked at, and the lasso. */
  #marks() {
    const ink = this.#ink;
    ink.save();
    ink.scale(this.#fine, this.#fine);
    ink.strokeStyle = getComputedStyle(this.#canvas).color;
    ink.lineWidth = 2;
    ink.beginPath();
    if (this.looked >= 0) {
      const { x, y } = this.pointAt(this.looked);
      ink.arc(x, y, 7, 0, 2 * Math.PI);
    }
    this.lasso.forEach(({ x, y }, i) => {
      if (i) ink.lineTo(x, y);
      else ink.moveTo(x, y);
    });
    ink.stroke();
    ink.restore();
  }

  /** The nearest point, or -1. @param {Place} at @param {number} [reach] */
  nearest(at, reach = REACH) {
    const origin = this.placeOf(0, 0);
    const scale = this.#zoom.scale * this.#fit.scale;
    let [best, limit] = [-1, reach * reach];
    for (let i = 0; i < this.count; i++) {
      const dx = origin.x + scale * this.#xy[2 * i] - at.x;
      const dy = origin.y - scale * this.#xy[2 * i + 1] - at.y;
      const distance = dx * dx + dy * dy;
      if (distance < limit) [best, limit] = [i, distance];
    }
    return best;
  }

  /** The next point that way, for the keyboard. @param {number} dx @param {number} dy */
  next(dx, dy) {
    const { width, height } = this.size;
    const from = this.looked < 0 ? { x: width / 2, y: height / 2 } : this.pointAt(this.looked);
    if (this.looked < 0) return this.nearest(from, Infinity);
    let [best, least] = [this.looked, Infinity];
    for (let i = 0; i < this.count; i++) {
      if (i === this.looked) continue;
      const { x, y } = this.pointAt(i);
      const along = (x - from.x) * dx + (y - from.y) * dy;
      const aside = Math.abs((x - from.x) * dy) + Math.abs((y - from.y) * dx);
      if (along > 3 && aside < along && along + 2 * aside < least)
        [best, least] = [i, along + 2 * aside];
    }
    return best;
  }

  /** Brings a point into view. @param {number} i */
  reveal(i) {
    const { width, height } = this.size;
    const { x, y } = this.pointAt(i);
    const into = (/** @type {number} */ v, /** @type {number} */ most) =>
      Math.min(most - MARGIN, Math.max(MARGIN, v)) - v;
    this.pan(into(x, width), into(y, height));
  }

  /** The points for which this is so. @param {(at: Place) => boolean} is */
  which(is) {
    /** @type {number[]} */
    const found = [];
    for (let i = 0; i < this.count; i++) if (is(this.pointAt(i))) found.push(i);
    return found;
  }
}
