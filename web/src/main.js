// The page: an image comes in, the model judges it, the panels show what it found.

import { currentAlpha, startAlpha, suitAlpha } from './alpha.js';
import { askClassifier, hideClassifier, offerClassifiers } from './classifier.js';
import { byId, nextTask, one } from './dom.js';
import { setCalibration, showScore } from './gauge.js';
import {
  currentInput,
  openPicture,
  restoreInput,
  showPicture,
  startInput,
  suitInput,
} from './input.js';
import {
  neighboursUnavailable,
  showInsight,
  showNeighbours,
  showNoInsight,
  suitInsight,
} from './insight.js';
import { familyWords } from './labels.js';
import { keepFew, keepOwn, listModels, openFile, openNamed, ownModel } from './models.js';
import { complain, dismiss, explain, messageOf } from './notice.js';
import { workOffline } from './offline.js';
import { showOpinion } from './opinion.js';
import { keepOrder } from './order.js';
import { startPanels, tellImage, tellModel } from './panels.js';
import { offerModels, offerOwn, showChoice, startPicker } from './picker.js';
import { unpinAll } from './pins.js';
import { preparationFor } from './preparation.js';
import { hideSamples, showSamples } from './samples.js';
import { offerToSave, startSharing } from './share.js';
import {
  forgetTimes,
  medianTime,
  noteTime,
  showArriving,
  showNoSpeed,
  showSpeed,
} from './speed.js';
import { FIRST, followAddress, keep, OWN, state } from './state.js';
import { hideSteps, showSteps } from './steps.js';
import { startTheme } from './theme.js';
import { startHelp } from './tour.js';
import {
  hideLoading,
  showEmpty,
  showFailure,
  showLoading,
  showUnjudged,
  showVerdict,
} from './verdict.js';
import { followView, goToView } from './view.js';

/** @typedef {import('likeness').Model} Model */
/** @typedef {import('likeness').Preparation} Preparation */
/** @typedef {import('likeness').Result} Result */
/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {{loaded: number, total: number | null}} Progress */
/**
 * What `window.likeness.state` tells.
 * @typedef {object} Snapshot
 * @property {string | null} model
 * @property {number} alpha
 * @property {number} gallery images in it
 * @property {Result | null} result
 * @property {number | null} milliseconds median time of a verdict
 */

const QUIET = 2000; // milliseconds after the first model, for its gallery and the first strokes
const REST = 60; // milliseconds without a change before the steps are shown

/** @type {Opened | null} */
let open = null;
let choice = FIRST; // the picker's value for it
let wanted = FIRST; // that of what is being opened, or else is open
/** @type {Result | null} */
let result = null;
/** What is shown of the image. @type {import('./share.js').Shown | null} */
let shown = null;
let frame = 0;
let rest = 0;
let begun = 0; // openings
let opening = 0; // the last of them that counts: a file does once it has proved to be a model

// ---- judging ----

/** @param {Model} model @param {boolean} [blank] there is a picture, with nothing in it */
function showNothing(model, blank = false) {
  result = shown = null;
  showEmpty(model.info.title, blank);
  offerToSave(null);
  showScore(null);
  showNoInsight(model);
  hideSteps();
  showOpinion(model, null);
  hideClassifier();
  tellImage(null);
}

