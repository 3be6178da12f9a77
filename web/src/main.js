// The page: an image comes in, the model judges it, the panels show what it found.

import { LikenessError } from 'likeness';
import { byId, one } from './dom.js';
import { setAlpha, setCalibration, showScore } from './gauge.js';
import { currentInput, openPicture, setPaper, showSamples, startInput } from './input.js';
import { neighboursUnavailable, showInsight, showNeighbours, showNoInsight } from './insight.js';
import { openOffer, openOwn } from './models.js';
import { hideLoading, showEmpty, showFailure, showLoading, showVerdict } from './verdict.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {import('likeness').Preparation} Preparation */
/** @typedef {import('likeness').Result} Result */
/** @typedef {import('./models.js').Offer} Offer */
/** @typedef {import('./input.js').Input} Input */
/**
 * What `window.likeness.state` tells.
 * @typedef {object} Snapshot
 * @property {string | null} model
 * @property {number} alpha
 * @property {number} gallery images in it
 * @property {Result | null} result
 * @property {number | null} milliseconds median time of a verdict
 */

const TIMES = 21; // verdicts that the shown median is taken over

/** @type {{offer: Offer, model: Model} | null} */
let open = null;
let alpha = 0.01;
/** @type {Result | null} */
let result = null;
/** @type {number[]} */
const times = [];
let frame = 0;
let opening = 0;

// ---- judging ----

/** @param {ImageData} picture @param {Input['kind']} kind @param {Offer} offer @param {Model} model */
function preparationFor(picture, kind, offer, model) {
  const { width, height } = model.info.shape;
  const own = kind === 'picture' && picture.width === width && picture.height === height;
  return own ? 'image' : offer.drawing;
}

/** @param {Model} model @param {boolean} [blank] there is a picture, with nothing in it */
function showNothing(model, blank = false) {
  result = null;
  showEmpty(model.info.title, blank);
  showScore(null);
  showNoInsight(model);
}

function judge() {
  cancelAnimationFrame(frame);
  frame = 0;
  if (!open) return;
  const { offer, model } = open;
  const input = currentInput();
  if (!input) return showNothing(model);
  const started = performance.now();
  const how = preparationFor(input.picture, input.kind, offer, model);
  const { x, empty } = model.prepare(input.picture, { preparation: how });
  if (empty) return showNothing(model, input.kind === 'picture');
  result = model.check(x, { alpha, preparation: how });
  times.push(performance.now() - started);
  const calibration = useCalibration(model, how);
  showVerdict(result, model.info.title, alpha, calibration.length);
  showScore(result);
  showInsight(model, x);
  showNeighbours(model, x);
  showSpeed();
}

/** @type {{model: Model, how: Preparation, scores: Float32Array} | null} */
let calibrated = null;

/** Each preparation has its own calibration. @param {Model} model @param {Preparation} how */
function useCalibration(model, how) {
  if (calibrated?.model !== model || calibrated.how !== how) {
    calibrated = { model, how, scores: model.calibration(how) };
    setCalibration(calibrated.scores);
  }
  return calibrated.scores;
}

function median() {
  const sorted = times.slice(-TIMES).sort((a, b) => a - b);
  return sorted.length ? sorted[sorted.length >> 1] : null;
}

