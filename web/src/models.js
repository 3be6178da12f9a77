// The models the page offers, and those loaded so far.

import { load } from 'likeness';
import { embedded, embeddedName } from './embedded.js';
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
 * @property {readonly string[]} names of its classes
 * @property {import('./pixels.js').Shape} shape
 * @property {number} parameters
 * @property {number} bytes of its file
 * @property {number} gallery bytes; 0 when there is none
 * @property {boolean} report of its training is beside it
 * @property {string} [options] that it was trained with
 */
/** @typedef {{epoch: number, loss: number, validation_loss?: number, accuracy?: number,
 *             validation_accuracy?: number, seconds: number}} Epoch */
/** What X.report.json tells, as far as the page shows it.
 * @typedef {{weights_sha256: string, epochs: Epoch[], seconds: number, threads: number, simd: string,
 *            images_per_second: number}} Report */
/**
 * @typedef {object} Opened
 * @property {string} name
 * @property {Preparation} drawing how a drawing is prepared for it
 * @property {URL | ArrayBuffer} source the file it was opened from
 * @property {URL | ArrayBuffer} [gallery]
 * @property {Model} model
 */

const folder = new URL('models/', document.baseURI);
const KEPT = 4; // models that stay loaded: each has a memory of its own

/** @type {Map<string, Opened>} the most recently used last */
const loaded = new Map();
/** @type {Map<string, Promise<Opened>>} */
const loading = new Map();

/** @type {Promise<Listed[]> | null} */
let listed = null;

/** The models of this site, asked for once. */
export function listModels() {
  listed ??= fetchList();
  listed.catch(() => {
    listed = null;
  });
  return listed;
}

/** @returns {Promise<Listed[]>} */
async function fetchList() {
  if (embeddedName) {
    const { info } = (await openNamed(embeddedName)).model;
    return [{ ...info, name: embeddedName, bytes: 0, gallery: 0, report: false }];
  }
  return fetchJson(new URL('models.json', document.baseURI));
}

/** @param {URL} url */
async function fetchJson(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
}

/**
 * The report of a model's training, if it is of these very weights, and the options.
 * @param {Opened} opened
 * @returns {Promise<{report: Report | null, options?: string}>}
 */
export async function reportOf({ name, source, model }) {
  const entry = (await listModels()).find((each) => each.name === name);
  if (!entry?.report || !(source instanceof URL)) return { report: null };
  /** @type {Report} */
  const report = await fetchJson(placeOf(name, '.report.json'));
  if (report.weights_sha256 !== model.info.weights) return { report: null };
  return { report, options: entry.options };
}

/** Where a file of a model of this site, or of this page, is. @param {string} name @param {string} ending */
export function placeOf(name, ending) {
  if (name === embeddedName) return embedded(ending) ?? new URL('data:,');
  return new URL(`${encodeURIComponent(name)}${ending}`, folder);
}

/** @param {string} name @param {Model} model @param {URL | ArrayBuffer} source @returns {Opened} */
function opened(name, model, source) {
  return { name, source, model, drawing: drawingFor(model) };
}

/** Gives the memory of all but the last few back: when another has come into use, for one that has
 * only arrived may not be the one that is waited for, and until then the page goes on with the one before. */
export function keepFew() {
  for (const [name, { model }] of [...loaded].slice(0, -KEPT)) {
    loaded.delete(name);
    model.dispose();
  }
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
      const ending = '.gallery.safetensors';
      const gallery = name === embeddedName ? embedded(ending) : placeOf(name, ending);
      const arrived = { ...opened(name, model, source), gallery };
      loaded.set(name, arrived);
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
  const bytes = await file.arrayBuffer();
  const model = await load(bytes);
  if (/^\S+ > table /.test(model.info.arch)) {
    model.dispose();
    throw new Error('it judges rows of numbers or texts, not images');
  }
  return opened(file.name.replace(/\.safetensors$/, ''), model, bytes);
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
