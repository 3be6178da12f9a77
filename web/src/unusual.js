// How well the score tells what is none of the known images from held-out ones that are.

import { roc } from './algebra.js';
import { histogram, lineChart, tableOf } from './charts.js';
import { labelColour } from './colours.js';
import { make } from './dom.js';
import { ask } from './lab.js';
import { nounsOf } from './labels.js';
import { listModels, placeOf } from './models.js';
import { messageOf } from './notice.js';
import * as parts from './parts.js';

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {import('./evidence.js').Change} Change */
/** @typedef {{name: string, colour: string, scores: Float32Array, area: number, points: [number, number][]}} Tested */

const IMAGES = 400; // of each set
const WORST = 16;
const CAUGHT_AT = 0.05; // share of false alarms
/** @type {[Change, string][]} */
const CHANGES = [
  ['mirrored', 'mirrored'],
  ['upside down', 'upside down'],
  ['turned', 'turned by 90°'],
  ['inverted', 'inverted'],
  ['noise', 'noise'],
];

/** The score above which a share of the held-out lies. @param {Float32Array} usual @param {number} share */
function limit(usual, share) {
  return usual[Math.min(usual.length - 1, Math.floor((1 - share) * usual.length))];
}

/** @param {HTMLElement} section @param {import('./panels.js').Open} open @returns {import('./panels.js').Hears} */
export function start(section, open) {
  const busy = parts.working();
  const chart = make('div');
  const rows = make('ul', { className: 'sets' });
  const hint = make('p', { className: 'detail' });
  const more = parts.button('', () => addOther().catch(complain), { hidden: true });
  const strip = make('ol', { className: 'known-images' });
  const stripTitle = make('h3', { className: 'label' });
  const [left, right] = [make('div', {}, chart), make('div', {}, rows, more)];
  section.append(
    busy.element,
    make('div', { className: 'unusual' }, left, right),
    hint,
    make('div', { className: 'worst' }, stripTitle, strip),
  );
  /** @type {Opened | null} */
  let shown = null;
  /** @type {Tested[]} */
  let tested = [];
  /** @type {import('./models.js').Listed | null} */
  let other = null;

  /** @param {unknown} error */
  function complain(error) {
    busy.hide();
    hint.textContent = `Not measured: ${messageOf(error)}.`;
  }

  /** @param {Opened} opened */
  function draw({ model }) {
    const usual = model.calibration('image');
    const threshold = limit(usual, CAUGHT_AT);
    const axis = { low: usual[0], high: limit(usual, 0.002) * 2 - usual[0], threshold };
    const caught = (/** @type {Tested} */ { scores }) =>
      scores.reduce((n, s) => n + Number(s > threshold), 0) / scores.length;
    const { many } = nounsOf(model.info.title);
    rows.replaceChildren(
      ...tested.map((set) => {
        const { name, colour, scores, area } = set;
        const text = `AUROC ${area.toFixed(3)}`;
        const says = `Scores of held-out ${many} and of ${name}: ${text}`;
        const mark = make('i');
        mark.style.background = colour;
        return make(
          'li',
          {},
          make('b', {}, mark, name),
          histogram(usual, scores, colour, axis, says),
          make(
            'span',
            { className: 'number' },
            text,
            make('br'),
            `${parts.percent(caught(set))} caught`,
          ),
        );
      }),
    );
    const ordered = [...tested].sort((a, b) => a.area - b.area);
    chart.replaceChildren(
      lineChart({
        title: 'Caught, against false alarms',
        says: `From ${ordered[0].name}, area ${ordered[0].area.toFixed(3)}, to ${ordered[ordered.length - 1].name}, area ${ordered[ordered.length - 1].area.toFixed(3)}.`,
        series: [
          {
            name: 'chance',
            colour: 'var(--usual)',
            dashed: true,
            points: [
              [0, 0],
              [1, 1],
            ],
          },
          ...tested.map(({ name, colour, points }) => ({ name, colour, points })),
        ],
        x: { name: 'share of false alarms', from: 0, to: 1 },
        y: { from: 0, to: 1, format: parts.percent },
      }),
      tableOf(
        ['images', 'AUROC', `caught at ${parts.percent(CAUGHT_AT)} false alarms`],
        tested.map((set) => [set.name, set.area.toFixed(4), parts.percent(caught(set))]),
      ),
    );
    hint.textContent = `In grey ${usual.length.toLocaleString('en')} held-out ${many}, which the model never saw; in colour ${IMAGES} images of each kind. AUROC is how often one of them scores higher than a held-out one: 1 is perfect, 0.5 is chance. The line allows ${parts.percent(CAUGHT_AT)} of false alarms.`;
  }

  /** @param {Opened} opened @param {Float32Array} images @param {Change} change @param {string} name */
  async function add(opened, images, change, name) {
    const colour = labelColour(tested.length);
    const scores = await ask('scores', opened, { images, change });
    if (shown !== opened) return;
    const { points, area } = roc(opened.model.calibration('image'), scores);
    tested.push({ name, colour, scores, area, points });
    draw(opened);
  }

  /** The first other images of the same shape that this site has a gallery of. @param {Opened} opened */
  async function findOther({ model }) {
    const { shape, title } = model.info;
    const all = await listModels().catch(() => []);
    const same = all.filter(
      (each) =>
        each.gallery > 0 &&
        nounsOf(each.title).many !== nounsOf(title).many &&
        JSON.stringify(each.shape) === JSON.stringify(shape),
    );
    // The smallest files will do.
    return same.sort((a, b) => a.bytes + a.gallery - b.bytes - b.gallery)[0] ?? null;
  }

  async function addOther() {
    const [opened, from] = [shown, other];
    if (!opened || !from) return;
    more.hidden = true;
    const { many } = nounsOf(from.title);
    busy.show(`Fetching ${many}`);
    const place = (/** @type {string} */ ending) => placeOf(from.name, ending);
    const studied = {
      name: from.name,
      source: place('.safetensors'),
      gallery: place('.gallery.safetensors'),
    };
    const images = await ask('some', studied, { count: IMAGES });
    busy.hide();
    await add(opened, images, 'as they are', many);
  }

  /** @param {Opened} opened */
  async function showWorst(opened) {
    const { model } = opened;
    const { which, score, p } = await ask(
      'survey',
      opened,
      {},
      {
        onProgress: (share) => shown === opened && busy.show('Judging every known image', share),
      },
    );
    if (shown !== opened) return;
    busy.hide();
    const order = [...score.keys()].sort((a, b) => score[b] - score[a]).slice(0, WORST);
    stripTitle.textContent = `The most unusual of ${parts.knownOf(model, which.length)}`;
    strip.replaceChildren(
      ...order.map((at) => parts.knownItem(model, which[at], open, `, p = ${p[at].toFixed(4)}`)),
    );
  }

  /** @param {Opened} opened */
  async function show(opened) {
    const { width, height } = opened.model.info.shape;
    const images = await ask('some', opened, { count: IMAGES });
    for (const [change, name] of CHANGES) {
      if (shown !== opened) return;
      if (change !== 'turned' || width === height) await add(opened, images, change, name);
    }
    other = await findOther(opened);
    if (shown !== opened) return;
    if (other) {
      more.textContent = `Add ${nounsOf(other.title).many} (${parts.megabytes(other.bytes + other.gallery)})`;
      more.hidden = false;
    }
    await showWorst(opened);
  }

  return {
    model(next) {
      if (shown === next && tested.length) return;
      shown = next;
      tested = [];
      more.hidden = true;
      busy.hide();
      for (const part of [chart, rows, strip]) part.replaceChildren();
      stripTitle.textContent = hint.textContent = '';
      if (!next.model.gallerySize)
        hint.textContent = 'There is nothing to measure by without the gallery of known images.';
      else if (!next.model.info.preparations.includes('image'))
        hint.textContent = 'This model was never calibrated, so it has no score.';
      else show(next).catch((error) => shown === next && complain(error));
    },
  };
}
