// "Train one here": images of the user's own or known ones, a small network, and its learning watched.

import { load } from 'likeness';
import { lineChart } from './charts.js';
import { decode } from './decode.js';
import { make } from './dom.js';
import { Lab } from './lab.js';
import { labelName, nounsOf } from './labels.js';
import { messageOf } from './notice.js';
import * as parts from './parts.js';
import { paintImage } from './pixels.js';
import { save } from './share.js';

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {import('./panels.js').Judged} Judged */
/** @typedef {import('./training.js').News} News */
/** @typedef {'known' | 'own'} From */

const NAME = 'trained here';
const KNOWN = 1000; // images
const WATCHED = 6;
const LEAST = 2; // images to train on
const HELD_OUT = { share: 1 / 3, least: 20, most: 300 };
const OWN_EPOCHS = 150; // of few images, each varied in every epoch
const KNOWN_EPOCHS = 60;
const VARIED = 'shift 2, rotate 10, scale 0.1';
/** @type {[string, string][]} */
const FAMILIES = [
  ['ae', 'one hidden layer'],
  ['gate', 'convolutions, for verdicts'],
];

/** @param {string} name @param {...Node} controls */
function field(name, ...controls) {
  return make('label', { className: 'field' }, make('span', {}, name), ...controls);
}

/** @param {string} name @param {{min: number, max: number, value: number, step?: number}} range */
function slider(name, range) {
  /** @type {HTMLInputElement} */
  const input = document.createElement('input');
  Object.assign(input, { type: 'range', step: 1, ...range });
  const output = make('output', { className: 'number' }, String(range.value));
  input.addEventListener('input', () => {
    output.textContent = input.value;
  });
  const set = (/** @type {number} */ value) => {
    input.value = output.textContent = String(value);
  };
  return { input, set, element: field(name, input, output) };
}

/** Every third of them is held out, if that makes enough to calibrate on. @param {Uint8Array[]} all */
function split(all) {
  const wanted = Math.min(HELD_OUT.most, Math.floor(all.length * HELD_OUT.share));
  if (wanted < HELD_OUT.least) return { images: all, heldOut: [] };
  const every = Math.floor(all.length / wanted);
  const isHeldOut = (/** @type {number} */ i) => i % every === 0 && i / every < wanted;
  return {
    images: all.filter((_, i) => !isHeldOut(i)),
    heldOut: all.filter((_, i) => isHeldOut(i)),
  };
}

/** @param {Uint8Array[]} list */
function joined(list) {
  const all = new Uint8Array(list.reduce((sum, bytes) => sum + bytes.length, 0));
  let at = 0;
  for (const bytes of list) {
    all.set(bytes, at);
    at += bytes.length;
  }
  return all;
}

