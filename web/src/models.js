// The models the page offers, and those loaded so far.

import { load } from 'likeness';
import { drawingFor } from './preparation.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {import('likeness').Preparation} Preparation */
/**
 * What models.json, made when the site is built, says of a model.
 * @typedef {object} Listed
 * @property {string} name
 * @property {string} family
 * @property {string} title
 * @property {string} arch
 * @property {import('likeness').Output} output
 * @property {number} gallery bytes; 0 when there is none
 */
/**
 * @typedef {object} Opened
 * @property {string} name
 * @property {Preparation} drawing how a drawing is prepared for it
 * @property {URL} [gallery]
 * @property {URL | File} source of its bytes
 * @property {Model} model
 */

const folder = new URL('models/', document.baseURI);
const KEPT = 4; // models that stay loaded: each has a memory of its own

/** @type {Map<string, Opened>} the most recently used last */
const loaded = new Map();
/** @type {Map<string, Promise<Opened>>} */
const loading = new Map();

/** The models of this site. @returns {Promise<Listed[]>} */
export async function listModels() {
  const response = await fetch(new URL('models.json', document.baseURI));
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
}

/** Where a file of a model of this site is. @param {string} name @param {string} ending */
export function placeOf(name, ending) {
  return new URL(`${encodeURIComponent(name)}${ending}`, folder);
}

/** @param {string} name @param {URL | File} source @param {Model} model @returns {Opened} */
function opened(name, source, model) {
  return { name, source, model, drawing: drawingFor(model) };
}

/** Only what has arrived counts: until then the page goes on with the model before. */
function keep(/** @type {Opened} */ model) {
  loaded.set(model.name, model);
  if (loaded.size <= KEPT) return;
  const [[name, oldest]] = loaded;
  loaded.delete(name);
  oldest.model.dispose();
}

/**
 * The named model of this site, loaded once.
 * @param {string} name @param {import('likeness').LoadOptions} [options]
 * @returns {Promise<Opened>}
 */
export async function openNamed(name, options = {}) {
  const known = loaded.get(name);
  if (known) {
    loaded.delete(name);
    loaded.set(name, known);
    return known;
  }
  const source = placeOf(name, '.safetensors');
  const wanted =
    loading.get(name) ??
    load(source, options).then((model) => {
      const gallery = placeOf(name, '.gallery.safetensors');
      const arrived = { ...opened(name, source, model), gallery };
      keep(arrived);
      return arrived;
    });
  loading.set(name, wanted);
  const done = () => loading.delete(name); // when it failed, the next try starts anew
  wanted.then(done, done);
  return wanted;
}

/** @type {Opened | null} */
let own = null;

/** A file of the user's. @param {File} file */
export async function openFile(file) {
  const model = await load(await file.arrayBuffer());
  return opened(file.name.replace(/\.safetensors$/, ''), file, model);
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
