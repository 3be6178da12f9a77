// How the model came about: the curves of its training, and what is to be known of it.

import { lineChart, tableOf } from './charts.js';
import { make } from './dom.js';
import { counted, familyWords, nounsOf } from './labels.js';
import { reportOf } from './models.js';
import { messageOf } from './notice.js';
import * as parts from './parts.js';

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {import('./models.js').Report} Report */
/** @typedef {import('./models.js').Epoch} Epoch */
/** @typedef {'loss' | 'validation_loss' | 'accuracy' | 'validation_accuracy'} Measure */

const LOSS = /** @type {const} */ (['loss', 'validation_loss']);
const ACCURACY = /** @type {const} */ (['accuracy', 'validation_accuracy']);
const NAMES = ['while training', 'held out'];
const COLOURS = ['var(--accent)', 'var(--out)'];

/** @param {string} title @param {Epoch[]} epochs @param {readonly [Measure, Measure]} keys @param {(value: number) => string} format */
function curve(title, epochs, keys, format) {
  const series = keys.map((key, i) => ({
    name: NAMES[i],
    colour: COLOURS[i],
    dashed: i === 1,
    points: epochs.flatMap(({ epoch, [key]: value }) =>
      value === undefined ? [] : [/** @type {[number, number]} */ ([epoch, value])],
    ),
  }));
  const known = series.filter(({ points }) => points.length);
  if (!known.length) return null;
  const all = known.flatMap(({ points }) => points.map(([, value]) => value));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = (high - low) * 0.06 || Math.abs(high) * 0.05;
  const ends = known.map(
    ({ name, points }) =>
      `${name} from ${format(points[0][1])} to ${format(points[points.length - 1][1])}`,
  );
  return lineChart({
    title,
    says: `Over ${counted(epochs.length, 'epoch')}: ${ends.join('; ')}.`,
    series: known,
    x: { name: 'epoch', from: epochs[0].epoch, to: epochs[epochs.length - 1].epoch },
    y: { from: low < high / 3 ? 0 : low - room, to: high + room, format },
  });
}

/** @param {Epoch[]} epochs */
function numbers(epochs) {
  const show = (/** @type {number | undefined} */ v) => (v === undefined ? '–' : v.toPrecision(4));
  const keys = [...LOSS, ...ACCURACY].filter((key) => epochs.some((e) => e[key] !== undefined));
  const heads = keys.map((key) => key.replace('_', ' '));
  return tableOf(
    ['epoch', ...heads, 'seconds'],
    epochs.map((e) => [String(e.epoch), ...keys.map((key) => show(e[key])), e.seconds.toFixed(1)]),
  );
}

/** Operators that do what they do only while training. */
const HARDER = /> (dropout|pose|classify|noise|mask|salt) /;

/** Options as a shell takes them: those of several words in quotes. @param {string} options */
const quoted = (options) => options.replace(/(--[\w-]+) ((?!--)\S+(?: (?!--)\S+)+)/g, "$1 '$2'");

/** @param {Opened} opened @param {Report | null} report @param {string | undefined} options */
function card({ model, name }, report, options) {
  const { info } = model;
  const { channels, height, width } = info.shape;
  const held = info.preparations.map(
    (how) => `${how} by ${model.calibration(how).length.toLocaleString('en')}`,
  );
  /** @type {[string, string][]} */
  const rows = [
    ['Model', `${name}, ${familyWords(info.family)}${info.family ? ` (${info.family})` : ''}`],
    ['Architecture', info.arch],
    ['Parameters', info.parameters.toLocaleString('en')],
    ['Images', `${nounsOf(info.title).many}, ${channels} × ${height} × ${width}`],
    ['Code', `${info.latent} values`],
    ['Data', info.data || 'not said'],
    ['Weights, SHA-256', info.weights],
    [
      'Calibrated',
      held.length ? `${held.join(', ')} held-out images` : 'no, so it gives no verdict',
    ],
  ];
  if (options) rows.push(['Options', quoted(options)]);
  if (report)
    rows.push([
      'Training took',
      `${report.seconds.toFixed(0)} s on ${counted(report.threads, 'thread')} (${report.simd}), ${Math.round(report.images_per_second).toLocaleString('en')} images a second`,
    ]);
  return make(
    'dl',
    { className: 'model-card' },
    ...rows.map(([term, text]) => make('div', {}, make('dt', {}, term), make('dd', {}, text))),
  );
}

/** @param {HTMLElement} section @returns {import('./panels.js').Hears} */
export function start(section) {
  const curves = make('div', { className: 'curves' });
  const about = make('div');
  section.append(make('div', { className: 'learned' }, curves, about));
  /** @type {Opened | null} */
  let opened = null;
  /** @param {string} text */
  const say = (text) => curves.replaceChildren(make('p', { className: 'detail' }, text));

  return {
    async model(next) {
      if (opened === next) return;
      opened = next;
      curves.replaceChildren();
      about.replaceChildren(card(next, null, undefined));
      try {
        const { report, options } = await reportOf(next);
        if (opened !== next) return;
        about.replaceChildren(card(next, report, options));
        if (!report) return say('This model came without the report of its training.');
        const { epochs } = report;
        if (!epochs.length) return say('It was solved in one step, so there is no curve.');
        const charts = [
          curve('Loss', epochs, LOSS, (v) => (v === 0 ? '0' : v.toPrecision(3))),
          curve('Accuracy', epochs, ACCURACY, parts.percent),
        ];
        curves.replaceChildren(...charts.filter((chart) => chart !== null), numbers(epochs));
        const { loss, validation_loss: heldOut } = epochs[epochs.length - 1];
        if (HARDER.test(next.model.info.arch) && loss > (heldOut ?? loss))
          curves.append(
            make(
              'p',
              { className: 'detail' },
              'While training the loss is higher: more is asked of the network than a copy, or values are left out at random.',
            ),
          );
      } catch (error) {
        if (opened === next)
          say(`The report of its training could not be read: ${messageOf(error)}.`);
      }
    },
  };
}
