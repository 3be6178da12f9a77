// A static server for build/site and Debian's Chromium, as the page's tests need them.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

// What the tests need from npm is installed for the page.
const require = createRequire(new URL('../../web/package.json', import.meta.url));
/** @type {typeof import('playwright-core')} */
const { chromium } = require('playwright-core');
/** @type {typeof import('axe-core')} */
const axe = require('axe-core');

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('playwright-core').BrowserContextOptions} ContextOptions */
/** @typedef {[number, number][]} Line points of the pad's 280 x 280 */

export const site = fileURLToPath(new URL('../../build/site/', import.meta.url));
export const screens = fileURLToPath(new URL('../../build/screens/', import.meta.url));
const SUB_PATH = '/some/sub/path/';
const PATIENCE = 60_000; // milliseconds: the worker's studies take seconds, on a busy machine many
const TYPES = new Map([
  ['.html', 'text/html'],
  ['.js', 'text/javascript'],
  ['.css', 'text/css'],
  ['.svg', 'image/svg+xml'],
  ['.wasm', 'application/wasm'],
  ['.woff2', 'font/woff2'],
]);

/** A visitor of its own, who waits long. @param {import('playwright-core').Browser} by @param {ContextOptions} [options] */
export async function visitor(by, options = {}) {
  const context = await by.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  return context;
}

/** Serves build/site under a sub-path of a free port. */
export async function serve() {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const name = pathname.slice(SUB_PATH.length) || 'index.html';
    if (!pathname.startsWith(SUB_PATH) || name.includes('..') || !existsSync(site + name)) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES.get(extname(name)) ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type }).end(await readFile(site + name));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  const address = server.address();
  if (!address || typeof address === 'string') throw new Error('no port');
  const origin = `http://127.0.0.1:${address.port}`;
  return { origin, url: origin + SUB_PATH, close: () => server.close() };
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    timeout: PATIENCE,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--use-fake-device-for-media-stream',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** What the tests of a file share, from `share` on. @type {Awaited<ReturnType<typeof serve>>} */
export let server;
/** @type {Awaited<ReturnType<typeof launch>>} */
export let browser;

/** Starts both before the tests of this file, and ends them after. */
export function share() {
  before(async () => {
    mkdirSync(screens, { recursive: true });
    server = await serve();
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    server?.close();
  });
}

/**
 * A fresh page that writes down whatever goes wrong: errors, policy violations, other origins.
 * @param {import('playwright-core').Browser} browser
 * @param {{origin: string, url: string}} server
 * @param {ContextOptions} [options]
 */
