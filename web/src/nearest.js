// The neighbours by code beside those by pixels, and what lies between the codes of any two images.

import { make } from './dom.js';
import { ask } from './lab.js';
import { labelName } from './labels.js';
import { NearList, SHOWN } from './nearlist.js';
import { messageOf } from './notice.js';
import { pins, togglePin, unpinAll, whenPinned } from './pins.js';
import { paintImage } from './pixels.js';

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {import('likeness').Neighbour} Near */

const STEPS = 9;

/** "6 of 8 are a 3", where most have the same label. @param {Near[]} list @param {import('likeness').Info} info */
function agreement(list, info) {
  /** @type {Map<number | null, number>} */
  const counts = new Map();
  for (const { label } of list) counts.set(label, (counts.get(label) ?? 0) + 1);
  const [[label, most]] = [...counts].sort(([, a], [, b]) => b - a);
  return label === null ? '' : `${most} of ${list.length}: ${labelName(info, label)}`;
}

/** @param {HTMLElement} section @returns {import('./panels.js').Hears} */
export function start(section) {
  const ways = ['By code', 'By pixels'].map((name) => {
    const says = make('span', { className: 'says-most' });
    const list = make('ol', { className: 'near', ariaLabel: name });
    const head = make('h3', { className: 'label row between' }, name, says);
    return { says, near: new NearList(list, true), box: make('div', {}, head, list) };
  });
  const between = make('ol', { className: 'between-images', ariaLabel: 'From one to the other' });
  const hint = make('p', { className: 'detail', ariaLive: 'polite' });
  const mine = make('button', { type: 'button', textContent: 'Pin your image', hidden: true });
  const clear = make('button', { type: 'button', textContent: 'Unpin', hidden: true });
  const buttons = make('div', { className: 'row' }, mine, clear);
  const head = make('div', { className: 'row between' }, hint, buttons);
  section.append(
    make('div', { className: 'two' }, ...ways.map(({ box }) => box)),
    make('div', { className: 'interpolation' }, head, between),
  );

  /** @type {Opened | null} */
  let opened = null;
  /** @type {Float32Array | null} */
  let x = null;
  let turn = 0;

  async function showBetween() {
    const [a, b] = pins();
    clear.hidden = !a;
    const info = opened?.model.info;
    if (!opened || !info) return;
    if (!b || info.output !== 'image') {
      between.replaceChildren();
      hint.textContent =
        info.output !== 'image'
          ? 'This model makes no images of codes, so nothing can be shown between two.'
          : a
            ? `${a.name} is pinned: pin another.`
            : 'Pin two images, here or anywhere on the page, and nine equal steps from one code to the other are decoded.';
      return;
    }
    hint.textContent = `From ${a.name} to ${b.name} in nine steps, by their codes.`;
    const model = opened;
    const images = await ask('interpolate', model, { a: a.x, b: b.x, steps: STEPS });
    if (opened !== model || pins()[0] !== a || pins()[1] !== b) return;
    between.replaceChildren(
      ...Array.from({ length: STEPS }, (_, i) => {
        const share = `${Math.round((100 * i) / (STEPS - 1))} %`;
        const canvas = make('canvas', { className: 'pixels', role: 'img', ariaLabel: share });
        const size = a.x.length;
        paintImage(canvas, images.subarray(i * size, (i + 1) * size), info.shape);
        return make('li', {}, canvas, make('span', { className: 'number' }, share));
      }),
    );
  }

  async function show() {
    const now = ++turn;
    const model = opened;
    mine.hidden = !x;
    if (!model || !x) {
      for (const { near, says } of ways) {
        says.textContent = '';
        near.clear();
      }
      return;
    }
    const { byCode, byPixels } = await ask('neighbours', model, { x, k: SHOWN });
    if (now !== turn || byCode.length === 0) return;
    [byCode, byPixels].forEach((found, i) => {
      ways[i].says.textContent = agreement(found, model.model.info);
      ways[i].near.show(found, model.model);
    });
  }

  /** @param {unknown} error */
  function complain(error) {
    hint.textContent = `Not shown: ${messageOf(error)}.`;
  }

  mine.addEventListener('click', () => {
    if (x && opened)
      togglePin({ x, name: 'your image', key: `own ${turn}`, shape: opened.model.info.shape });
  });
  clear.addEventListener('click', unpinAll);
  whenPinned(() => showBetween().catch(complain));

  return {
    model(next) {
      opened = next;
      if (next.model.gallerySize) showBetween().catch(complain);
      else hint.textContent = 'There are no neighbours without the gallery of known images.';
    },
    image(judged) {
      x = opened?.model.gallerySize ? (judged?.x ?? null) : null;
      show().catch(complain);
    },
  };
}
