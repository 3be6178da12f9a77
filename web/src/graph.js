// What lies together: clusters of codes, and known images each joined to its nearest by code.

import { labelColour, onTheme } from './colours.js';
import { make } from './dom.js';
import { ask } from './lab.js';
import { labelName } from './labels.js';
import { mixed } from './mapview.js';
import { messageOf } from './notice.js';
import * as parts from './parts.js';
import { paintImage } from './pixels.js';
import { makeStage } from './stage.js';

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {Awaited<ReturnType<import('./studies.js').Calls['graph']>>} Graph */
/** @typedef {Awaited<ReturnType<import('./studies.js').Calls['clusters']>>} Clusters */

const IMAGES = 200;
const FEWER = 90; // where there is little room
const NARROW = '(max-width: 36rem)';
const HELP =
  'By keyboard: arrows go from image to image, + and − zoom, 0 shows all, Enter opens the image, P pins it; so does a click with Shift.';

/** @param {HTMLElement} section @param {import('./panels.js').Open} open @returns {import('./panels.js').Hears} */
export function start(section, open) {
  const busy = parts.working();
  const means = make('ol', { className: 'common-images', ariaLabel: 'Clusters' });
  const agrees = make('p', { className: 'detail' });
  const says = make('p', { className: 'detail' });
  const { element, canvas, view, zoom } = makeStage({
    name: 'The neighbour graph',
    help: 'graph-help',
    model: () => opened?.model ?? null,
    open,
    index: (point) => found?.which[point] ?? 0,
    more: neighboursOf,
  });
  canvas.classList.add('graph');
  const head = make('h3', { className: 'label' }, 'Each known image beside its nearest');
  section.append(
    means,
    agrees,
    make('div', { className: 'row between graph-head' }, head, zoom),
    busy.element,
    element,
    says,
    make('p', { className: 'detail', id: 'graph-help' }, HELP),
  );
  /** @type {Opened | null} */
  let opened = null;
  /** @type {Graph | null} */
  let found = null;

  /** "; nearest: 3, 3, 8" @param {number} point */
  function neighboursOf(point) {
    if (!found || !opened) return '';
    const { links, joined, labels, which } = found;
    const { info } = opened.model;
    const names = [...links.subarray(2 * point * joined, 2 * (point + 1) * joined)]
      .filter((_, i) => i % 2)
      .map((to) => labelName(info, labels[to] < 0 ? null : labels[to]) || `image ${which[to]}`);
    return `; nearest: ${names.join(', ')}`;
  }

  function paint() {
    if (!found) return;
    const { accentColor, borderColor } = getComputedStyle(canvas);
    const plain = mixed(borderColor, accentColor, 0);
    view.paint(
      Uint32Array.from(found.labels, (label) =>
        label < 0 ? plain : mixed(labelColour(label), accentColor, 0),
      ),
    );
  }

  /** @param {Opened} model @param {Graph} graph */
  function draw({ model }, graph) {
    const { which, xy, links, labels, joined, same, groups } = graph;
    const { shape } = model.info;
    found = graph;
    view.show(xy, shape, (i) => model.galleryImage(which[i]).thumbnail, links);
    paint();
    const count = links.length / 2;
    const labelled = labels.every((label) => label >= 0);
    const agree = labelled
      ? ` ${parts.percent(same / count)} of the ${count.toLocaleString('en')} lines join images of one label; the others are orange.`
      : '';
    const whole = groups === 1 ? 'All hang together.' : `They hang together in ${groups} groups.`;
    says.textContent = `${parts.knownOf(model, which.length)}, each joined to its ${joined} nearest by code.${agree} ${whole}`;
  }

  /** @param {Opened} model @param {Clusters} clusters */
  function drawClusters({ model }, clusters) {
    const { info } = model;
    means.replaceChildren(
      ...clusters.list.map(({ count, label, share, mean }, i) => {
        const known = label >= 0;
        const name = known ? `mostly ${labelName(info, label)}` : `cluster ${i + 1}`;
        const how = `${known ? `${parts.percent(share)} of ` : ''}${count.toLocaleString('en')}`;
        const picture = make('canvas', {
          className: 'pixels',
          role: 'img',
          ariaLabel: `The mean of a cluster, ${name}`,
        });
        paintImage(picture, mean, info.shape);
        return make('li', {}, picture, make('b', {}, name), make('span', {}, how));
      }),
    );
    agrees.textContent = parts.agreementOf(clusters);
  }

  /** @param {Opened} model */
  async function show(model) {
    const count = matchMedia(NARROW).matches ? FEWER : IMAGES;
    const tell = (/** @type {string} */ words) => ({
      onProgress: (/** @type {number} */ share) => opened === model && busy.show(words, share),
    });
    const { width, height } = view.size;
    const wide = Math.round((10 * width) / height) / 10;
    const graph = await ask('graph', model, { count, wide }, tell('Looking for neighbours'));
    if (opened !== model) return;
    draw(model, graph);
    const clusters = await ask('clusters', model, {}, tell('Looking for clusters'));
    if (opened !== model) return;
    busy.hide();
    drawClusters(model, clusters);
  }

  onTheme(paint);

  return {
    model(next) {
      if (opened === next && found) return;
      opened = next;
      found = null;
      busy.hide();
      means.replaceChildren();
      agrees.textContent = '';
      view.show(new Float32Array(), next.model.info.shape, () => new Uint8Array());
      if (!next.model.gallerySize)
        says.textContent = 'There is nothing to join without the gallery of known images.';
      else {
        says.textContent = '';
        show(next).catch((error) => {
          if (opened !== next) return;
          busy.hide();
          says.textContent = `Not shown: ${messageOf(error)}.`;
        });
      }
    },
  };
}