function judge() {
  cancelAnimationFrame(frame);
  clearTimeout(rest);
  frame = 0;
  if (!open) return;
  const { model } = open;
  const input = currentInput();
  if (!input) return showNothing(model);
  const started = performance.now();
  const how = preparationFor(model, input.kind, input.picture);
  const { x, empty } = model.prepare(input.picture, { preparation: how });
  if (empty) return showNothing(model, input.kind === 'picture');
  result = null;
  const calibration = useCalibration(model, how);
  const alpha = currentAlpha();
  if (calibration.length) {
    result = model.check(x, { alpha, preparation: how });
    noteTime(performance.now() - started);
    showVerdict(result, model.info.title, alpha, calibration.length);
  } else showUnjudged(model.info.title);
  showScore(result);
  showOpinion(model, x, result?.verdict === 'out');
  askClassifier(model, input.picture, how, result?.verdict === 'out');
  showInsight(model, x);
  showNeighbours(model, x);
  tellImage({ ...input, x, alpha });
  showSpeed();
  shown = { model, name: input.name, picture: input.picture, x, result };
  offerToSave(shown);
  rest = window.setTimeout(() => showSteps(model, input.picture, how, x), REST);
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

/** While the pen is down once a frame, when it is lifted at once. @param {boolean} done */
function inputChanged(done) {
  if (done) return guarded(judge);
  if (!frame) frame = requestAnimationFrame(() => guarded(judge));
}

// ---- models ----

/** @param {Opened} opened @param {string} value the picker's */
function use(opened, value) {
  open = opened;
  choice = wanted = value;
  keepFew();
  forgetTimes();
  unpinAll(); // they were of the model before
  showChoice(value);
  keep({ model: value });
  const { model, name, drawing } = opened;
  const { family, arch, parameters, title } = model.info;
  suitInput(model, drawing === 'ink');
  useCalibration(model, drawing);
  suitAlpha(model);
  suitInsight(model);
  showSamples(model.gallerySize ? model : null, showPicture);
  byId('about', HTMLElement).textContent =
    `${title || name}: ${familyWords(family)}, ${parameters.toLocaleString('en')} parameters, ${arch}`;
  hideLoading();
  showSpeed();
  tellModel(opened);
  guarded(judge);
  afterPaint(() => openGallery(opened));
}

/** @param {string} why */
function lackGallery(why) {
  neighboursUnavailable(why);
  hideSamples();
}

/** @param {Opened} opened */
async function openGallery(opened) {
  const { gallery, model } = opened;
  if (open !== opened || model.gallerySize) return;
  if (!gallery) return lackGallery('This model came without its gallery: open that file, too.');
  try {
    await model.loadGallery(gallery);
  } catch {
    if (open === opened) lackGallery('Its gallery could not be loaded.');
    return;
  }
  await nextTask();
  if (open !== opened) return;
  showSamples(model, showPicture);
  tellModel(opened);
  guarded(judge);
}

/** @param {() => void} work */
function afterPaint(work) {
  requestAnimationFrame(() => setTimeout(work, 0));
}

/** @param {string} name of a model of this site, or OWN */
async function choose(name) {
  opening = ++begun;
  const turn = opening;
  wanted = name;
  const before = open;
  const showFirst = (/** @type {Progress} */ at) => showLoading(name, at);
  dismiss();
  try {
    const onProgress = (/** @type {Progress} */ at) => {
      if (turn === opening) (before ? showArriving : showFirst)(at);
    };
    const opened = name === OWN ? ownModel() : await openNamed(name, { onProgress });
    if (turn === opening) use(opened, name);
  } catch (error) {
    if (turn !== opening) return;
    wanted = choice;
    if (!before) {
      const [text, more] = explain(error);
      showFailure(text, more);
      showNoSpeed();
      throw error;
    }
    complain(`The ${name} model could not be loaded: ${messageOf(error)}. The one before stays.`);
    showChoice(choice);
    showSpeed();
    keep({ model: choice });
  }
}

/** @param {File[]} files */
async function take(files) {
  dismiss();
  if (files.length > 1 || document.querySelector('#batch[open]')) return judgeMany(files);
  const [file] = files;
  if (!file.name.endsWith('.safetensors')) return openPicture(file);
  try {
    if (file.name.endsWith('.gallery.safetensors')) {
      if (!open) return;
      const opened = open;
      const gallery = await file.arrayBuffer();
      await opened.model.loadGallery(gallery);
      if (open !== opened) return;
      opened.gallery = gallery;
      showSamples(opened.model, showPicture);
      tellModel(opened);
      return guarded(judge);
    }
    const turn = ++begun;
    const opened = await openFile(file);
    if (turn < opening) return opened.model.dispose();
    opening = turn;
    offerOwn(opened.name);
    use(opened, OWN);
    keepOwn(opened);
  } catch (error) {
    complain(`${file.name}: ${messageOf(error)}. The model before stays.`);
  }
}

/** @type {import('./models.js').Listed[]} */
let listed = [];

/** @param {File[]} files none: to be chosen */
async function judgeMany(files) {
  const { judgeAll, startBatch } = await import('./batch.js');
  startBatch(() => ({ opened: open, alpha: currentAlpha() }));
  return judgeAll(files);
}

/** What the picker, the classifiers and the tour choose from. */
async function list() {
  const coming = listModels();
  offerClassifiers(coming);
  const models = await coming.catch(() => []); // then there is the first model alone
  if (models.length) offerModels(models);
  listed = models;
}

let listing = Promise.resolve();

/** Only what is listed is asked of the server; the first model does not wait for the list.
 * @param {string} name */
async function isHere(name) {
  if (name === FIRST) return true;
  await listing;
  return listed.some((each) => each.name === name);
}

/** @param {string} name */
function sayNoSuch(name) {
  complain(`There is no model called ${name} here.`);
}

async function start() {
  listing = list();
  const { model } = state();
  if (await isHere(model)) return choose(model);
  await choose(FIRST);
  sayNoSuch(model);
}

/** The address names another model. @param {string} name */
async function lead(name) {
  if (name === OWN || (await isHere(name))) {
    if (state().model === name) await choose(name); // and no other by now
  } else if (state().model === name) {
    keep({ model: wanted });
    sayNoSuch(name);
  }
}

/** Another address was typed or clicked. */
function follow() {
  restoreInput();
  goToView();
  const { model } = state();
  if (model !== wanted)
    lead(model).catch(() => {}); // the page has said so already
  else if (open) suitAlpha(open.model);
  guarded(judge);
}

/** A model that cannot judge must not take the page with it. @param {() => void} work */
function guarded(work) {
  try {
    work();
  } catch (error) {
    result = shown = null;
    offerToSave(null);
    showFailure('This image could not be judged.', messageOf(error));
    showScore(null);
  }
}

// ---- start ----

/** All but the pen, in a task of its own, so that the first stroke does not wait for it. */
function startRest() {
  keepOrder();
  startTheme();
  startPanels((file) => take([file]));
  startPicker((name) => {
    choose(name).catch(() => {}); // the page has said so already
  });
  startAlpha(() => guarded(judge));
  followAddress(follow);
  followView();
  startSharing(() => shown);
  startHelp({ models: () => listed, choose });
  one('[data-action=batch]').addEventListener('click', () => judgeMany([]));
  const modelFile = byId('model-file', HTMLInputElement);
  one('[data-action=open-model]').addEventListener('click', () => modelFile.click());
  modelFile.addEventListener('change', () => {
    if (modelFile.files?.[0]) take([modelFile.files[0]]);
    modelFile.value = '';
  });
}

startInput(inputChanged, take, complain);
restoreInput();
showNeighbours(null, null);
showLoading(state().model, null);
window.likeness = {
  ready: nextTask().then(startRest).then(start),
  check(picture) {
    if (!open) throw new Error('no model is loaded yet');
    const preparation = preparationFor(open.model, 'picture', picture);
    return open.model.check(picture, { alpha: currentAlpha(), preparation });
  },
  get state() {
    return {
      model: open ? choice : null,
      alpha: currentAlpha(),
      gallery: open?.model.gallerySize ?? 0,
      result,
      milliseconds: medianTime(),
    };
  },
};
window.likeness.ready
  .then(() => {
    goToView(); // the panels have their places now
    setTimeout(workOffline, QUIET);
  })
  .catch(() => {}); // the page has said so already
