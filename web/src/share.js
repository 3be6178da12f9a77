// What is taken along: a link to what is shown, its verdict as JSON, its pictures as PNG.

import { byId, context, make, one } from './dom.js';
import { jsonOf, rowOf } from './records.js';
import { link } from './state.js';

/** @typedef {import('likeness').Model} Model */
/** What the page shows. @typedef {{model: Model, name: string, picture: ImageData, x: Float32Array,
 *   result: import('likeness').Result | null}} Shown */

const TOLD = 2500; // milliseconds
const SIDE = 280; // of each picture of the strip
const GAP = 20;
const says = byId('keep-says', HTMLElement);

/** @param {HTMLElement} button @param {string} text what has happened, for a moment in its place */
export function tell(button, text) {
  const before = button.dataset.text ?? button.textContent ?? '';
  button.dataset.text = before;
  button.textContent = says.textContent = text;
  setTimeout(() => {
    button.textContent = before;
  }, TOLD);
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

/** @param {string} name @param {string} type @param {BlobPart[]} parts */
export function save(name, type, parts) {
  const href = URL.createObjectURL(new Blob(parts, { type }));
  make('a', { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000); // the browser may still be asking where to
}

/** The image as it came, as the model sees it, as it redraws it, and the difference, in a row. @param {Shown} shown */
function strip({ picture }) {
  const { width, height } = picture;
  const first = make('canvas', { width, height });
  context(first).putImageData(picture, 0, 0);
  const figures = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('#figures figure')]);
  const canvases = figures
    .filter((figure) => !figure.hidden)
    .flatMap((figure) => figure.querySelector('canvas') ?? []);
  const all = [first, ...canvases];
  const canvas = make('canvas', { width: all.length * (SIDE + GAP) + GAP, height: SIDE + 2 * GAP });
  const ink = context(canvas);
  ink.fillStyle = '#fff';
  ink.fillRect(0, 0, canvas.width, canvas.height);
  all.forEach((each, i) => {
    const scale = SIDE / Math.max(each.width, each.height);
    const [w, h] = [each.width * scale, each.height * scale];
    ink.imageSmoothingEnabled = each.width > SIDE;
    ink.drawImage(each, GAP + i * (SIDE + GAP) + (SIDE - w) / 2, GAP + (SIDE - h) / 2, w, h);
  });
  return canvas;
}

const [copyLink, saveJson, savePng] = ['copy-link', 'save-json', 'save-png'].map(
  (name) => /** @type {HTMLButtonElement} */ (one(`[data-action=${name}]`)),
);

/** Only what is there can be saved. @param {Shown | null} shown */
export function offerToSave(shown) {
  saveJson.disabled = !shown?.result;
  savePng.disabled = !shown;
}

/** @param {() => Shown | null} shown */
export function startSharing(shown) {
  copyLink.addEventListener('click', () => copy(copyLink, link(), 'Link copied'));
  saveJson.addEventListener('click', () => {
    const now = shown();
    if (!now?.result) return;
    const shares = now.model.info.classes ? now.model.classify(now.x) : null;
    save('verdict.json', 'application/json', [jsonOf([rowOf(now.name, now.result, shares)])]);
  });
  savePng.addEventListener('click', () => {
    const now = shown();
    if (!now) return;
    strip(now).toBlob((blob) => blob && save('likeness.png', 'image/png', [blob]), 'image/png');
  });
}
