// The mean of the known images and their principal components.

import { make } from './dom.js';
import { ask } from './lab.js';
import { messageOf } from './notice.js';
import * as parts from './parts.js';
import { paintDifference, paintImage } from './pixels.js';

/** @typedef {import('./models.js').Opened} Opened */

/** @param {HTMLElement} section @returns {import('./panels.js').Hears} */
export function start(section) {
  const busy = parts.working();
  const list = make('ol', { className: 'common-images' });
  const hint = make('p', { className: 'detail' });
  section.append(busy.element, list, hint);
  /** @type {Opened | null} */
  let shown = null;

  /** @param {string} name @param {string} text @param {(canvas: HTMLCanvasElement) => void} paint */
  function item(name, text, paint) {
    const canvas = make('canvas', {
      className: 'pixels',
      role: 'img',
      ariaLabel: `${name}: ${text}`,
    });
    paint(canvas);
    return make('li', {}, canvas, make('b', {}, name), make('span', {}, text));
  }

  /** @param {Opened} opened */
  async function show(opened) {
    const { model } = opened;
    const { shape } = model.info;
    const found = await ask(
      'common',
      opened,
      {},
      {
        onProgress: (share) => shown === opened && busy.show('Comparing the images', share),
      },
    );
    if (shown !== opened) return;
    busy.hide();
    const nothing = new Float32Array(found.mean.length);
    list.replaceChildren(
      item('mean', 'of all', (canvas) => paintImage(canvas, found.mean, shape)),
      ...found.axes.map((axis, i) => {
        const most = axis.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-9);
        const scaled = axis.map((v) => v / most);
        return item(String(i + 1), parts.percent(found.shares[i]), (canvas) =>
          paintDifference(canvas, nothing, scaled, shape),
        );
      }),
    );
    const sum = found.shares.reduce((a, b) => a + b, 0);
    hint.textContent = `Of ${parts.knownOf(model, found.images)}. These ${found.shares.length} patterns make up ${parts.percent(sum)} of the variance; each with its own share.`;
  }

  return {
    model(next) {
      if (shown === next && list.children.length) return;
      shown = next;
      busy.hide();
      list.replaceChildren();
      hint.textContent = '';
      if (!next.model.gallerySize)
        hint.textContent = 'There is nothing to compare without the gallery of known images.';
      else
        show(next).catch((error) => {
          if (shown !== next) return;
          busy.hide();
          hint.textContent = `Not shown: ${messageOf(error)}.`;
        });
    },
  };
}
