// Which section is in view: it is kept in the address, and gone to when the page opens there.

import { keep, state } from './state.js';

const UPPER = 0.4; // of the window: the last whose head is above this is in view
const REST = 200; // milliseconds without scrolling

const sections = /** @type {HTMLElement[]} */ ([
  ...document.querySelectorAll('section[data-panel]'),
]);

export function goToView() {
  const wanted = sections.find(({ dataset }) => dataset.panel === state().view);
  wanted?.scrollIntoView({ block: 'start' });
}

export function followView() {
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
