// How an image is brought to a model, by the page and its workers alike.

/** @typedef {import('likeness').Preparation} Preparation */
/** @typedef {import('likeness').Model} Model */

/** How a drawing is prepared for a model. @param {Model} model @returns {Preparation} */
export function drawingFor({ info }) {
  return info.preparations.includes('ink') ? 'ink' : 'image';
}

/**
 * A picture of the model's own size is taken as it is, any other as a drawing.
 * @param {Model} model @param {'drawing' | 'picture'} kind
 * @param {{width: number, height: number}} picture @returns {Preparation}
 */
export function preparationFor(model, kind, { width, height }) {
  const { shape } = model.info;
  const own = kind === 'picture' && width === shape.width && height === shape.height;
  return own ? 'image' : drawingFor(model);
}
