// What the model made of the image: its input, its reconstruction, and the known images nearest.

import { CodeSliders } from './code.js';
import { byId, make } from './dom.js';
import { labelName } from './labels.js';
import { NearList } from './nearlist.js';
import { decibels, noisy } from './noise.js';
import { paintDifference, paintImage, paintNothing } from './pixels.js';

/** @typedef {import('likeness').Model} Model */

const [seen, redrawn, error] = ['seen', 'redrawn', 'error'].map((id) =>
  byId(id, HTMLCanvasElement),
);
const figures = byId('figures', HTMLElement);
const nothing = byId('makes-nothing', HTMLElement);
const near = new NearList(byId('neighbours', HTMLElement));
const hint = byId('neighbours-hint', HTMLElement);
const size = byId('gallery-size', HTMLElement);
const noiseBox = byId('noise-box', HTMLElement);
const noise = byId('noise', HTMLInputElement);
const noiseSays = byId('noise-says', HTMLElement);
const words = byId('words', HTMLElement);
const wordsOf = byId('words-of', HTMLElement);
const labelBox = byId('label-box', HTMLElement);
const label = byId('label', HTMLSelectElement);
const sliders = new CodeSliders((z) => showMade(z));

/** What is shown. @type {{model: Model, x: Float32Array} | null} */
let now = null;
let lacking = ''; // why there will be no neighbours

/** Shows the figures and controls that a model has. @param {Model} model */
export function suitInsight(model) {
  const { output, arch, labels, classes, codes, codebook } = model.info;
  lacking = '';
  for (const figure of figures.querySelectorAll('.made'))
    figure.toggleAttribute('hidden', output !== 'image');
  nothing.hidden = output !== 'code';
  figures.dataset.output = output;
  noiseBox.hidden = !/> (noise|mask|salt) /.test(arch) || output !== 'image';
  noise.value = '0';
  byId('words-box', HTMLElement).hidden = codes === 0;
  wordsOf.textContent = `${codes} words of its vocabulary of ${codebook}`;
  labelBox.hidden = labels === 0 || output !== 'image';
  label.replaceChildren(
    make('option', { value: '', textContent: 'no class in particular' }),
    ...Array.from({ length: labels }, (_, i) =>
      make('option', { value: String(i), textContent: labelName(model.info, i) }),
    ),
  );
  figures.toggleAttribute('data-classes', classes > 0);
  sliders.suit(model);
}

/** @param {Model} model @param {Float32Array} x */
export function showInsight(model, x) {
  now = { model, x };
  show();
}

function options() {
  return label.value === '' || labelBox.hidden ? {} : { label: Number(label.value) };
}

function show() {
  if (!now) return;
  const { model, x } = now;
  const { shape, output } = model.info;
  const sigma = noiseBox.hidden ? 0 : noise.valueAsNumber;
  const given = sigma > 0 ? noisy(x, sigma) : x;
  paintImage(seen, given, shape);
  showWords(model, given);
  if (output !== 'image') return;
  const { z, image } = model.reconstruct(given, options());
  paintImage(redrawn, image, shape);
  paintDifference(error, x, image, shape);
  sliders.show(z);
  noiseSays.textContent =
    sigma > 0 ? `${sigma.toFixed(2)}: ${decibels(x, given)} in, ${decibels(x, image)} out` : 'none';
}

/** The code of a model with a codebook, where it lies. @param {Model} model @param {Float32Array} x */
function showWords(model, x) {
  const { codes, codebook } = model.info;
  if (!codes) return;
  words.style.setProperty('--side', String(Math.ceil(Math.sqrt(codes))));
  words.replaceChildren(
    ...[...model.codes(x)].map((word) => {
      const cell = make('li', {}, String(word));
      cell.style.setProperty('--hue', String(Math.round((360 * word) / codebook)));
      return cell;
    }),
  );
}

/** The image of a code that was changed by hand. @param {Float32Array} z */
function showMade(z) {
  if (!now) return;
  const { model, x } = now;
  const image = model.decode(z, options());
  paintImage(redrawn, image, model.info.shape);
  paintDifference(error, x, image, model.info.shape);
}

for (const control of [noise, label]) control.addEventListener('input', show);

/** @param {Model | null} model */
export function showNoInsight(model) {
  now = null;
  for (const canvas of [seen, redrawn, error]) paintNothing(canvas);
  sliders.show(null);
  words.replaceChildren();
  noiseSays.textContent = '';
  showNeighbours(model, null);
}

/** @param {Model | null} model @param {Float32Array | null} x */
export function showNeighbours(model, x) {
  const count = model?.gallerySize ?? 0;
  size.textContent = count ? count.toLocaleString('en') : 'the';
  hint.textContent = count ? '' : lacking || (x ? 'They are on their way.' : '');
  if (model && x && count) near.show(model.neighbours(x), model);
  else near.clear();
}

/** @param {string} text why there are none, for as long as this model is shown */
export function neighboursUnavailable(text) {
  lacking = text;
  hint.textContent = text;
}
