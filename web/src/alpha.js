// The share of false alarms: the user's choice, or else the model's own.

import { byId } from './dom.js';
import { setAlpha } from './gauge.js';

/** @typedef {import('likeness').Model} Model */

const own = byId('alpha-own', HTMLLabelElement);
const ownRadio = byId('alpha-own-value', HTMLInputElement);
const ownSays = byId('alpha-own-says', HTMLElement);
const radios = [...document.querySelectorAll('[name=alpha]')].map(
  (radio) => /** @type {HTMLInputElement} */ (radio),
);
let isChosen = false; // by hand

/** The share in force. */
export function currentAlpha() {
  return Number(radios.find(({ checked }) => checked)?.value);
}

/** Offers the model's own share, which is in force until another is chosen. @param {Model} model */
export function suitAlpha({ info: { alpha } }) {
  const offered = radios.find((radio) => radio !== ownRadio && Number(radio.value) === alpha);
  if (ownRadio.checked) isChosen = false;
  own.hidden = offered !== undefined;
  ownRadio.value = offered ? '' : String(alpha);
  ownSays.textContent = offered ? '' : String(Number((1 / alpha).toPrecision(3)));
  if (!isChosen) (offered ?? ownRadio).checked = true;
  setAlpha(currentAlpha());
}

/** @param {() => void} changed */
export function startAlpha(changed) {
  for (const radio of radios)
    radio.addEventListener('change', () => {
      isChosen = true;
      setAlpha(currentAlpha());
      changed();
    });
}
