// Help, and the tour: five things that such networks do, shown on the page's own panels.

import { byId, make, one } from './dom.js';
import { doodles, three } from './doodles.js';
import { restoreInput, showDrawing } from './input.js';
import { EVIDENCE } from './labels.js';
import { FIRST, keep, state } from './state.js';

/** @typedef {import('./models.js').Listed} Listed */
/**
 * What the tour needs of the page.
 * @typedef {{models: () => Listed[], choose: (name: string) => Promise<void>}} Page
 */
/**
 * @typedef {object} Step
 * @property {string} title
 * @property {string} text
 * @property {(model: Listed) => boolean} needs the first model that is so is opened
 * @property {string} panel what it is about
 * @property {() => void | Promise<void>} show
 */

const help = byId('help', HTMLDialogElement);
const box = byId('tour', HTMLElement);
const code = byId('code', HTMLDetailsElement);
const [place, title, text] = ['tour-place', 'tour-title', 'tour-text'].map((id) =>
  byId(id, HTMLElement),
);
const back = /** @type {HTMLButtonElement} */ (one('[data-action=tour-back]'));
const next = /** @type {HTMLButtonElement} */ (one('[data-action=tour-next]'));
const still = matchMedia('(prefers-reduced-motion: reduce)');

/** Moves a control of the page, as a hand would. @param {HTMLInputElement} slider @param {string} value */
function move(slider, value) {
  slider.value = value;
  slider.dispatchEvent(new Event('input', { bubbles: true }));
}

/** The first sliders of the code, as soon as they are there. @param {string[]} values */
async function moveCode(values) {
  code.open = true;
  const list = byId('code-values', HTMLElement);
  for (let i = 0; i < 40 && !list.querySelector('input:enabled'); i++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const sliders = list.querySelectorAll('input');
  for (const [i, value] of values.entries()) if (sliders[i]) move(sliders[i], value);
}

/** @param {Listed} model */
const isFirst = ({ name }) => name === FIRST;
/** @param {RegExp} pattern of the architecture @returns {Step['needs']} */
const has = (pattern) => (model) =>
  model.output === 'image' && model.title === 'digits' && pattern.test(model.arch);

/** @type {Step[]} */
const STEPS = [
  {
    title: 'Copy',
    text: 'The network has learned to copy digits. Left is what it sees, beside it its copy, then where the two differ. A digit it copies well.',
    needs: isFirst,
    panel: '#figures',
    show: () => showDrawing(three),
  },
  {
    title: 'Compress',
    text: 'In its middle there is room for a few numbers only, the code, so it had to learn what digits have in common. Two of the numbers were moved here: look at the copy, and move some yourself.',
    needs: isFirst,
    panel: '#figures',
    async show() {
      showDrawing(three);
      await moveCode(['2', '-1.5']);
    },
  },
  {
    title: 'Denoise',
    text: 'This one was given noisy digits and had to return clean ones. Noise is no digit, so it does not fit through the middle. Move the slider.',
    needs: has(/> (noise|mask|salt) /),
    panel: '#figures',
    show() {
      showDrawing(three);
      move(byId('noise', HTMLInputElement), '0.4');
    },
  },
  {
    title: 'Imagine',
    text: 'In a variational network codes near to each other mean digits near to each other, so that any code gives a digit, even one that nobody drew. Change some numbers and see.',
    needs: has(/> gaussian /),
    panel: '#figures',
    async show() {
      showDrawing(three);
      await moveCode(['-2', '2', '1.5']);
    },
  },
  {
    title: 'Refuse',
    text: 'What is no digit it copies badly and places far from all it knows: no one told it what a cat is, it is just none of these. The threshold says how sure it must be.',
    needs: isFirst,
    panel: '.card.verdict',
    show: () => showDrawing(doodles.find(({ name }) => name === 'cat')?.strokes ?? three),
  },
];

/** @param {Page} page */
export function startHelp({ models, choose }) {
  /** @type {{step: Step, model: string}[]} those whose model is here */
  let steps = [];
  let at = 0;
  /** What the visitor had before. @type {Pick<import('./state.js').State, 'model' | 'strokes' | 'tab'>} */
  let before = { model: FIRST, strokes: [], tab: 'draw' };

  function unmark() {
    document.querySelector('[data-toured]')?.removeAttribute('data-toured');
  }

  /** @param {number} to */
  async function go(to) {
    at = to;
    unmark();
    const { step, model } = steps[at];
    place.textContent = `${at + 1} of ${steps.length}`;
    title.textContent = step.title;
    text.textContent = step.text;
    back.disabled = at === 0;
    next.textContent = at === steps.length - 1 ? 'Done' : 'Next';
    if (state().model !== model) await choose(model);
    if (box.hidden || steps[at].step !== step) return; // the visitor was quicker
    code.open = false;
    await step.show();
    const panel = one(step.panel).closest('.card');
    panel?.setAttribute('data-toured', '');
    panel?.scrollIntoView({ block: 'start', behavior: still.matches ? 'auto' : 'smooth' });
  }

  function start() {
    help.close();
    steps = STEPS.flatMap((step) => {
      const model = models().find(step.needs)?.name ?? (step.needs === isFirst ? FIRST : '');
      return model ? [{ step, model }] : [];
    });
    const { model, strokes, tab } = state();
    before = { model, strokes, tab };
    box.hidden = false;
    next.focus();
    go(0).catch(end);
  }

  function end() {
    if (box.hidden) return;
    box.hidden = true;
    unmark();
    code.open = false;
    keep({ strokes: before.strokes, tab: before.tab });
    restoreInput();
    choose(before.model).catch(() => {});
    scrollTo({ top: 0, behavior: still.matches ? 'auto' : 'smooth' });
    one('[data-action=help]').focus();
  }

  byId('help-evidence', HTMLElement).append(
    ...Object.values(EVIDENCE).map(([name, asks]) =>
      make('div', {}, make('dt', {}, name), make('dd', {}, asks)),
    ),
  );
  one('[data-action=help]').addEventListener('click', () => help.showModal());
  one('[data-action=tour]').addEventListener('click', start);
  one('[data-action=tour-end]').addEventListener('click', end);
  back.addEventListener('click', () => go(at - 1).catch(end));
  next.addEventListener('click', () => {
    if (at === steps.length - 1) end();
    else go(at + 1).catch(end);
  });
  document.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape') end();
  });
  for (const dialog of document.querySelectorAll('dialog'))
    dialog.addEventListener('click', ({ target }) => {
      if (target === dialog) dialog.close(); // the backdrop
      if (target instanceof Element && target.closest('[data-action=close]')) dialog.close();
    });
}