function showSpeed() {
  const time = median();
  byId('status', HTMLElement).dataset.state = 'ready';
  byId('status-text', HTMLElement).textContent =
    time === null ? 'SIMD · ready' : `SIMD · ${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
}

/** While the pen is down once a frame, when it is lifted at once. @param {boolean} done */
function inputChanged(done) {
  if (done) return guarded(judge);
  if (!frame) frame = requestAnimationFrame(() => guarded(judge));
}

// ---- models ----

/** @param {{offer: Offer, model: Model}} opened @param {string} choice */
function use(opened, choice) {
  open = opened;
  /** @type {HTMLInputElement} */ (one(`[name=model][value=${choice}]`)).checked = true;
  const { model, offer } = opened;
  const { family, arch, parameters, title } = model.info;
  setPaper(offer.drawing === 'ink');
  useCalibration(model, offer.drawing);
  showSamples(model.gallerySize ? model : null);
  byId('about', HTMLElement).textContent =
    `${title || offer.name}: ${family || 'a model'} with ${parameters.toLocaleString('en')} parameters, ${arch}`;
  hideLoading();
  showSpeed();
  guarded(judge);
  afterPaint(() => openGallery(opened));
}

/** @param {{offer: Offer, model: Model}} opened */
async function openGallery(opened) {
  const { offer, model } = opened;
  if (model.gallerySize) return;
  if (!offer.gallery) return neighboursUnavailable('This model came without its gallery.');
  try {
    await model.loadGallery(offer.gallery);
  } catch {
    if (open === opened) neighboursUnavailable('Its gallery could not be loaded.');
    return;
  }
  if (open?.model !== model) return;
  showSamples(model);
  guarded(judge);
}

/** @param {() => void} work */
function afterPaint(work) {
  requestAnimationFrame(() => setTimeout(work, 0));
}

/** @param {string} name */
async function choose(name) {
  const turn = ++opening;
  const before = open;
  try {
    const opened = await openOffer(name, {
      onProgress: (at) => {
        if (turn === opening && !before) showLoading(name, at);
      },
    });
    if (turn === opening) use(opened, name);
  } catch (error) {
    if (turn !== opening) return;
    if (!before) showFailure('The model could not be loaded.', messageOf(error));
    else
      complain(`The ${name} model could not be loaded: ${messageOf(error)}. The one before stays.`);
    if (before) restoreChoice();
    if (name === 'digits' && !before) throw error;
  }
}

function restoreChoice() {
  const name = open?.offer.gallery ? open.offer.name : 'own';
  /** @type {HTMLInputElement} */ (one(`[name=model][value=${name}]`)).checked = true;
}

/** @param {File} file */
async function openFile(file) {
  notice.hidden = true;
  if (!file.name.endsWith('.safetensors')) return openPicture(file, complain);
  try {
    if (file.name.endsWith('.gallery.safetensors')) {
      if (!open) return;
      await open.model.loadGallery(await file.arrayBuffer());
      showSamples(open.model);
      return guarded(judge);
    }
    const turn = ++opening;
    const opened = await openOwn(file);
    if (turn !== opening) return;
    const own = byId('own-model', HTMLElement);
    own.hidden = false;
    one('span', own).textContent = opened.offer.name;
    use(opened, 'own');
  } catch (error) {
    complain(`${file.name}: ${messageOf(error)}. The model before stays.`);
  }
}

// ---- complaints ----

const notice = byId('notice', HTMLElement);

/** @param {string} text */
function complain(text) {
  byId('notice-text', HTMLElement).textContent = text;
  notice.hidden = false;
}

/** @param {unknown} error */
function messageOf(error) {
  if (!(error instanceof Error)) return String(error);
  const at =
    error instanceof LikenessError && error.offset !== null ? ` (byte ${error.offset})` : '';
  return error.message + at;
}

/** A model that cannot judge must not take the page with it. @param {() => void} work */
function guarded(work) {
  try {
    work();
  } catch (error) {
    result = null;
    showFailure('This image could not be judged.', messageOf(error));
    showScore(null);
  }
}

// ---- start ----

startInput(inputChanged, openFile);
showNeighbours(null, null);
for (const radio of document.querySelectorAll('[name=model]'))
  radio.addEventListener('change', () => {
    notice.hidden = true;
    choose(/** @type {HTMLInputElement} */ (radio).value);
  });
for (const radio of document.querySelectorAll('[name=alpha]'))
  radio.addEventListener('change', () => {
    alpha = Number(/** @type {HTMLInputElement} */ (radio).value);
    setAlpha(alpha);
    guarded(judge);
  });
one('[data-action=dismiss]').addEventListener('click', () => {
  notice.hidden = true;
});
const modelFile = byId('model-file', HTMLInputElement);
one('[data-action=open-model]').addEventListener('click', () => modelFile.click());
modelFile.addEventListener('change', () => {
  if (modelFile.files?.[0]) openFile(modelFile.files[0]);
  modelFile.value = '';
});

showLoading('digits', null);
window.likeness = {
  ready: choose('digits'),
  check(picture) {
    if (!open) throw new Error('no model is loaded yet');
    const { offer, model } = open;
    return model.check(picture, {
      alpha,
      preparation: preparationFor(picture, 'picture', offer, model),
    });
  },
  get state() {
    return {
      model: open?.offer.name ?? null,
      alpha,
      gallery: open?.model.gallerySize ?? 0,
      result,
      milliseconds: median(),
    };
  },
};
window.likeness.ready.catch(() => {}); // the page has said so already
