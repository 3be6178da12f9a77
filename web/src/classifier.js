// The opinion of a classifier of the same images, beside the verdict. It is loaded once there is a
// verdict and asked when the pen rests, so that no verdict waits for it; and it is asked whatever the
// verdict, for it will be sure of anything.

import { load } from 'likeness';
import { byId } from './dom.js';
import { labelName, nounsOf } from './labels.js';
import { placeOf } from './models.js';
import { percentOf } from './opinion.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {import('./models.js').Listed} Listed */

const REST = 100; // milliseconds without a new drawing
const sentence = byId('classifier-says', HTMLElement);

/** @type {Promise<Listed[]>} */
let listed = Promise.resolve([]);
/** The one that is loaded, or is on its way. @type {{name: string, model: Promise<Model>} | null} */
let known = null;
let timer = 0;
let turn = 0; // of the image that is to be asked about

/** @param {Promise<Listed[]>} models those of this site */
export function offerClassifiers(models) {
  listed = models;
}

/** The name of a classifier of such images, if there is one. @param {string} title */
async function find(title) {
  const { many } = nounsOf(title);
  const models = await listed.catch(() => []);
  return models.find((each) => each.output === 'classes' && nounsOf(each.title).many === many)
    ?.name;
}

/** @param {string} name */
function open(name) {
  if (known?.name === name) return known.model;
  known?.model.then((model) => model.dispose()).catch(() => {});
  const model = load(placeOf(name, '.safetensors'));
  known = { name, model };
  model.catch(() => {
    if (known?.model === model) known = null; // the next image tries anew
  });
  return model;
}

/**
 * @param {Model} judge whose verdict it is @param {ImageData} picture
 * @param {import('likeness').Preparation} preparation @param {boolean} unusual it is none of them
 */
async function ask(judge, picture, preparation, unusual) {
  const now = turn;
  const { title } = judge.info;
  const name = await find(title);
  const model = name && now === turn ? await open(name) : null;
  if (!model || now !== turn) return;
  const shares = model.classify(model.prepare(picture, { preparation }).x);
  const best = shares.indexOf(Math.max(...shares));
  const said = `${labelName(model.info.title, best)}, ${percentOf(shares[best])}`;
  sentence.textContent = unusual
    ? `A classifier, which has to choose, says ${said}.`
    : `A classifier says ${said}.`;
  sentence.hidden = false;
}

/** Nothing is to be asked. */
export function hideClassifier() {
  clearTimeout(timer);
  turn++;
  sentence.hidden = true;
}

/** Asks when there is time, unless the model is a classifier itself. @type {typeof ask} */
export async function askClassifier(judge, ...rest) {
  clearTimeout(timer);
  turn++;
  if (judge.info.classes > 0) return hideClassifier();
  timer = window.setTimeout(() => ask(judge, ...rest).catch(hideClassifier), REST);
}