/** @param {HTMLElement} section @param {import('./panels.js').Open} open @returns {import('./panels.js').Hears} */
export function start(section, open) {
  /** @type {Opened | null} */
  let opened = null;
  /** The last that had a gallery: what was trained here has none. @type {Opened | null} */
  let known = null;
  let knownSize = 0; // images of its gallery
  /** @type {Judged | null} */
  let judged = null;
  /** @type {From} */
  let from = 'own';
  /** The user's own images, as the model open then saw them. @type {{bytes: Uint8Array, drawn: boolean}[]} */
  let own = [];
  /** @type {Lab | null} */
  let lab = null;
  /** @type {ArrayBuffer | null} */
  let file = null;

  const source = parts.segments(
    'Learn from',
    [
      ['own', 'my images'],
      ['known', 'known images'],
    ],
    (value) => choose(/** @type {From} */ (value)),
  );
  const add = parts.button('Add this drawing', () => {
    if (judged) keep(judged.x, judged.kind === 'drawing');
  });
  /** @type {HTMLInputElement} */
  const files = document.createElement('input');
  Object.assign(files, { type: 'file', multiple: true, accept: 'image/*', hidden: true });
  const pick = parts.button('Add pictures…', () => files.click());
  const none = parts.button('Remove all', () => {
    own = [];
    show();
  });
  const label = document.createElement('select');
  label.ariaLabel = 'Which of the known images';
  const list = make('ul', { className: 'own-images', ariaLabel: 'Images to learn from' });
  const says = make('p', { className: 'detail', ariaLive: 'polite' });
  const family = document.createElement('select');
  for (const [value, textContent] of FAMILIES)
    family.append(make('option', { value, textContent }));
  const network = field('Network', family);
  const code = slider('Code values', { min: 2, max: 64, value: 32 });
  const epochs = slider('Epochs', { min: 5, max: 300, value: OWN_EPOCHS, step: 5 });
  const go = parts.button('Train', () => train().catch(complain));
  const stop = parts.button('Cancel', () => lab?.end(), { hidden: true });
  const saveIt = parts.button('Save the model', () => {
    if (file) save('trained-here.safetensors', 'application/octet-stream', [file]);
  });
  saveIt.hidden = true;
  const busy = parts.working();
  const chart = make(
    'div',
    {},
    make(
      'p',
      { className: 'detail coming' },
      'Here you will see its loss fall, and some images as it redraws them.',
    ),
  );
  const watched = make('div', { className: 'watched' });
  const choice = make('div', { className: 'training-choice' });
  choice.append(
    source.element,
    make('div', { className: 'row' }, add, pick, files, none, label),
    list,
    network,
    code.element,
    epochs.element,
    make('div', { className: 'row' }, go, stop, saveIt),
    says,
  );
  const seen = make('div', { className: 'training-seen' }, busy.element, chart, watched);
  section.append(make('div', { className: 'training' }, choice, seen));

  /** @param {Float32Array} x @param {boolean} drawn */
  function keep(x, drawn) {
    own.push({ bytes: Uint8Array.from(x, (v) => Math.round(255 * v)), drawn });
    show();
  }

  files.addEventListener('change', async () => {
    const chosen = [...(files.files ?? [])];
    files.value = '';
    let unread = 0;
    for (const each of chosen) {
      try {
        const picture = await decode(each);
        if (!opened) return;
        const { x, empty } = opened.model.prepare(picture);
        if (empty) unread++;
        else keep(x, false);
      } catch {
        unread++;
      }
    }
    if (unread) says.textContent = `${unread} of ${chosen.length} could not be read, or are blank.`;
  });

  /** @param {From} value */
  function choose(value) {
    from = value;
    epochs.set(value === 'own' ? OWN_EPOCHS : KNOWN_EPOCHS);
    show();
  }

  /** As many as are learned from. @param {Opened['model']} model @param {number | null} wanted label */
  function someOf(model, wanted) {
    const all = [...Array(model.gallerySize).keys()].filter(
      (i) => wanted === null || model.galleryImage(i).label === wanted,
    );
    const drawn = model.info.preparations.includes('ink');
    const step = Math.max(1, all.length / KNOWN);
    return Array.from({ length: Math.min(KNOWN, all.length) }, (_, i) => ({
      bytes: model.galleryImage(all[Math.floor(i * step)]).thumbnail,
      drawn,
    }));
  }

  /** The images that were chosen. @returns {Promise<{bytes: Uint8Array, drawn: boolean}[]>} */
  async function chosen() {
    if (from === 'own' || !known?.gallery) return own;
    const wanted = label.value === '' ? null : Number(label.value);
    // The page may have disposed of the model since: what was trained here took its place.
    const model = await load(known.source);
    try {
      await model.loadGallery(known.gallery);
      return someOf(model, wanted);
    } finally {
      model.dispose();
    }
  }

  /** Known labels, to learn one kind alone. @param {Opened} model */
  function offerLabels({ model }) {
    const labels = new Set(
      Array.from(
        { length: Math.min(500, model.gallerySize) },
        (_, i) => model.galleryImage(i).label,
      ),
    );
    const sorted = [...labels].filter((each) => each !== null).sort((a, b) => a - b);
    label.replaceChildren(
      make('option', { value: '', textContent: `${KNOWN.toLocaleString('en')} of all` }),
      ...sorted.map((each) =>
        make('option', {
          value: String(each),
          textContent: `only ${labelName(model.info, each)}`,
        }),
      ),
    );
  }

  function show() {
    const isOwn = from === 'own';
    for (const control of [add, pick]) control.hidden = !isOwn;
    none.hidden = !isOwn || own.length === 0;
    label.hidden = isOwn;
    list.hidden = !isOwn;
    add.disabled = !judged;
    add.textContent = judged?.kind === 'picture' ? 'Add this picture' : 'Add this drawing';
    list.replaceChildren(
      ...own.slice(-48).map(({ bytes }, i) => {
        const canvas = make('canvas', {
          className: 'pixels',
          role: 'img',
          ariaLabel: `image ${i + 1}`,
        });
        if (opened) paintImage(canvas, parts.values(bytes), opened.model.info.shape);
        return make('li', {}, canvas);
      }),
    );
    const enough = Math.ceil(HELD_OUT.least / HELD_OUT.share);
    const count = isOwn ? own.length : knownSize;
    go.disabled = lab !== null || count < LEAST;
    if (lab) return;
    says.textContent = isOwn
      ? count < LEAST
        ? 'Draw above, and add each drawing here; or add pictures. Two are the least.'
        : `${count} images${count < enough ? `; with ${enough} or more it will judge as well, with fewer it only redraws` : ''}.`
      : count
        ? 'A third is held out, so that the new model can judge.'
        : 'There are none without the gallery of known images.';
  }

  /** @param {Uint8Array[]} images @param {Opened} model */
  function watch(images, { model: { info } }) {
    const canvases = images.map((bytes, i) => {
      const [before, after] = ['Image', 'Its reconstruction'].map((what) =>
        make('canvas', { className: 'pixels', role: 'img', ariaLabel: `${what} ${i + 1}` }),
      );
      paintImage(before, parts.values(bytes), info.shape);
      paintImage(after, new Float32Array(bytes.length), info.shape);
      return { before, after };
    });
    watched.replaceChildren(
      make('p', { className: 'label' }, 'Above what it is shown, below what it makes of it'),
      make(
        'div',
        { className: 'watched-images' },
        ...canvases.map((c) => c.before),
        ...canvases.map((c) => c.after),
      ),
    );
    return (/** @type {Float32Array} */ redrawn) => {
      const size = redrawn.length / images.length;
      canvases.forEach(({ after }, i) => {
        paintImage(after, redrawn.subarray(i * size, (i + 1) * size), info.shape);
      });
    };
  }

  /** @param {[number, number][]} points @param {number} last */
  function plot(points, last) {
    const losses = points.map(([, loss]) => loss);
    const [first, now] = [losses[0], losses[losses.length - 1]];
    chart.replaceChildren(
      lineChart({
        title: 'Loss',
        says: `From ${first.toPrecision(3)} to ${now.toPrecision(3)}.`,
        series: [{ name: 'while training', colour: 'var(--accent)', points }],
        x: { name: 'epoch', from: 0, to: last },
        y: { from: 0, to: Math.max(...losses) * 1.05, format: (v) => (v ? v.toPrecision(2) : '0') },
      }),
    );
  }

  async function train() {
    const isOwn = from === 'own';
    const model = isOwn ? opened : known;
    if (!model || lab) return;
    const last = epochs.input.valueAsNumber;
    /** @type {[number, number][]} */
    const points = [];
    const many = isOwn ? '' : nounsOf(model.model.info.title).many;
    const mine = new Lab();
    lab = mine;
    file = null;
    [stop.hidden, saveIt.hidden] = [false, true];
    show();
    says.textContent = '';
    busy.show('Fetching the images', 0);
    try {
      const all = await chosen();
      const { images, heldOut } = split(all.map(({ bytes }) => bytes));
      const ink = all.every(({ drawn }) => drawn) && model.model.info.shape.channels === 1;
      const few = images.slice(0, WATCHED);
      const redraw = watch(few, model);
      busy.show('Fetching the trainer', 0);
      const title = many ? model.model.info.title : ink ? 'drawings' : 'images';
      const done = await mine.ask(
        'train',
        null,
        {
          images: joined(images),
          heldOut: joined(heldOut),
          watched: joined(few),
          shape: { ...model.model.info.shape },
          ink,
          family: family.value,
          latent: code.input.valueAsNumber,
          batch: Math.min(32, images.length),
          epochs: last,
          augment: isOwn ? VARIED : '',
          title,
        },
        {
          onProgress(share, told) {
            const news = /** @type {News | undefined} */ (told);
            if (!news) return;
            if (Number.isFinite(news.loss)) points.push([news.epoch, news.loss]);
            plot(points, last);
            if (news.redrawn) redraw(news.redrawn);
            const speed = Math.round(news.speed).toLocaleString('en');
            busy.show(`Epoch ${Math.ceil(news.epoch)} of ${last}, ${speed} images a second`, share);
          },
        },
      );
      file = done.file;
      saveIt.hidden = false;
      open(new File([done.file], `${NAME}.safetensors`));
      says.textContent = done.judges
        ? `It is open above, calibrated by ${heldOut.length} images that it was not trained on.`
        : 'It is open above; it redraws, but was shown too few images to judge.';
    } catch (error) {
      if (!parts.isAbort(error)) throw error;
      says.textContent = 'Cancelled; the model above has stayed.';
    } finally {
      mine.end();
      lab = null;
      stop.hidden = true;
      busy.hide();
      go.disabled = false;
    }
  }

  /** @param {unknown} error */
  function complain(error) {
    says.textContent = `Training has failed: ${messageOf(error)}.`;
  }

  show();
  return {
    model(next) {
      const before = opened?.model.info.shape;
      if (before && JSON.stringify(before) !== JSON.stringify(next.model.info.shape)) own = [];
      const another = opened !== next || (next.model.gallerySize > 0 && known !== next);
      const trained = next.name === NAME;
      opened = next;
      if (next.model.gallerySize) {
        known = next;
        knownSize = next.model.gallerySize;
        offerLabels(next);
      }
      if (another && !trained) show();
    },
    image(next) {
      judged = next;
      add.disabled = !judged;
      add.textContent = judged?.kind === 'picture' ? 'Add this picture' : 'Add this drawing';
    },
  };
}
