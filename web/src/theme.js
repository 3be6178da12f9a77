// Light, dark, or as the system has it: an attribute of the root, which the style sheet goes by.

import { one } from './dom.js';

const THEMES = ['system', 'light', 'dark'];
const KEY = 'likeness-theme';
const root = document.documentElement;
/** @type {(() => void)[]} */
const listeners = [];

/** Storage can be forbidden, which is no reason to fail. */
function remembered() {
  try {
    return localStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

/** Calls back when colours have changed, for what is painted with them. @param {() => void} listener */
export function whenThemed(listener) {
  listeners.push(listener);
}

/** @param {string} theme */
function show(theme) {
  const known = THEMES.includes(theme) ? theme : THEMES[0];
  root.dataset.theme = known;
  const button = one('[data-action=theme]');
  button.ariaLabel = button.title = `Theme: ${known}`;
  for (const listener of listeners) listener();
}

export function startTheme() {
  show(remembered());
  one('[data-action=theme]').addEventListener('click', () => {
    const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? '') + 1) % THEMES.length];
    show(next);
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // It holds until the page is left.
    }
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const listener of listeners) listener();
  });
}
