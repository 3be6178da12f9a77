// The neighbours by code beside those by pixels, and what lies between the codes of any two images.

import { make } from './dom.js';
import { ask } from './lab.js';
import { labelName } from './labels.js';
import { nameOf, reasonOf, values } from './parts.js';
import { paintImage, thumbnail } from './pixels.js';

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {import('./studies.js').Near} Near */
/** @typedef {{x: Float32Array, name: string, key: string}} Pinned */

const SHOWN = 8;
const STEPS = 9;

/** @param {number} distance */
const short = (distance) => distance.toFixed(distance < 1 ? 3 : 1);

/** "6 of 8 are a 3", where most have the same label. @param {Near[]} list @param {string} title */
function agreement(list, title) {
  /** @type {Map<number | null, number>} */
  const counts = new Map();
  for (const { label } of list) counts.set(label, (counts.get(label) ?? 0) + 1);
  const [[label, most]] = [...counts].sort(([, a], [, b]) => b - a);
  return label === null ? '' : `${most} of ${list.length}: ${labelName(title, label)}`;
}

/** @param {HTMLElement} section @returns {import('./panels.js').Hears} */
export function start(section) {
  const ways = ['By code', 'By pixels'].map((name) => {
    const says = make('span', { className: 'says-most' });
    const list = make('ol', { className: 'near', ariaLabel: name });
    const head = make('h3', { className: 'label row between' }, name, says);
    return { says, list, box: make('div', {}, head, list) };
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
  /** @type {Pinned[]} */
  let pinned = [];
  let turn = 0;

  /** Whether each button's image is pinned. */
  function mark() {
    for (const button of section.querySelectorAll('button[data-key]')) {
      const { key } = /** @type {HTMLElement} */ (button).dataset;
      button.setAttribute('aria-pressed', String(pinned.some((pin) => pin.key === key)));
    }
    clear.hidden = pinned.length === 0;
    mine.hidden = !x;
  }

  async function showBetween() {
    mark();
    const info = opened?.model.info;
    if (!opened || !info) return;
    if (pinned.length < 2 || info.output !== 'image') {
      between.replaceChildren();
      hint.textContent =
        info.output !== 'image'
          ? 'This model makes no images of codes, so nothing can be shown between two.'
          : pinned.length
            ? `${pinned[0].name} is pinned: pin another.`
            : 'Pin two images, and nine equal steps from one code to the other are decoded.';
      return;
    }
    const [a, b] = pinned;
    hint.textContent = `From ${a.name} to ${b.name} in nine steps, by their codes.`;
    const model = opened;
    const images = await ask('interpolate', model, { a: a.x, b: b.x, steps: STEPS });
    if (opened !== model || pinned[0] !== a || pinned[1] !== b) return;
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

  /** @param {Pinned} pin */
  function toggle(pin) {
    const others = pinned.filter(({ key }) => key !== pin.key);
    pinned = others.length < pinned.length ? others : [...pinned.slice(-1), pin];
    showBetween().catch(complain);
  }

  /** @param {Near} near @param {Opened} model */
  function item({ index, label, distance, thumbnail: bytes }, { model: { info } }) {
    const name = labelName(info.title, label);
    const what = nameOf(info.title, label, index);
    const button = make('button', { type: 'button', className: 'sample', title: `Pin ${what}` });
    button.dataset.key = String(index);
    button.append(thumbnail(bytes, info.shape, `Pin ${what}, distance ${short(distance)}`));
    button.addEventListener('click', () =>
      toggle({ x: values(bytes), name: name || what, key: String(index) }),
    );
    return make(
      'li',
      {},
      button,
      make('b', {}, name),
      make('span', { className: 'number' }, short(distance)),
      make('span', { className: 'number' }, `#${index}`),
    );
  }

  function showNone() {
    for (const { list, says } of ways) {
      says.textContent = '';
      list.replaceChildren(
        ...Array.from({ length: SHOWN }, () => make('li', { className: 'none' })),
      );
    }
  }

  async function show() {
    const now = ++turn;
    const model = opened;
    mark();
    if (!model || !x) return showNone();
    const { byCode, byPixels } = await ask('neighbours', model, { x, k: SHOWN });
    if (now !== turn || byCode.length === 0) return;
    [byCode, byPixels].forEach((found, i) => {
      ways[i].says.textContent = agreement(found, model.model.info.title);
      ways[i].list.replaceChildren(...found.map((near) => item(near, model)));
    });
    mark();
  }

  /** @param {unknown} error */
  function complain(error) {
    hint.textContent = `Not shown: ${reasonOf(error)}.`;
  }

  mine.addEventListener('click', () => {
    if (x) toggle({ x, name: 'your image', key: `own ${turn}` });
  });
  clear.addEventListener('click', () => {
    pinned = [];
    showBetween().catch(complain);
  });

  return {
    model(next) {
      if (opened !== next) pinned = [];
      opened = next;
      showNone();
      if (next.model.gallerySize) showBetween().catch(complain);
      else hint.textContent = 'There are no neighbours without the gallery of known images.';
    },
    image(judged) {
      x = opened?.model.gallerySize ? (judged?.x ?? null) : null;
      show().catch(complain);
    },
  };
}
