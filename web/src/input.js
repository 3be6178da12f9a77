// Where the image comes from: a tab for each source, of which one is in view.

import { startCamera } from './camera.js';
import { byId } from './dom.js';
import { startDrawing } from './drawing.js';
import { filesOf } from './files.js';
import { startGrid } from './grid.js';
import { startPicture } from './picture.js';
import { showDoodles } from './samples.js';
import { keep, state, TABS } from './state.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {import('./strokes.js').Stroke} Stroke */
/**
 * What is to be judged. A drawing is ink; a picture may be anything.
 * @typedef {{kind: 'drawing' | 'picture', name: string, picture: ImageData}} Input
 */
/**
 * @typedef {object} Source
 * @property {() => Input | null} input
 * @property {() => void} [enter] its tab comes into view
 * @property {() => void} [leave]
 */
/** @typedef {import('./drawing.js').Drawing} Drawing */

const tabs = TABS.map((name) => ({
  name,
  tab: byId(`tab-${name}`, HTMLButtonElement),
  panel: byId(`panel-${name}`, HTMLElement),
}));

/** @type {(done: boolean) => void} */
let changed = () => {};
/** @type {(text: string) => void} */
let complain = () => {};
/** @param {string} name */
const changedIn = (name) => (/** @type {boolean} */ done) => {
  if (selected === name) changed(done);
};

let selected = '';
const drawing = startDrawing(changedIn('draw'));
const picture = startPicture((file) => onFile(file));
const grid = startGrid(changedIn('grid'));
const camera = startCamera(changedIn('camera'), (text) => {
  complain(text);
  select('picture');
});
/** @type {Record<string, Source>} */
const sources = { draw: drawing, picture, camera, grid };
/** @type {(file: File) => void} */
let onFile = () => {};

/** @returns {Input | null} */
export function currentInput() {
  return sources[selected].input();
}

/** @param {string} name */
export function select(name) {
  if (selected !== name) {
    if (selected) sources[selected].leave?.();
    selected = name;
    for (const each of tabs) {
      each.tab.ariaSelected = String(each.name === name);
      each.tab.tabIndex = each.name === name ? 0 : -1;
      each.panel.hidden = each.name !== name;
    }
    sources[name].enter?.();
    keep({ tab: name });
  }
  changed(true);
}

/** @param {File} file */
export async function openPicture(file) {
  try {
    if (await picture.open(file)) select('picture');
  } catch {
    complain(
      'That file is not a picture this browser can read. PNG, JPEG, WebP, GIF or SVG will do.',
    );
  }
}

/** @param {ImageData} image @param {string} name */
export function showPicture(image, name) {
  picture.show(image, name);
  select('picture');
}

/** @param {Stroke[]} strokes */
export function showDrawing(strokes) {
  drawing.show(strokes);
  select('draw');
}

/** What the address says was drawn. */
export function restoreInput() {
  const { tab, strokes, grid: cells } = state();
  drawing.restore(strokes);
  grid.restore(cells);
  select(tab);
}

/** Ink, paper and grid as a model takes them. @param {Model} model @param {boolean} ink it takes ink */
export function suitInput(model, ink) {
  drawing.setPaper(ink);
  grid.suit(model.info.shape, ink);
}

/**
 * @param {(done: boolean) => void} onChange
 * @param {(files: File[]) => void} onFiles any files that were dropped, pasted or chosen
 * @param {(text: string) => void} onComplaint
 */
export function startInput(onChange, onFiles, onComplaint) {
  changed = onChange;
  complain = onComplaint;
  onFile = (file) => onFiles([file]);
  tabs.forEach(({ name, tab }, i) => {
    tab.addEventListener('click', () => select(name));
    tab.addEventListener('keydown', ({ key }) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (!step) return;
      const next = tabs[(i + step + tabs.length) % tabs.length];
      select(next.name);
      next.tab.focus();
    });
  });
  const taken = async (/** @type {DataTransfer | null} */ data) => {
    const files = data ? await filesOf(data) : [];
    if (files.length) onFiles(files);
  };
  document.addEventListener('paste', ({ clipboardData }) => taken(clipboardData));
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    taken(event.dataTransfer);
  });
  showDoodles(showDrawing);
}
