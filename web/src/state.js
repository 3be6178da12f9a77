// What a visitor has chosen and drawn, which is also the page's address: one row a property.

import { embeddedName } from './embedded.js';
import { readStrokes, writeStrokes } from './strokes.js';

/** @typedef {import('./strokes.js').Stroke} Stroke */
/**
 * @typedef {object} State
 * @property {string} model a name of models.json
 * @property {number | null} alpha chosen by hand; null: the model's own
 * @property {string} tab where the image comes from
 * @property {Stroke[]} strokes on the pad
 * @property {string} grid the painted cells, as grid.js writes them
 * @property {string} view the id of the section that is in view; empty: the top
 */
/**
 * `read` gives undefined for what is no such value, which is then as if it were not there.
 * @template T
 * @typedef {{start: T, read: (text: string) => T | undefined, write: (value: T) => string}} Property
 */

export const FIRST = embeddedName || 'digits'; // the model of a first visit
export const OWN = 'own'; // a model of the visitor's, which no address can name
export const TABS = ['draw', 'picture', 'camera', 'grid'];

const LONGEST = 16000; // characters of an address that every browser and most chats pass on
const PAUSE = 300; // milliseconds between two addresses: browsers refuse a hundred a minute

/** @param {RegExp} pattern @param {string} start @returns {Property<string>} */
function word(pattern, start = '') {
  return {
    start,
    read: (text) => (pattern.test(text) ? text : undefined),
    write: encodeURIComponent,
  };
}

/** One in n, where that is what it is: "1/37"; else a decimal. @type {Property<number | null>} */
const share = {
  start: null,
  read(text) {
    const [, n] = /^1\/([1-9]\d{0,8})$/.exec(text) ?? [];
    const value = n ? 1 / Number(n) : /^0?\.\d{1,12}$/.test(text) ? Number(text) : 0;
    return value > 0 && value < 1 ? value : undefined;
  },
  write(value) {
    const n = Math.round(1 / (value ?? 1));
    return 1 / n === value ? `1/${n}` : (value ?? 1).toFixed(12).replace(/0+$/, '');
  },
};

/** @type {{[K in keyof State]: Property<State[K]>}} */
const TABLE = {
  model: word(/^.{1,100}$/, FIRST),
  alpha: share,
  tab: word(new RegExp(`^(${TABS.join('|')})$`), TABS[0]),
  strokes: { start: [], read: (text) => readStrokes(text) ?? undefined, write: writeStrokes },
  grid: word(/^[\w-]{1,1000}$/),
  view: word(/^[a-z][a-z-]{0,40}$/),
};
const NAMES = /** @type {(keyof State)[]} */ (Object.keys(TABLE));

/** @template {keyof State} K @param {K} name @param {URLSearchParams} given */
function read(name, given) {
  const text = given.get(name);
  return (text === null ? undefined : TABLE[name].read(text)) ?? TABLE[name].start;
}

/** What an address says; whatever it says wrongly is left out. @param {string} hash @returns {State} */
export function readState(hash) {
  // "+" is no blank here, and what cannot be decoded is no reason to fail.
  const given = new URLSearchParams(hash.replace(/^#/, '').replaceAll('+', '%2B'));
  const found = NAMES.map((name) => [name, read(name, given)]);
  return Object.fromEntries(found);
}

/** @template {keyof State} K @param {K} name @param {State} values */
function partOf(name, values) {
  const text = TABLE[name].write(values[name]);
  return text === TABLE[name].write(TABLE[name].start) ? '' : `${name}=${text}`;
}

/** The address of a state, without what is as it was at first. @param {State} values */
export function writeState(values) {
  const parts = NAMES.filter((name) => name !== 'model' || values.model !== OWN)
    .map((name) => partOf(name, values))
    .filter((part) => part !== '');
  let hash = '';
  // A drawing that is too long is left out, what comes behind it is not.
  for (const part of parts) if (hash.length + part.length < LONGEST) hash += `&${part}`;
  return hash.slice(1);
}

/** @type {State} */
const now = readState(typeof location === 'object' ? location.hash : '');
let timer = 0;
let written = Number.NEGATIVE_INFINITY; // when the address was

/** @returns {Readonly<State>} */
export const state = () => now;

/** The address of the page as it is now. */
export function link() {
  const hash = writeState(now);
  return location.href.replace(/#.*$/, '') + (hash && `#${hash}`);
}

function showAddress() {
  timer = 0;
  written = performance.now();
  if (link() !== location.href) history.replaceState(history.state, '', link());
}

/** Notes what has changed; the address follows, but not with every step. @param {Partial<State>} changes */
export function keep(changes) {
  Object.assign(now, changes);
  const wait = written + PAUSE - performance.now();
  if (wait <= 0 || changes.model) showAddress();
  else if (!timer) timer = window.setTimeout(showAddress, wait);
}

/** Calls back with the state of an address that was typed or clicked. @param {() => void} changed */
export function followAddress(changed) {
  window.addEventListener('hashchange', () => {
    Object.assign(now, readState(location.hash));
    changed();
  });
}
