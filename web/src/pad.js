// The drawing pad: strokes in, ink out. It keeps the strokes, so that one can be taken back and the
// ink can change colour with the model and the theme.

import { context } from './dom.js';

/** @typedef {{width: number, points: [number, number][]}} Stroke in pixels of the canvas */

const SIZE = 280;

export class Pad {
  /** @type {Stroke[]} */ #strokes = [];
  /** @type {Stroke | null} */ #current = null;
  #pointer = -1;
  #canvas;
  #ink;
  /** The pen's width in pixels of the canvas; 22 of 280 is about MNIST's. */
  penWidth = 22;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(done: boolean) => void} onChange called after every change, `done` when the pen is up
   */
  constructor(canvas, onChange) {
    this.#canvas = canvas;
    this.#ink = context(canvas);
    this.onChange = onChange;
    canvas.addEventListener('pointerdown', (event) => this.#down(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel'])
      canvas.addEventListener(end, (event) => this.#up(/** @type {PointerEvent} */ (event)));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redraw());
  }

  get empty() {
    return this.#strokes.length === 0 && !this.#current;
  }

  /**
   * What was drawn, in black on white or in white on black: the colours of the theme do not matter.
   * A line of paper all around, so that ink from edge to edge is not taken for the paper.
   * @param {boolean} onBlack
   */
  picture(onBlack) {
    const picture = this.#ink.getImageData(-1, -1, SIZE + 2, SIZE + 2);
    const { data } = picture;
    for (let i = 0; i < data.length; i += 4) {
      const ink = data[i + 3];
      data.fill(onBlack ? ink : 255 - ink, i, i + 3);
      data[i + 3] = 255;
    }
    return picture;
  }

  undo() {
    this.#strokes.pop();
    this.redraw();
    this.onChange(true);
  }

  /** Replaces the drawing. @param {Stroke[]} strokes */
  show(strokes) {
    this.#strokes = strokes;
    this.#current = null;
    this.redraw();
    this.onChange(true);
  }

  redraw() {
    this.#ink.clearRect(0, 0, SIZE, SIZE);
    for (const stroke of this.#strokes)
      for (let i = 0; i < stroke.points.length; i++) this.#segment(stroke, i);
    for (const stroke of this.#strokes) this.#finish(stroke);
  }

  /** @param {PointerEvent} event @returns {[number, number]} */
  #at(event) {
    const box = this.#canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) * SIZE) / box.width;
    const y = ((event.clientY - box.top) * SIZE) / box.height;
    return [x, y];
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (this.#current || event.button !== 0) return;
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    this.#current = { width: this.penWidth, points: [this.#at(event)] };
    this.#segment(this.#current, 0);
    this.onChange(false);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const stroke = this.#current;
    if (!stroke || event.pointerId !== this.#pointer) return;
    const steps = event.getCoalescedEvents?.() ?? [];
    for (const step of steps.length ? steps : [event]) {
      stroke.points.push(this.#at(step));
      this.#segment(stroke, stroke.points.length - 1);
    }
    this.onChange(false);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (!this.#current || event.pointerId !== this.#pointer) return;
    this.#finish(this.#current);
    this.#strokes.push(this.#current);
    this.#current = null;
    this.onChange(true);
  }

  /** @param {Stroke} stroke */
  #pen({ width }) {
    const ink = this.#ink;
    ink.strokeStyle = ink.fillStyle = getComputedStyle(this.#canvas).color;
    ink.lineWidth = width;
    ink.lineCap = ink.lineJoin = 'round';
    ink.beginPath();
    return ink;
  }

  /**
   * The curve that point i adds: between the middles of its two chords, so that strokes are smooth.
   * @param {Stroke} stroke @param {number} i
   */
  #segment(stroke, i) {
    const ink = this.#pen(stroke);
    const [x, y] = stroke.points[i];
    const [x1, y1] = stroke.points[Math.max(0, i - 1)];
    const [x2, y2] = stroke.points[Math.max(0, i - 2)];
    if (i === 0) {
      ink.arc(x, y, stroke.width / 2, 0, 2 * Math.PI);
      ink.fill();
      return;
    }
    ink.moveTo((x2 + x1) / 2, (y2 + y1) / 2);
    ink.quadraticCurveTo(x1, y1, (x1 + x) / 2, (y1 + y) / 2);
    ink.stroke();
  }

  /** The last half chord, to where the pen was lifted. @param {Stroke} stroke */
  #finish(stroke) {
    const [x, y] = stroke.points[stroke.points.length - 1];
    const [x1, y1] = stroke.points[Math.max(0, stroke.points.length - 2)];
    const ink = this.#pen(stroke);
    ink.moveTo((x1 + x) / 2, (y1 + y) / 2);
    ink.lineTo(x, y);
    ink.stroke();
  }
}
