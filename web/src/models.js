// The models the page offers, and those loaded so far.

import { load } from 'likeness';

/** @typedef {import('likeness').Model} Model */
/** @typedef {import('likeness').Preparation} Preparation */
/**
 * @typedef {object} Offer
 * @property {string} name
 * @property {Preparation} drawing how a drawing is prepared for it
 * @property {URL} [gallery]
 * @property {Promise<Model>} [model]
 */

const folder = new URL('models/', document.baseURI);

/** @type {Map<string, Offer>} */
const offers = new Map([offer('digits', 'ink'), offer('fashion', 'image')]);

/** @param {string} name @param {Preparation} drawing @returns {[string, Offer]} */
function offer(name, drawing) {
  return [name, { name, drawing, gallery: new URL(`${name}.gallery.safetensors`, folder) }];
}

/**
 * The named model, loaded once.
 * @param {string} name @param {import('likeness').LoadOptions} [options]
 */
export async function openOffer(name, options = {}) {
  const wanted = offers.get(name);
  if (!wanted) throw new Error(`no model is called ${name}`);
  wanted.model ??= load(new URL(`${name}.safetensors`, folder), options);
  wanted.model.catch(() => {
    wanted.model = undefined; // the next try starts anew
  });
  return { offer: wanted, model: await wanted.model };
}

/** The user's own model, in place of the one before. @param {File} file */
export async function openOwn(file) {
  const model = await load(await file.arrayBuffer());
  const name = file.name.replace(/\.safetensors$/, '');
  /** @type {Preparation} */
  const drawing = model.info.preparations.includes('ink') ? 'ink' : 'image';
  /** @type {Offer} */
  const own = { name, drawing, model: Promise.resolve(model) };
  const before = offers.get('own');
  offers.set('own', own);
  before?.model?.then((old) => old.dispose());
  return { offer: own, model };
}
