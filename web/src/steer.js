// Moving about on the map, by pointers and by keys.

/** @typedef {import('./mapview.js').MapView} MapView */
/** @typedef {import('./mapview.js').Place} Place */
/**
 * @typedef {object} Steered
 * @property {(i: number) => void} look at a point, or at none (-1)
 * @property {(i: number) => void} take a point was clicked, or Enter pressed on it
 * @property {(i: number) => void} pin with Shift, or P was pressed on it
 * @property {(polygon: Place[]) => void} lasso
 */

const STEP = 1.5; // of the zoom, by a key or a button
const STILL = 4; // how far a click may move
const CORNER = 4; // between the corners of a lasso

/** Whether a place lies inside, by the even-odd rule. @param {Place[]} polygon @param {Place} at */
export function inside(polygon, { x, y }) {
  let is = false;
  polygon.forEach((a, i) => {
    const b = polygon[(i + polygon.length - 1) % polygon.length];
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) is = !is;
  });
  return is;
}

/** @type {Record<string, (view: MapView, steered: Steered) => void>} */
const KEYS = {
  '+': (view) => view.zoom(STEP),
  '=': (view) => view.zoom(STEP),
  '-': (view) => view.zoom(1 / STEP),
  0: (view) => view.reset(),
  Enter: (view, { take }) => {
    if (view.looked >= 0) take(view.looked);
  },
  p: (view, { pin }) => pin(view.looked),
  Escape: (_, { look }) => look(-1),
};
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLCanvasElement} canvas @param {MapView} view @param {Steered} steered
 * @returns {{lassoing: boolean}} to be set when the next drag is to be a lasso
 */
export function steer(canvas, view, steered) {
  const state = { lassoing: false };
  /** @type {Map<number, Place>} */
  const down = new Map();
  let moved = 0;

  /** @param {PointerEvent | WheelEvent} event @returns {Place} */
  const placeOf = ({ clientX, clientY }) => {
    const { left, top } = canvas.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  /** The middle of all pointers, and how far they are from it. */
  const grip = () => {
    const all = [...down.values()];
    const x = all.reduce((sum, at) => sum + at.x, 0) / all.length;
    const y = all.reduce((sum, at) => sum + at.y, 0) / all.length;
    return { x, y, spread: Math.hypot(all[0].x - x, all[0].y - y) };
  };

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, placeOf(event));
    moved = 0;
    if (state.lassoing) view.lasso = [placeOf(event)];
  });
  canvas.addEventListener('pointermove', (event) => {
    const at = placeOf(event);
    if (!down.has(event.pointerId)) {
      if (event.pointerType === 'mouse') steered.look(view.nearest(at));
      return;
    }
    if (state.lassoing) {
      const last = view.lasso[view.lasso.length - 1];
      if (Math.hypot(at.x - last.x, at.y - last.y) >= CORNER) view.lasso.push(at);
      return view.draw();
    }
    const before = grip();
    down.set(event.pointerId, at);
    const after = grip();
    moved += Math.hypot(after.x - before.x, after.y - before.y);
    view.pan(after.x - before.x, after.y - before.y);
    if (down.size > 1 && before.spread > 0) view.zoom(after.spread / before.spread, after);
  });
  const up = (/** @type {PointerEvent} */ event) => {
    if (!down.delete(event.pointerId)) return;
    const polygon = view.lasso;
    view.lasso = [];
    if (state.lassoing) {
      state.lassoing = false;
      steered.lasso(polygon);
    } else if (moved <= STILL && event.type === 'pointerup') {
      const i = view.nearest(placeOf(event));
      if (i < 0 || i !== view.looked) steered.look(i);
      else if (event.shiftKey) steered.pin(i);
      else steered.take(i);
    }
    view.draw();
  };
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('pointercancel', up);
  canvas.addEventListener('pointerleave', (event) => {
    if (event.pointerType === 'mouse' && document.activeElement !== canvas) steered.look(-1);
  });
  canvas.addEventListener(
    'wheel',
    (event) => {
      // The page scrolls on, unless the map was chosen by a click or by the keyboard.
      if (document.activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      view.zoom(2 ** (-event.deltaY / (event.ctrlKey ? 60 : 300)), placeOf(event));
    },
    { passive: false },
  );
  canvas.addEventListener('keydown', (event) => {
    const arrow = ARROWS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !(arrow || KEYS[event.key])) return;
    event.preventDefault();
    if (!arrow) return KEYS[event.key](view, steered);
    const i = view.next(...arrow);
    steered.look(i);
    if (i >= 0) view.reveal(i);
  });
  return state;
}
