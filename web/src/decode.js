// Files to pixels, on the page and in its workers alike.

const MAX_SIDE = 1024; // a photograph is shrunk to this first, so that nothing waits for its preparation

/** @typedef {OffscreenCanvasRenderingContext2D} Ink */

/**
 * @param {CanvasImageSource} image @param {number} width @param {number} height
 */
export function pixelsOf(image, width, height) {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const ink = /** @type {Ink} */ (
    new OffscreenCanvas(w, h).getContext('2d', { willReadFrequently: true })
  );
  ink.imageSmoothingQuality = 'high';
  ink.drawImage(image, 0, 0, w, h);
  return ink.getImageData(0, 0, w, h);
}

/** An SVG file, which only a page can decode. @param {Blob} blob */
async function decodeVector(blob) {
  const image = new Image();
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
    return pixelsOf(image, image.naturalWidth, image.naturalHeight);
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** Decodes a picture, shrinking a big one. @param {Blob} blob */
export async function decode(blob) {
  if (blob.type.startsWith('image/svg') && 'Image' in globalThis) return decodeVector(blob);
  // Values as the file has them, for the model has learnt from such: of a profile (telephones have
  // their own) the program knows nothing.
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none' });
  try {
    return pixelsOf(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}
