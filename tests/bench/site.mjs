// E5: the page itself, in a fresh browser: when a stroke can be drawn, how long ink waits for its
// verdict, and the longest that the page was ever busy while it opened, while one drew, while a map of
// 60,000 images was loaded, made and moved, and while a network was trained. Build the site first.
import { join } from 'node:path';
import { launch, ready, serve } from '../web/browser.mjs';
import { digits } from '../web/drawings.mjs';
import { LONGEST, roam, watchTasks } from '../web/tasks.mjs';
import { folder, interleave, likeness, median } from './measure.mjs';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./measure.mjs').Row} Row */
/** @typedef {import('./measure.mjs').Settings} Settings */
/** @typedef {import('../web/tasks.mjs').Task} Task */
/** @typedef {{first: number, waits: number[]}} Seen by the page's own clock */
/** @typedef {Seen & {chip: number, tasks: Record<string, Task[]>}} Visit */

const STROKES = 12;
const OPENED = 2000; // milliseconds that a browser needs to start: no page's matter
const REST = 400; // after which the classifier is asked
const large = join(folder, 'large.safetensors'); // with all of 60,000 images in its gallery

/** What each part of the visit does; until it returns, the page's tasks are its own.
 * @type {Record<string, (page: Page, url: string) => Promise<void>>} */
const PARTS = {
  async opening(page, url) {
    await page.goto(url);
    await ready(page);
    await page.waitForFunction(() => window.likeness.state.gallery > 0);
  },
  async drawing(page) {
    const box = await page.locator('#pad').boundingBox();
    if (!box) throw new Error('the pad is not visible');
    const at = (/** @type {[number, number]} */ [x, y]) =>
      /** @type {const} */ ([box.x + (x * box.width) / 280, box.y + (y * box.height) / 280]);
    const lines = Object.values(digits).flat();
    for (let i = 0; i < STROKES; i++) {
      const line = lines[i % lines.length];
      await page.mouse.move(...at(line[0]));
      await page.mouse.down();
      for (const point of line.slice(1)) await page.mouse.move(...at(point));
      await page.mouse.up();
      if (i < 2) await page.waitForTimeout(REST);
      await page.locator('[data-action=clear]').click();
    }
  },
  async 'training in it'(page) {
    const train = page.locator('[data-panel=train]');
    await train.scrollIntoViewIfNeeded();
    await train.getByText('known images', { exact: true }).click();
    await train.getByLabel('Epochs').fill('20');
    await train.getByRole('button', { name: 'Train', exact: true }).click();
    await page.waitForFunction(() => window.likeness.state.model === 'own');
  },
  async 'loading 60,000 images'(page) {
    await page.evaluate(() => scrollTo(0, 0));
    await page.setInputFiles('#model-file', large);
    await page.getByText('without its gallery').waitFor();
    await page.setInputFiles('#model-file', large.replace('.safe', '.gallery.safe'));
    await page.waitForFunction(() => window.likeness.state.gallery === 60000);
    await page.waitForTimeout(REST);
  },
  async 'mapping 60,000 images'(page) {
    const map = page.locator('[data-panel=map]');
    await map.scrollIntoViewIfNeeded();
    await page.locator('[data-panel=map][data-points="60000"]').waitFor();
    await map.getByText('Trustworthiness').waitFor();
    await map.getByText('cluster', { exact: true }).click();
    await map.getByText('clusters of').waitFor();
    await roam(map, 12);
    await page.waitForTimeout(REST);
  },
};

/** Has the page's clock note what `Seen` tells. @param {Page} page */
function note(page) {
  return page.addInitScript(() => {
    /** @type {Seen} */
    const seen = { first: 0, waits: [] };
    const scope = /** @type {any} */ (window);
    scope.seen = seen;
    // The pad listens by the time the page says what it is.
    Object.defineProperty(window, 'likeness', {
      configurable: true,
      set(value) {
        seen.first = performance.now();
        Object.defineProperty(window, 'likeness', { value });
      },
    });
    let moved = 0;
    addEventListener('pointermove', () => (moved ||= performance.now()), { capture: true });
    addEventListener('DOMContentLoaded', () => {
      const box = /** @type {HTMLElement} */ (document.getElementById('verdict'));
      new MutationObserver(() => {
        if (moved && box.dataset.p) seen.waits.push(performance.now() - moved);
        moved = 0;
      }).observe(box, { attributeFilter: ['data-p'] });
    });
  });
}

/** @param {string} url @returns {Promise<Visit>} */
async function drawOn(url) {
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    page.setDefaultTimeout(240_000);
    await note(page);
    await page.waitForTimeout(OPENED);
    /** @type {Record<string, Task[]>} */
    const tasks = {};
    /** @type {(Seen & {chip: number}) | null} */
    let seen = null;
    for (const [name, work] of Object.entries(PARTS)) {
      const ended = await watchTasks(page);
      await work(page, url);
      tasks[name] = await ended();
      if (name !== 'drawing') continue;
      const { first, waits } = await page.evaluate(() => /** @type {any} */ (window).seen);
      const chip = Number.parseFloat(
        ((await page.locator('#status-text').textContent()) ?? '').replace(/^.*·/, ''),
      );
      seen = { first, waits, chip };
    }
    if (!seen) throw new Error('nothing was drawn');
    return { ...seen, tasks };
  } finally {
    await browser.close();
  }
}

/** @param {Settings} settings @returns {Promise<Row[]>} */
export async function ownPage({ rounds }) {
  const how = '--epochs 1 --gallery 60000 --references 200 --out'.split(' ');
  likeness('train', 'ae', '--data', 'mnist:train+fashion:train', ...how, large);
  const server = await serve();
  /** @type {Visit[]} */
  const all = [];
  const { others } = await interleave(rounds, {
    page: async () => {
      all.push(await drawOn(server.url));
      return 0;
    },
  });
  server.close();
  const p95 = (/** @type {Seen} */ { waits }) =>
    [...waits].sort((a, b) => a - b)[Math.floor(0.95 * waits.length)];
  const common = { work: 'E5', less: true, unit: 'ms', others };
  const longest = (/** @type {string} */ part, /** @type {'wall' | 'cpu'} */ by) =>
    all.map(({ tasks }) => Math.max(0, ...tasks[part].map((task) => task[by])));
  return [
    {
      ...common,
      what: 'page opened to first stroke possible, localhost',
      ours: all.map(({ first }) => first),
      goal: { atMost: 1000 },
    },
    {
      ...common,
      what: 'ink to verdict, median',
      ours: all.map(({ waits }) => median(waits)),
    },
    { ...common, what: 'ink to verdict, p95', ours: all.map(p95), goal: { atMost: 16 } },
    { ...common, what: "of which judging, by the page's chip", ours: all.map(({ chip }) => chip) },
    ...Object.keys(PARTS).flatMap((part) => [
      {
        ...common,
        what: `longest task, ${part}`,
        ours: longest(part, 'wall'),
        goal: { atMost: LONGEST },
      },
      {
        ...common,
        what: 'the same, time of the processor',
        ours: longest(part, 'cpu'),
        goal: { atMost: LONGEST },
      },
    ]),
  ];
}