export async function visit(browser, server, options = {}) {
  const context = await visitor(browser, {
    serviceWorkers: 'block', // what a test takes away must not come from there
    permissions: ['clipboard-read', 'clipboard-write'],
    ...options,
  });
  const page = await context.newPage();
  /** @type {string[]} */
  const troubles = [];
  page.on('console', (message) => {
    const blocked = 'Service Worker registration blocked by Playwright';
    if (['error', 'warning'].includes(message.type()) && message.text() !== blocked)
      troubles.push(message.text());
  });
  page.on('pageerror', (error) => troubles.push(String(error)));
  /** @type {string[]} */
  const asked = [];
  page.on('request', (request) => {
    const url = request.url();
    asked.push(url.replace(/^.*\//, ''));
    if (!url.startsWith(server.origin) && !/^(blob|data):/.test(url)) troubles.push(`asked ${url}`);
  });
  await page.exposeFunction('reportViolation', (/** @type {string} */ text) => {
    troubles.push(`policy: ${text}`);
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const report = /** @type {any} */ (window).reportViolation;
      report(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(server.url);
  return { page, asked, troubles, close: () => context.close() };
}

/**
 * A visit that must end without trouble; `asked` are the files that were fetched.
 * @param {(page: Page, asked: string[]) => Promise<void>} work
 * @param {ContextOptions} [options] @param {string} [hash] of the address
 */
export async function onPage(work, options = {}, hash = '') {
  const { page, asked, troubles, close } = await visit(
    browser,
    { ...server, url: server.url + hash },
    options,
  );
  try {
    await ready(page);
    await work(page, asked);
    assert.deepEqual(troubles, []);
  } finally {
    await close();
  }
}

/**
 * The same with a model and its gallery.
 * @param {string} model @param {(page: Page, asked: string[]) => Promise<void>} work
 * @param {ContextOptions} [options]
 */
export function withModel(model, work, options = {}) {
  return onPage(
    async (page, asked) => {
      await gallery(page);
      await work(page, asked);
    },
    options,
    model === 'digits' ? '' : `#${new URLSearchParams({ model })}`,
  );
}

/** Fulfilled when known images are there, the samples among them. @param {Page} page */
export function gallery(page) {
  // The page shows them in the task after the one that has the gallery.
  return page.waitForFunction(
    () => window.likeness.state.gallery > 0 && document.querySelector('#samples .sample'),
  );
}

/** @param {Page} page @param {string} name of what it does */
export function button(page, name) {
  return page.locator(`[data-action=${name}]`);
}

/** A screenshot to look at. @param {Page} page @param {string} name @param {boolean} [fullPage] */
export async function shot(page, name, fullPage = false) {
  await page.mouse.move(0, 0);
  await page.screenshot({ path: `${screens}${name}.png`, fullPage });
}

/** What a click saves. @param {Page} page @param {() => Promise<void>} click */
export async function saved(page, click) {
  const [download] = await Promise.all([page.waitForEvent('download'), click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** Fulfilled when digits can be judged. @param {Page} page */
export function ready(page) {
  return page.evaluate(() => window.likeness.ready);
}

/** Draws lines on the pad with the mouse. @param {Page} page @param {Line[]} lines */
export async function draw(page, lines) {
  const box = await page.locator('#pad').boundingBox();
  if (!box) throw new Error('the pad is not visible');
  const { x: left, y: top, width } = box;
  const at = (/** @type {[number, number]} */ [x, y]) =>
    /** @type {const} */ ([left + (x * width) / 280, top + (y * width) / 280]);
  for (const line of lines) {
    await page.mouse.move(...at(line[0]));
    await page.mouse.down();
    for (const point of line.slice(1)) await page.mouse.move(...at(point), { steps: 2 });
    await page.mouse.up();
  }
}

/** @param {Page} page */
export function verdict(page) {
  return page.evaluate(() => {
    const { verdict, p } = /** @type {HTMLElement} */ (document.getElementById('verdict')).dataset;
    return { verdict, p };
  });
}

/**
 * The pixels of the first such canvas.
 * @param {Page} page @param {string} selector
 * @returns {Promise<number[]>} red, green, blue and opacity of each
 */
export function pixels(page, selector) {
  return page
    .locator(selector)
    .first()
    .evaluate((canvas) => {
      if (!(canvas instanceof HTMLCanvasElement)) throw new Error('no canvas');
      const { width, height } = canvas;
      return [...(canvas.getContext('2d')?.getImageData(0, 0, width, height).data ?? [])];
    });
}

/** The mean of a canvas' red, green and blue, from 0 to 255. @param {Page} page @param {string} selector */
export async function brightness(page, selector) {
  const data = await pixels(page, selector);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
  return sum / (data.length * 0.75);
}

/** The mean difference of a canvas' colours, 0 where all is grey. @param {Page} page @param {string} selector */
export async function colourful(page, selector) {
  const data = await pixels(page, selector);
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) {
    const colour = data.slice(i, i + 3);
    sum += Math.max(...colour) - Math.min(...colour);
  }
  return sum / (data.length / 4);
}

/** What axe finds wrong by WCAG 2.2 AA, a line each. @param {Page} page */
export async function faults(page) {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    const runner = /** @type {{axe: typeof import('axe-core')}} */ (/** @type {any} */ (window))
      .axe;
    const { violations } = await runner.run(document, { runOnly: tags });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
}
