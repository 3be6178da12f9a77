// The choice of a model: a list by what the images are.

import { byId, make } from './dom.js';
import { familyWords, nounsOf } from './labels.js';
import { OWN } from './state.js';

/** @typedef {import('./models.js').Listed} Listed */

const select = byId('model', HTMLSelectElement);

/** @param {string} text */
const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** @param {string} title @param {string} [id] */
function groupOf(title, id = '') {
  const group = make('optgroup', { label: capital(title), id });
  select.append(group);
  return group;
}

/** @param {Listed[]} models in the order in which they are to stand */
export function offerModels(models) {
  const chosen = select.value;
  select.replaceChildren();
  /** @type {Map<string, HTMLOptGroupElement>} */
  const groups = new Map();
  for (const { name, title, family } of models) {
    const { many } = nounsOf(title);
    const group = groups.get(many) ?? groupOf(many);
    groups.set(many, group);
    const text = `${capital(many)} · ${familyWords(family)}`;
    group.append(make('option', { value: name, textContent: text }));
  }
  if (models.some(({ name }) => name === chosen)) select.value = chosen;
}

/** Shows a model as chosen. @param {string} value */
export function showChoice(value) {
  select.value = value;
}

/** The user's own model joins the list. @param {string} name */
export function offerOwn(name) {
  const group = document.getElementById('own-models') ?? groupOf('yours', 'own-models');
  group.replaceChildren(make('option', { value: OWN, textContent: name }));
}

/** @param {(name: string) => void} choose */
export function startPicker(choose) {
  select.addEventListener('change', () => choose(select.value));
}
