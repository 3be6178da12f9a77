// Where the image comes from: the pad, a picture that was dropped, pasted or chosen, or a sample.

import { byId, context, make, one } from './dom.js';
import { doodles } from './doodles.js';
import { labelName } from './labels.js';
import { Pad } from './pad.js';
import { thumbnail } from './pixels.js';

/** @typedef {import('likeness').Model} Model */
/**
 * What is to be judged. A drawing is ink; a picture may be anything.
 * @typedef {{kind: 'drawing' | 'picture', picture: ImageData}} Input
 */

const MAX_SIDE = 1024; // a photograph is shrunk to this: more shows nothing in 28 x 28 pixels
const SAMPLES = 10;

const paper = byId('paper', HTMLElement);
const shown = byId('picture', HTMLCanvasElement);
const hint = byId('drop-hint', HTMLElement);
const tabs = ['draw', 'picture'].map((name) => ({
  tab: byId(`tab-${name}`, HTMLButtonElement),
  panel: byId(`panel-${name}`, HTMLElement),
}));
const undo = /** @type {HTMLButtonElement} */ (one('[data-action=undo]'));
const clear = /** @type {HTMLButtonElement} */ (one('[data-action=clear]'));

/** @type {ImageData | null} */
let chosen = null;
let selected = 0;
let onBlack = false;
/** @type {(done: boolean) => void} */
let changed = () => {};

const pad = new Pad(byId('pad', HTMLCanvasElement), (done) => {
  paper.toggleAttribute('data-empty', pad.empty);
  undo.disabled = clear.disabled = pad.empty;
  changed(done);
});

/** @returns {Input | null} */
export function currentInput() {
  if (selected === 0) return pad.empty ? null : { kind: 'drawing', picture: pad.picture(onBlack) };
  return chosen ? { kind: 'picture', picture: chosen } : null;
}

/** @param {number} which */
function select(which) {
  selected = which;
  tabs.forEach(({ tab, panel }, i) => {
    tab.ariaSelected = String(i === which);
    tab.tabIndex = i === which ? 0 : -1;
    panel.hidden = i !== which;
  });
  changed(true);
}

/** @param {ImageData} picture */
function showPicture(picture) {
  chosen = picture;
  shown.width = picture.width;
  shown.height = picture.height;
  context(shown).putImageData(picture, 0, 0);
  // Pixel art is shown as pixels, a photograph smoothly.
  shown.classList.toggle('pixels', Math.max(picture.width, picture.height) <= 128);
  shown.hidden = false;
  hint.hidden = true;
  select(1);
}

/**
 * Decodes a picture, shrinking a big one.
 * @param {Blob} blob
 */
export async function decode(blob) {
  const image = new Image(); // reads SVG as well, which createImageBitmap does not
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
    const scale = Math.min(1, MAX_SIDE / Math.max(image.naturalWidth, image.naturalHeight));
    const width = Math.max(1, Math.round(image.naturalWidth * scale));
    const height = Math.max(1, Math.round(image.naturalHeight * scale));
    const ink = context(make('canvas', { width, height }));
    ink.imageSmoothingQuality = 'high';
    ink.drawImage(image, 0, 0, width, height);
    return ink.getImageData(0, 0, width, height);
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** @param {Blob} blob @param {(text: string) => void} complain */
export async function openPicture(blob, complain) {
  try {
    showPicture(await decode(blob));
  } catch {
    complain(
      'That file is not a picture this browser can read. PNG, JPEG, WebP, GIF or SVG will do.',
    );
  }
}

/**
 * Ink is dark on light paper, and light in the dark; a model that takes pictures as they are gets
 * light ink on black, as its own images are.
 * @param {boolean} ink
 */
export function setPaper(ink) {
  onBlack = !ink;
  paper.dataset.ground = ink ? 'paper' : 'black';
  pad.redraw();
}

/** @param {Uint8Array} bytes @param {import('./pixels.js').Shape} shape */
function pictureOf(bytes, { channels, height, width }) {
  const picture = new ImageData(width, height);
  const plane = width * height;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++)
      picture.data[4 * i + c] = bytes[i + (channels === 3 ? c : 0) * plane];
    picture.data[4 * i + 3] = 255;
  }
  return picture;
}

/** One image of each label from the gallery, as buttons. @param {Model | null} model */
export function showSamples(model) {
  const list = byId('samples', HTMLElement);
  list.replaceChildren();
  if (!model) return;
  const { shape, title } = model.info;
  /** @type {Map<number, ReturnType<Model['galleryImage']>>} */
  const first = new Map();
  for (let i = 0; i < model.gallerySize && first.size < SAMPLES; i++) {
    const image = model.galleryImage(i);
    if (!first.has(image.label ?? i)) first.set(image.label ?? i, image);
  }
  const ordered = [...first].sort(([a], [b]) => a - b);
  for (const [, image] of ordered) {
    const name = labelName(title, image.label) || `training image ${image.origin}`;
    const button = make('button', { type: 'button', className: 'sample', title: name });
    button.append(thumbnail(image.thumbnail, shape, name));
    button.addEventListener('click', () => showPicture(pictureOf(image.thumbnail, shape)));
    list.append(make('li', {}, button));
  }
}

function showDoodles() {
  const list = byId('doodles', HTMLElement);
  for (const { name, strokes } of doodles()) {
    const line = strokes
      .map(({ points }) => `M${points.map((p) => p.join(' ')).join('L')}`)
      .join('');
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 280 280');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', name);
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', line);
    svg.append(path);
    const button = make('button', { type: 'button', className: 'sample', title: name }, svg);
    button.addEventListener('click', () => {
      select(0);
      pad.show(doodles().find((doodle) => doodle.name === name)?.strokes ?? strokes);
    });
    list.append(make('li', {}, button));
  }
}

/**
 * @param {(done: boolean) => void} onChange
 * @param {(file: File) => void} onFile any file that was dropped, pasted or chosen
 */
export function startInput(onChange, onFile) {
  changed = onChange;
  const file = byId('picture-file', HTMLInputElement);
  const pen = byId('pen', HTMLInputElement);
  tabs.forEach(({ tab }, i) => {
    tab.addEventListener('click', () => select(i));
    tab.addEventListener('keydown', ({ key }) => {
      if (key !== 'ArrowLeft' && key !== 'ArrowRight') return;
      select(1 - i);
      tabs[1 - i].tab.focus();
    });
  });
  undo.addEventListener('click', () => pad.undo());
  clear.addEventListener('click', () => pad.show([]));
  pen.addEventListener('input', () => {
    pad.penWidth = pen.valueAsNumber;
  });
  one('[data-action=choose]').addEventListener('click', () => file.click());
  file.addEventListener('change', () => {
    if (file.files?.[0]) onFile(file.files[0]);
    file.value = ''; // the same file may be chosen again
  });
  document.addEventListener('paste', ({ clipboardData }) => {
    if (clipboardData?.files[0]) onFile(clipboardData.files[0]);
  });
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    if (event.dataTransfer?.files[0]) onFile(event.dataTransfer.files[0]);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'z' && (event.ctrlKey || event.metaKey) && !pad.empty && selected === 0) {
      event.preventDefault();
      pad.undo();
    }
  });
  showDoodles();
}
