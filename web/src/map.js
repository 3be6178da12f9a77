// The map: every known image where its code lies, in two directions, and the image of now among them.

import { ends, labelColour, onTheme } from './colours.js';
import { make, nextTask } from './dom.js';
import { ask } from './lab.js';
import { labelName } from './labels.js';
import { mixed } from './mapview.js';
import { messageOf } from './notice.js';
import * as parts from './parts.js';
import { save } from './share.js';
import { makeStage } from './stage.js';
import { inside } from './steer.js';

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {import('./studies.js').How} How */
/** @typedef {{xy: Float32Array, labels: Int16Array}} Points */

const FADED = 0.82; // of the ground, in what is not meant
const ROWS = 5000; // of a table, written at once
const HELP =
  'Drag to move, click the map and scroll, or pinch, to zoom; an image that is pointed at opens by a click. By keyboard: arrows go from image to image, + and − zoom, 0 shows all, Enter opens the image, P pins it; so does a click with Shift.';

/** A row of the legend, by which points are coloured. @typedef {{group: number, name: string, count: number}} Group */

/** @param {Int16Array} labels @param {import('likeness').Info} info @returns {Group[]} */
function labelGroups(labels, info) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([label, count]) => ({
      group: label,
      count,
      name: label < 0 ? 'no label' : labelName(info, label),
    }));
}

