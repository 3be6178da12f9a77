// The models the page offers, and those loaded so far.

import { load } from 'likeness';

/** @typedef {import('likeness').Model} Model */
/** @typedef {import('likeness').Preparation} Preparation */
/**
 * What models.json, made when the site is built, says of a model.
 * @typedef {object} Listed
 * @property {string} name
 * @property {string} family
 * @property {string} title
 * @property {number} gallery bytes; 0 when there is none
 */
/**
 * @typedef {object} Opened
 * @property {string} name
 * @property {Preparation} drawing how a drawing is prepared for it
 * @property {URL} [gallery]
 * @property {Model} model
 */

const folder = new URL('models/', document.baseURI);
const KEPT = 4; // models that stay loaded: each has a memory of its own

/** @type {Map<string, Promise<Opened>>} the most recently used last */
const loaded = new Map();

/** The models of this site. @returns {Promise<Listed[]>} */
export async function listModels() {
  const response = await fetch(new URL('models.json', document.baseURI));
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
}

/** @param {string} name @param {Model} model @returns {Opened} */
function opened(name, model) {
  return { name, model, drawing: model.info.preparations.includes('ink') ? 'ink' : 'image' };
}

/** The model in use, and the last used, are not the first of the map. */
function forgetOldest() {
  if (loaded.size <= KEPT) return;
  const [name, oldest] = /** @type {[string, Promise<Opened>]} */ ([...loaded][0]);
  loaded.delete(name);
  oldest.then(({ model }) => model.dispose());
}

/**
 * The named model of this site, loaded once.
 * @param {string} name @param {import('likeness').LoadOptions} [options]
 */
export async function openNamed(name, options = {}) {
  const file = (/** @type {string} */ ending) =>
    new URL(`${encodeURIComponent(name)}${ending}`, folder);
  const wanted =
    loaded.get(name) ??
    load(file('.safetensors'), options).then((model) => ({
      ...opened(name, model),
      gallery: file('.gallery.safetensors'),
    }));
  loaded.delete(name);
  loaded.set(name, wanted);
  wanted.then(forgetOldest, () => loaded.delete(name)); // the next try starts anew
  return wanted;
}

/** @type {Opened | null} */
let own = null;

/** A file of the user's. @param {File} file */
export async function openFile(file) {
  return opened(file.name.replace(/\.safetensors$/, ''), await load(await file.arrayBuffer()));
}

/** Keeps the user's own model, in place of the one before. @param {Opened} taken */
export function keepOwn(taken) {
  own?.model.dispose();
  own = taken;
}

/** The user's own model again. */
export function ownModel() {
  if (!own) throw new Error('no model of yours is open');
  return own;
}
