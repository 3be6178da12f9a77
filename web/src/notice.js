// The one line that says what went wrong, above everything else.

import { LikenessError } from 'likeness';
import { byId, one } from './dom.js';

const notice = byId('notice', HTMLElement);

/** @param {string} text */
export function complain(text) {
  byId('notice-text', HTMLElement).textContent = text;
  notice.hidden = false;
}

export function dismiss() {
  notice.hidden = true;
}

/** @param {unknown} error */
export function messageOf(error) {
  if (!(error instanceof Error)) return String(error);
  const at =
    error instanceof LikenessError && error.offset !== null ? ` (byte ${error.offset})` : '';
  return error.message + at;
}

/** Why a model could not be opened, for those who can mend it: a headline and what to do. @param {unknown} error */
export function explain(error) {
  const message = messageOf(error);
  if (/unsafe-eval|content security policy/i.test(message))
    return [
      'WebAssembly is blocked here.',
      "The server's Content-Security-Policy has to say: script-src 'self' 'wasm-unsafe-eval'",
    ];
  if (/no WebAssembly SIMD/.test(message))
    return ['This browser cannot judge.', `${message[0].toUpperCase()}${message.slice(1)}.`];
  return ['The model could not be loaded.', message];
}

one('[data-action=dismiss]').addEventListener('click', dismiss);
