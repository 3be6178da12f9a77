// The opinion of a classifier of the same images, beside the verdict. It is loaded once there is a
// verdict and asked when the pen rests, both in the worker, so that no verdict waits for it; and it is
// asked whatever the verdict, for it will be sure of anything.

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
/** The one that was asked last. @type {import('./lab.js').Studied & {names: readonly string[]} | null} */
let known = null;
let timer = 0;
let turn = 0; // of the image that is to be asked about

/** @param {Promise<Listed[]>} models those of this site */
export function offerClassifiers(models) {
  listed = models;
}

/** A classifier of such images, if there is one. @param {string} title */
async function find(title) {
  const { many } = nounsOf(title);
  const models = await listed.catch(() => []);
  const found = models.find(
    (each) => each.output === 'classes' && nounsOf(each.title).many === many,
  );
  if (found && known?.name !== found.name)
    known = {
      name: found.name,
      names: found.names,
      source: placeOf(found.name, '.safetensors'),
    };
  return found ? known : null;
}

/**
 * @param {Model} judge whose verdict it is @param {ImageData} picture
 * @param {import('likeness').Preparation} preparation @param {boolean} unusual it is none of them
 */
async function ask(judge, picture, preparation, unusual) {
  const now = turn;
  const { title } = judge.info;
  const classifier = await find(title);
  if (!classifier || now !== turn) return;
  const { ask: askWorker } = await import('./lab.js');
  const { best, share } = await askWorker('opinion', classifier, { picture, preparation });
  if (now !== turn) return;
  const said = `${labelName(classifier, best)}, ${percentOf(share)}`;
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
  timer = window.setTimeout(() => {
    ask(judge, ...rest).catch(() => {
      known = null; // the next image tries anew
      hideClassifier();
    });
  }, REST);
}
