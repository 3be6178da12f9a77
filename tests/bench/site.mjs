// E5: the page itself, in a fresh browser: when a stroke can be drawn, how long ink waits for its
// verdict, and how long the page was ever busy meanwhile. Build the site first.
import { launch, ready, serve } from '../web/browser.mjs';
import { digits } from '../web/drawings.mjs';
import { interleave, median } from './measure.mjs';

/** @typedef {import('./measure.mjs').Row} Row */
/** @typedef {import('./measure.mjs').Settings} Settings */
/** @typedef {{first: number, waits: number[], tasks: number[]}} Seen */

const STROKES = 12;

/** What the page's clock saw. @param {string} url @returns {Promise<Seen>} */
async function drawOn(url) {
  const browser = await launch();
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    await page.addInitScript(() => {
      /** @type {Seen} */
      const seen = { first: 0, waits: [], tasks: [] };
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
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) seen.tasks.push(duration);
      }).observe({ type: 'longtask', buffered: true });
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
    await page.goto(url);
    await ready(page);
    await page.waitForFunction(() => window.likeness.state.gallery > 0);
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
      await page.locator('[data-action=clear]').click();
    }
    return await page.evaluate(() => /** @type {any} */ (window).seen);
  } finally {
    await browser.close();
  }
}

/** @param {Settings} settings @returns {Promise<Row[]>} */
export async function ownPage({ rounds }) {
  const server = await serve();
  /** @type {Seen[]} */
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
    {
      ...common,
      what: 'longest task, loading and drawing',
      ours: all.map(({ tasks }) => Math.max(0, ...tasks)),
      goal: { atMost: 50 },
    },
  ];
}
