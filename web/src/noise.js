// Noise that a denoising model is to take away; the same at each visit.

const TAU = 2 * Math.PI;

/** Normal numbers, as many as were ever asked for. @type {Float32Array} */
let normals = new Float32Array();

/** Mulberry32 by T. Ettinger, in pairs through Box and Muller. @param {number} count */
function draw(count) {
  if (normals.length >= count) return;
  let state = 1;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
  normals = Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(TAU * uniform()),
  );
}

/** @param {Float32Array} x @param {number} sigma */
export function noisy(x, sigma) {
  draw(x.length);
  return x.map((value, i) => Math.min(1, Math.max(0, value + sigma * normals[i])));
}

/** How near an image is to the clean one (PSNR). @param {Float32Array} clean @param {Float32Array} image */
export function decibels(clean, image) {
  const squares = clean.reduce((sum, value, i) => sum + (image[i] - value) ** 2, 0);
  return `${(10 * Math.log10(clean.length / Math.max(squares, 1e-12))).toFixed(1)} dB`;
}
