// Which section is in view: it is kept in the address, and gone to when the page opens there.

import { keep, state } from './state.js';

const UPPER = 0.4; // of the window: the last whose head is above this is in view
const REST = 200; // milliseconds without scrolling

const sections = /** @type {HTMLElement[]} */ ([
  ...document.querySelectorAll('section[data-panel]'),
]);

/** @param {string | undefined} view @param {ScrollIntoViewOptions} [how] */
function goTo(view, how = { block: 'start' }) {
  sections.find(({ dataset }) => dataset.panel === view)?.scrollIntoView(how);
}

export function goToView() {
  goTo(state().view);
}

export function followView() {
  for (const link of document.querySelectorAll('[data-go]')) {
    const { go, place } = /** @type {HTMLElement} */ (link).dataset;
    link.addEventListener('click', () => goTo(go, { block: place === 'end' ? 'end' : 'start' }));
  }
  let timer = 0;
  const look = () => {
    const line = UPPER * innerHeight;
    const here = sections.findLast((section) => section.getBoundingClientRect().top <= line);
    const view = here?.dataset.panel ?? '';
    if (view !== state().view) keep({ view });
  };
  addEventListener('scroll', () => {
    clearTimeout(timer);
    timer = window.setTimeout(look, REST);
  });
}
