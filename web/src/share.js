// What is taken along: a link to what is shown.

import { byId, one } from './dom.js';
import { link } from './state.js';

const says = byId('keep-says', HTMLElement);
const SHOWN = 2500; // milliseconds

/** @param {HTMLElement} button @param {string} text what has happened, for a moment in its place */
export function tell(button, text) {
  const before = button.dataset.text ?? button.textContent ?? '';
  button.dataset.text = before;
  button.textContent = says.textContent = text;
  setTimeout(() => {
    button.textContent = before;
  }, SHOWN);
}

/** @param {HTMLElement} button @param {string} text @param {string} done */
export async function copy(button, text, done) {
  try {
    await navigator.clipboard.writeText(text);
    tell(button, done);
  } catch {
    tell(button, 'Cannot be copied here');
  }
}

export function startSharing() {
  const copyLink = one('[data-action=copy-link]');
  copyLink.addEventListener('click', () => copy(copyLink, link(), 'Link copied'));
}
