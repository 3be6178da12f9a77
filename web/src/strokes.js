// Strokes of the pad, and the short text that an address holds them in.

/**
 * A stroke, in pixels of the pad. Points are whole steps of 1 / STEPS of a pixel, so that a drawing
 * that went through an address is the same drawing. A pen that feels pressure gives points a third
 * number: the share of the width, from 0 to 2.
 * @typedef {{width: number, erases?: boolean, points: number[][]}} Stroke
 */

const STEPS = 2;
const PRESSURES = 127; // steps of a share of 1
const MAX_WIDTH = 63;
const MAX_POINTS = 50000;
const REACH = 1024; // pixels either way: a captured pointer leaves the pad, but not the world

/** @param {number} value */
const rounded = (value) => Math.round(Math.min(REACH, Math.max(-REACH, value)) * STEPS) / STEPS + 0; // no -0

/** @param {number} x @param {number} y @param {number} [share] of the width */
export function pointAt(x, y, share) {
  const point = [rounded(x), rounded(y)];
  if (share !== undefined) point.push(Math.round(share * PRESSURES) / PRESSURES);
  return point;
}

/** A copy with points on the grid. @param {Stroke} stroke @returns {Stroke} */
export function settled({ width, erases, points }) {
  const kept = points.map(([x, y, share]) => pointAt(x, y, share));
  return { width: Math.round(width), ...(erases ? { erases } : {}), points: kept };
}

/** Seven bits a byte, the sign in the lowest. @param {number[]} bytes @param {number} value */
function putSigned(bytes, value) {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
}

/**
 * Of each stroke: its width with two flags, how many points, the first, and the steps to the others.
 * @param {Stroke[]} strokes
 */
export function writeStrokes(strokes) {
  /** @type {number[]} */
  const bytes = [];
  for (const { width, erases, points } of strokes) {
    const pressed = points[0].length > 2;
    putSigned(bytes, width + (erases ? 64 : 0) + (pressed ? 128 : 0));
    putSigned(bytes, points.length);
    let [x, y] = [0, 0];
    for (const [atX, atY, share] of points) {
      putSigned(bytes, (atX - x) * STEPS);
      putSigned(bytes, (atY - y) * STEPS);
      if (pressed) putSigned(bytes, Math.round((share ?? 1) * PRESSURES));
      [x, y] = [atX, atY];
    }
  }
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @param {string} text @returns {Stroke[] | null} null: these are none */
export function readStrokes(text) {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return null;
  const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  let at = 0;
  let total = 0;
  const signed = () => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = bytes.charCodeAt(at++); // NaN behind the end, which every check below refuses
      value += unit * (byte & 127);
      if (!(byte > 127) || unit > 1e6) break;
    }
    return at > bytes.length ? Number.NaN : value % 2 ? -(value + 1) / 2 : value / 2;
  };
  /** @type {Stroke[]} */
  const strokes = [];
  while (at < bytes.length) {
    const head = signed();
    const width = head & MAX_WIDTH;
    const count = signed();
    total += count;
    if (!(head > 0 && head < 256 && width > 0 && count > 0 && total <= MAX_POINTS)) return null;
    const points = [];
    let [x, y] = [0, 0];
    for (let i = 0; i < count; i++) {
      x += signed() / STEPS;
      y += signed() / STEPS;
      if (!(Math.abs(x) <= REACH && Math.abs(y) <= REACH)) return null;
      const share = head & 128 ? signed() / PRESSURES : 1;
      if (!(share >= 0 && share <= 2)) return null;
      points.push(head & 128 ? [x, y, share] : [x, y]);
    }
    strokes.push({ width, ...(head & 64 ? { erases: true } : {}), points });
  }
  return strokes;
}
