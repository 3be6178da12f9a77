// The drawing pad: strokes in, ink out. It keeps the strokes, so that they can be taken back, sent in
// an address and drawn anew in the colour of another theme.

import { context } from './dom.js';
import { pointAt, settled } from './strokes.js';

/** @typedef {import('./strokes.js').Stroke} Stroke */

const SIZE = 280;
const REMEMBERED = 200; // drawings that can be gone back to

export class Pad {
  /** @type {readonly Stroke[]} */ #strokes = [];
  /** @type {(readonly Stroke[])[]} */ #past = [];
  /** @type {(readonly Stroke[])[]} */ #future = [];
  /** @type {Stroke | null} */ #current = null;
  #pointer = -1;
  #canvas;
  #ink;
  /** The pen's width in pixels of the canvas; 22 of 280 is about MNIST's. */
  penWidth = 22;
  erases = false;

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
  }

  /** Nothing is drawn, and nothing was rubbed out of it. */
  get empty() {
    return this.#strokes.length === 0 && !this.#current;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  get strokes() {
    return [...this.#strokes];
  }

  /**
   * What was drawn, in black on white or in white on black: the colours of the theme do not matter.
   * A line of paper all around, so that ink from edge to edge is not taken for the paper.
   * @param {boolean} onBlack
   */
  picture(onBlack) {
    const picture = this.#ink.getImageData(-1, -1, SIZE + 2, SIZE + 2);
    // A pixel at a time, as red, green, blue and opacity from the lowest byte up.
    const pixels = new Uint32Array(picture.data.buffer);
    for (let i = 0; i < pixels.length; i++) {
      const ink = pixels[i] >>> 24;
      pixels[i] = 0xff000000 + 0x010101 * (onBlack ? ink : 255 - ink);
    }
    return picture;
  }

  undo() {
    this.#go(this.#past, this.#future);
  }

  redo() {
    this.#go(this.#future, this.#past);
  }

  /** @param {(readonly Stroke[])[]} from @param {(readonly Stroke[])[]} to */
  #go(from, to) {
    const strokes = from.pop();
    if (!strokes) return;
    to.push(this.#strokes);
    this.#strokes = strokes;
    this.redraw();
    this.onChange(true);
  }

  /** Replaces the drawing. @param {Stroke[]} strokes */
  show(strokes) {
    this.#current = null;
    this.#keep(strokes.map(settled));
    this.redraw();
    this.onChange(true);
  }

  /** @param {readonly Stroke[]} strokes the drawing from now on */
  #keep(strokes) {
    this.#past.push(this.#strokes);
    if (this.#past.length > REMEMBERED) this.#past.shift();
    this.#future = [];
    this.#strokes = strokes;
  }

  redraw() {
    this.#ink.clearRect(0, 0, SIZE, SIZE);
    for (const stroke of this.#current ? [...this.#strokes, this.#current] : this.#strokes) {
      this.#take(stroke);
      for (let i = 0; i < stroke.points.length; i++) this.#segment(stroke, i);
      if (stroke !== this.#current) this.#finish(stroke);
    }
  }

  /** @param {PointerEvent} event */
  #at({ clientX, clientY, pointerType, pressure }) {
    const box = this.#canvas.getBoundingClientRect();
    const x = ((clientX - box.left) * SIZE) / box.width;
    const y = ((clientY - box.top) * SIZE) / box.height;
    // Half of a pen's pressure is its width as chosen; fingers and mice do not press.
    return pointAt(x, y, pointerType === 'pen' ? 0.4 + 1.2 * pressure : undefined);
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (this.#current || event.button !== 0) return;
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    this.#current = { width: this.penWidth, points: [this.#at(event)] };
    if (this.erases) this.#current.erases = true;
    this.#take(this.#current);
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
    const stroke = this.#current;
    this.#finish(stroke);
    this.#current = null;
    this.#keep([...this.#strokes, stroke]);
    this.onChange(true);
  }

  /** Pen or eraser in hand. @param {Stroke} stroke */
  #take({ erases }) {
    const ink = this.#ink;
    ink.globalCompositeOperation = erases ? 'destination-out' : 'source-over';
    ink.strokeStyle = ink.fillStyle = getComputedStyle(this.#canvas).color;
    ink.lineCap = ink.lineJoin = 'round';
  }

  /**
   * The curve that point i adds: between the middles of its two chords, so that strokes are smooth.
   * @param {Stroke} stroke @param {number} i
   */
  #segment({ width, points }, i) {
    const ink = this.#ink;
    const [x, y, share = 1] = points[i];
    const [x1, y1] = points[Math.max(0, i - 1)];
    const [x2, y2] = points[Math.max(0, i - 2)];
    ink.beginPath();
    if (i === 0) {
      ink.arc(x, y, (share * width) / 2, 0, 2 * Math.PI);
      ink.fill();
      return;
    }
    ink.lineWidth = share * width;
    ink.moveTo((x2 + x1) / 2, (y2 + y1) / 2);
    ink.quadraticCurveTo(x1, y1, (x1 + x) / 2, (y1 + y) / 2);
    ink.stroke();
  }

  /** The last half chord, to where the pen was lifted. @param {Stroke} stroke */
  #finish({ width, points }) {
    const ink = this.#ink;
    const [x, y, share = 1] = points[points.length - 1];
    const [x1, y1] = points[Math.max(0, points.length - 2)];
    ink.lineWidth = share * width;
    ink.beginPath();
    ink.moveTo((x1 + x) / 2, (y1 + y) / 2);
    ink.lineTo(x, y);
    ink.stroke();
  }
}
