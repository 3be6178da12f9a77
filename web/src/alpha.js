// The share of false alarms: the visitor's choice, or else the model's own.

import { byId } from './dom.js';
import { setAlpha, startThreshold } from './gauge.js';
import { keep, state } from './state.js';

/** @typedef {import('likeness').Model} Model */

const own = byId('alpha-own', HTMLLabelElement);
const ownRadio = byId('alpha-own-value', HTMLInputElement);
const ownSays = byId('alpha-own-says', HTMLElement);
const radios = [...document.querySelectorAll('[name=alpha]')].map(
  (radio) => /** @type {HTMLInputElement} */ (radio),
);
let modelsOwn = 0.01;

/** The share in force. */
export function currentAlpha() {
  return state().alpha ?? modelsOwn;
}

/** The threshold stands at the share in force, and so does the choice that has it, if one has. */
function show() {
  const alpha = currentAlpha();
  for (const radio of radios) radio.checked = radio.value !== '' && Number(radio.value) === alpha;
  setAlpha(alpha);
}

/** Offers the model's own share, which is in force until another is chosen. @param {Model} model */
export function suitAlpha({ info: { alpha } }) {
  modelsOwn = alpha;
  const offered = radios.some((radio) => radio !== ownRadio && Number(radio.value) === alpha);
  own.hidden = offered;
  ownRadio.value = offered ? '' : String(alpha);
  ownSays.textContent = offered ? '' : String(Number((1 / alpha).toPrecision(3)));
  show();
}

/** @param {() => void} changed */
export function startAlpha(changed) {
  const choose = (/** @type {number | null} */ alpha) => {
    keep({ alpha });
    show();
    changed();
  };
  startThreshold(choose);
  for (const radio of radios)
    radio.addEventListener('change', () => choose(radio === ownRadio ? null : Number(radio.value)));
}