/** @param {HTMLElement} section @param {import('./panels.js').Open} open @returns {import('./panels.js').Hears} */
export function start(section, open) {
  const star = make('span', {
    className: 'star',
    hidden: true,
    textContent: '★',
    ariaHidden: 'true',
  });
  const busy = parts.working();
  const legend = make('ul', { className: 'map-legend', ariaLabel: 'Colours' });
  const quality = make('p', { className: 'detail' });
  const picked = make('div', { className: 'row', hidden: true });
  const pickedSays = make('span', { className: 'label', ariaLive: 'polite' });

  const { element, canvas, view, steering, zoom } = makeStage({
    name: 'Map of the codes',
    help: 'map-help',
    model: () => opened?.model ?? null,
    open,
    drawn: moveStar,
    lasso: (polygon) => pick(view.which((at) => inside(polygon, at))),
  });
  element.append(star);
  const colouring = parts.segments(
    'Colour',
    [
      ['label', 'label'],
      ['cluster', 'cluster'],
      ['error', 'error'],
      ['none', 'none'],
    ],
    (value) => recolour(value).catch(complain),
  );
  const arranging = parts.segments(
    'Arrange by',
    [
      ['directions', 'directions'],
      ['neighbours', 'neighbours'],
    ],
    (value) => {
      how = /** @type {How} */ (value);
      if (opened?.model.gallerySize) redo(opened);
    },
  );
  const lasso = parts.button('Lasso', () => {
    steering.lassoing = !steering.lassoing;
    showLasso();
  });
  picked.append(
    pickedSays,
    parts.button('Save as CSV', saveSelection),
    parts.button('Unselect', () => pick([])),
  );
  section.append(
    make(
      'div',
      { className: 'row map-tools' },
      arranging.element,
      colouring.element,
      lasso,
      parts.button('Select what is in view', () =>
        pick(
          view.which(
            ({ x, y }) => x >= 0 && y >= 0 && x <= view.size.width && y <= view.size.height,
          ),
        ),
      ),
      zoom,
    ),
    busy.element,
    element,
    make('div', { className: 'map-below' }, legend, picked),
    quality,
    make('p', { className: 'detail', id: 'map-help' }, HELP),
  );

  /** @type {Opened | null} */
  let opened = null;
  /** @type {Points | null} */
  let points = null;
  /** @type {Float32Array | null} */
  let rank = null;
  /** Which cluster each is in. @type {Int16Array | null} */
  let clusters = null;
  let by = 'label';
  /** @type {How} */
  let how = 'directions';
  /** @type {Set<number>} groups alone that are shown strongly, or none */
  const only = new Set();
  /** @type {Set<number>} */
  let selection = new Set();
  /** @type {import('./panels.js').Judged | null} */
  let judged = null;
  /** Where it is. @type {number[] | null} */
  let here = null;
  let gone = new AbortController();
  let turn = 0;

  function showLasso() {
    lasso.setAttribute('aria-pressed', String(steering.lassoing));
    canvas.toggleAttribute('data-lasso', steering.lassoing);
  }

  function moveStar() {
    star.hidden = !here;
    if (!here) return;
    const { x, y } = view.placeOf(here[0], here[1]);
    const { width, height } = view.size;
    star.hidden = x < 0 || y < 0 || x > width || y > height;
    star.style.transform = `translate(${x}px, ${y}px) translate(-50%, -50%)`;
  }

  /** What points are coloured by, unless it is by their errors. */
  function groups() {
    return (by === 'cluster' ? clusters : points?.labels) ?? new Int16Array();
  }

  function paint() {
    if (!points) return;
    const { backgroundColor: ground, accentColor: color } = getComputedStyle(canvas);
    const of = groups();
    const coloured = by === 'label' || by === 'cluster';
    const colours = new Uint32Array(of.length);
    const scale = Array.from({ length: 64 }, (_, s) => mixed(ends[0], ends[1], s / 63));
    /** @type {Map<number, number[]>} of each group, as it is and faded */
    const known = new Map();
    const shades = (/** @type {number} */ group) => {
      const name = coloured && group >= 0 ? labelColour(group) : color;
      const found = known.get(group) ?? [0, FADED].map((share) => mixed(name, ground, share));
      known.set(group, found);
      return found;
    };
    for (let i = 0; i < of.length; i++) {
      const faded =
        (selection.size > 0 && !selection.has(i)) ||
        (coloured && only.size > 0 && !only.has(of[i]));
      colours[i] =
        by === 'error' && rank && !faded
          ? scale[Math.round(63 * rank[i])]
          : shades(of[i])[Number(faded)];
    }
    view.paint(colours);
  }

  /** @param {string} name @param {string} colour @param {string} count */
  function swatch(name, colour, count) {
    const dot = make('i');
    dot.style.background = colour;
    return [dot, make('span', {}, name), make('span', { className: 'number' }, count)];
  }

  /** @param {Group[]} rows @param {string} [more] about all of them */
  function showGroups(rows, more = '') {
    legend.replaceChildren(
      ...rows.map(({ group, name, count }) => {
        const toggle = parts.button('', () => {
          if (!only.delete(group)) only.add(group);
          toggle.setAttribute('aria-pressed', String(only.has(group)));
          paint();
        });
        toggle.setAttribute('aria-pressed', String(only.has(group)));
        toggle.append(
          ...swatch(
            name,
            group < 0 ? 'var(--accent)' : labelColour(group),
            count.toLocaleString('en'),
          ),
        );
        return make('li', {}, toggle);
      }),
      ...(more ? [make('li', { className: 'label' }, more)] : []),
    );
  }

  /** @param {Opened} model */
  async function findClusters(model) {
    const found = await ask(
      'clusters',
      model,
      {},
      { signal: gone.signal, onProgress: (share) => busy.show('Looking for clusters', share) },
    );
    busy.hide();
    if (by !== 'cluster' || opened !== model) return false;
    clusters = found.of;
    showGroups(
      found.list.map(({ count, label }, group) => ({
        group,
        count,
        name: label < 0 ? `cluster ${group + 1}` : `mostly ${labelName(model.model.info, label)}`,
      })),
      parts.agreementOf(found),
    );
    return true;
  }

  /** @param {string} value */
  async function recolour(value) {
    if (by !== value) only.clear();
    by = value;
    const model = opened;
    if (!model || !points) return;
    if (value === 'label') showGroups(labelGroups(points.labels, model.model.info));
    if (value === 'cluster' && !(await findClusters(model))) return;
    if (value === 'none') legend.replaceChildren(make('li', {}, parts.knownOf(model.model)));
    if (value === 'error') {
      const found = await ask(
        'errors',
        model,
        {},
        {
          signal: gone.signal,
          onProgress: (share) => busy.show('Redrawing every image', share),
        },
      );
      busy.hide();
      if (by !== 'error' || opened !== model) return;
      const { least, most } = found;
      rank = found.rank;
      legend.replaceChildren(
        make('li', {}, ...swatch('best redrawn', ends[0], least.toFixed(4))),
        make('li', {}, ...swatch('worst redrawn', ends[1], most.toFixed(4))),
        make('li', { className: 'label' }, 'mean squared error, coloured by rank'),
      );
    }
    paint();
  }

  /** @param {number[]} chosen */
  function pick(chosen) {
    selection = new Set(chosen);
    picked.hidden = selection.size === 0;
    pickedSays.textContent = `${selection.size.toLocaleString('en')} selected`;
    showLasso();
    paint();
  }

  async function saveSelection() {
    if (!points || !opened) return;
    const { xy, labels } = points;
    const name = `${opened.name}-map.csv`;
    const chosen = [...selection];
    const blocks = ['index,label,x,y\n'];
    for (let first = 0; first < chosen.length; first += ROWS) {
      const rows = chosen
        .slice(first, first + ROWS)
        .map((i) => `${i},${labels[i] < 0 ? '' : labels[i]},${xy[2 * i]},${xy[2 * i + 1]}\n`);
      blocks.push(rows.join(''));
      await nextTask();
    }
    save(name, 'text/csv', blocks);
  }

  /** @param {unknown} error */
  function complain(error) {
    if (parts.isAbort(error)) return;
    busy.hide();
    quality.textContent = `No map: ${messageOf(error)}.`;
  }

  /** @param {Opened} model */
  async function chart(model) {
    const { signal } = gone;
    const found = await ask(
      'map',
      model,
      { how },
      {
        signal,
        onProgress: (share) => busy.show(`Placing ${parts.knownOf(model.model)}`, share),
      },
    );
    busy.hide();
    points = found;
    const { shape } = model.model.info;
    view.show(found.xy, shape, (i) => model.model.galleryImage(i).thumbnail);
    await nextTask();
    signal.throwIfAborted();
    const labelled = found.labels.some((label) => label >= 0);
    colouring.allow('label', labelled);
    colouring.allow('error', model.model.info.output === 'image');
    arranging.allow('neighbours', !found.plain);
    if (by === 'label' && !labelled) by = 'none';
    colouring.choose(by);
    await recolour(by);
    showStar();
    section.dataset.points = String(found.labels.length);
    quality.textContent = 'Measuring how far the map can be trusted …';
    const measured = await ask('measure', model, { how }, { signal });
    quality.textContent = sentence(model, found, measured, labelled);
  }

  /** @param {Opened} model @param {{share: number, plain: boolean}} found @param {Awaited<ReturnType<import('./studies.js').Calls['measure']>>} measured @param {boolean} labelled */
  function sentence(
    { model },
    { share, plain },
    { trustworthiness, k, images, onMap, byCode },
    labelled,
  ) {
    const { latent } = model.info;
    const made = plain
      ? `A code of ${latent} values is a place on the map itself.`
      : how === 'neighbours'
        ? 'Each was pulled to its nearest by code and pushed off by others, so only what is near counts, not how far apart the rest is.'
        : `Two directions of ${latent} hold ${parts.percent(share)} of what varies.`;
    const labels = labelled
      ? ` Of the ${k} nearest on the map ${parts.percent(onMap)} have the same label, of those by the whole code ${parts.percent(byCode)}.`
      : '';
    return `Trustworthiness ${trustworthiness.toFixed(3)} (${k} neighbours, measured on ${images.toLocaleString('en')} images; 1 is perfect). ${made}${labels}`;
  }

  onTheme(paint);

  async function showStar() {
    const [model, now] = [opened, ++turn];
    const found =
      model?.model.gallerySize && points && judged
        ? await ask('locate', model, { x: judged.x, how }).catch(() => null)
        : null;
    if (now !== turn) return;
    here = found;
    moveStar();
  }

  /** Anew, for another model or arranged otherwise. @param {Opened} model */
  function redo(model) {
    gone.abort();
    gone = new AbortController();
    busy.hide();
    [points, here, rank, clusters] = [null, null, null, null];
    pick([]);
    delete section.dataset.points;
    view.show(new Float32Array(), model.model.info.shape, () => new Uint8Array());
    legend.replaceChildren();
    moveStar();
    if (model.model.gallerySize) chart(model).catch(complain);
    else quality.textContent = 'There is no map without the gallery of known images.';
  }

  return {
    model(next) {
      if (opened === next && points) return;
      if (opened !== next) {
        [by, how] = ['label', 'directions'];
        arranging.choose(how);
        only.clear();
      }
      opened = next;
      redo(next);
    },
    image(next) {
      judged = next;
      showStar();
    },
  };
}
