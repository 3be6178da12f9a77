// What a classifier says of the image: one sentence, and the probability of each class.

import { byId, make } from './dom.js';
import { labelName } from './labels.js';

/** @typedef {import('likeness').Model} Model */

const MOST = 10; // classes shown
const box = byId('opinion', HTMLElement);
const list = byId('classes', HTMLElement);
const sentence = byId('says', HTMLElement);

/** "99.9 %" in one piece, and "100 %" never. @param {number} share */
export function percentOf(share) {
  return share > 0.999 ? 'over\u00a099.9\u00a0%' : `${(100 * share).toFixed(1)}\u00a0%`;
}

/** @param {Model} model @param {Float32Array | null} x @param {boolean} [unusual] it is none of them */
export function showOpinion(model, x, unusual = false) {
  const { classes } = model.info;
  box.hidden = sentence.hidden = classes === 0;
  if (classes === 0) return;
  const shares = x ? model.classify(x) : new Float32Array(classes);
  const order = [...shares.keys()].sort((a, b) => shares[b] - shares[a]);
  const shown = classes > MOST ? order.slice(0, MOST) : [...shares.keys()];
  list.replaceChildren(
    ...shown.map((label) =>
      row(labelName(model.info, label), x ? shares[label] : null, label === order[0]),
    ),
  );
  const said = `${labelName(model.info, order[0])}, ${percentOf(shares[order[0]])}`;
  sentence.textContent = !x
    ? ''
    : unusual
      ? `Asked all the same, the network says ${said}.`
      : `The network says ${said}.`;
}

/** @param {string} name @param {number | null} share @param {boolean} best */
function row(name, share, best) {
  const fill = make('i');
  fill.style.width = `${100 * (share ?? 0)}%`;
  const item = make(
    'li',
    {},
    make('span', { className: 'name' }, name),
    make('span', { className: 'bar' }, fill),
    make('span', { className: 'share' }, share === null ? '' : percentOf(share)),
  );
  if (best && share !== null) item.dataset.best = '';
  return item;
}
