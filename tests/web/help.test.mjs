// What the page says when something is missing, its help and its tour, in Chromium.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  browser,
  draw,
  faults,
  gallery,
  ready,
  screens,
  server,
  share,
  site,
  verdict,
  visit,
  visitor,
} from './browser.mjs';
import { digits } from './drawings.mjs';

/** @typedef {import('./browser.mjs').Page} Page */

/** @type {import('../../web/src/models.js').Listed[]} */
const models = JSON.parse(readFileSync(`${site}models.json`, 'utf8'));

share();

/** @param {Page} page @param {string} id */
const text = async (page, id) => (await page.locator(`#${id}`).textContent()) ?? '';

test('where WebAssembly is blocked, the page says what the server must send', async () => {
  const context = await visitor(browser);
  const page = await context.newPage();
  await page.route(server.url, async (route) => {
    const html = readFileSync(`${site}index.html`, 'utf8');
    assert.ok(html.includes(" 'wasm-unsafe-eval'"));
    const body = html.replace(" 'wasm-unsafe-eval'", '');
    await route.fulfill({ body, contentType: 'text/html' });
  });
  await page.goto(server.url);
  await page.getByText('WebAssembly is blocked here').waitFor();
  assert.match(await text(page, 'verdict-detail'), /script-src 'self' 'wasm-unsafe-eval'$/);
  assert.equal(await text(page, 'status-text'), 'no model');
  await draw(page, digits[3]); // which still works
  assert.deepEqual(await verdict(page), { verdict: '', p: '' });
  assert.deepEqual(await faults(page), []);
  await page.screenshot({ path: `${screens}blocked.png` });
  await context.close();
});

test('a model on its way shows the bytes that came, and another that fails leaves the first', async () => {
  const { page, close } = await visit(browser, server);
  try {
    await ready(page);
    await draw(page, digits[3]);
    const before = await verdict(page);
    await page.route('**/fashion.safetensors', (route) => route.abort());
    await page.locator('#model').selectOption('fashion');
    await page.locator('#notice').waitFor();
    assert.match(await text(page, 'notice-text'), /fashion model could not be loaded.*stays/);
    assert.equal(await page.locator('#model').inputValue(), 'digits');
    assert.doesNotMatch(page.url(), /model=/);
    assert.deepEqual(await verdict(page), before);
    await page.screenshot({ path: `${screens}notice.png` });
    await page.unroute('**/fashion.safetensors');
    await page.evaluate(() => {
      const status = /** @type {HTMLElement} */ (document.getElementById('status-text'));
      const seen = /** @type {any} */ (window);
      seen.said = [];
      new MutationObserver(() => seen.said.push(status.textContent)).observe(status, {
        childList: true,
      });
    });
    await page.locator('#model').selectOption('fashion');
    await page.waitForFunction(() => window.likeness.state.model === 'fashion');
    const said = await page.evaluate(() => /** @type {any} */ (window).said);
    assert.match(said[0], /^[\d,]+ (of [\d,]+ )?kB$/);
    assert.match(said.at(-1), /^SIMD/);
  } finally {
    await close();
  }
});

test('help opens by keyboard, and closes again', async () => {
  const { page, troubles, close } = await visit(browser, server);
  try {
    await ready(page);
    await page.locator('[data-action=help]').focus();
    await page.keyboard.press('Enter');
    assert.ok(await page.locator('#help').isVisible());
    // What the evidence on the page is called has its meaning here.
    await page.keyboard.press('Escape');
    await draw(page, digits[3]);
    const called = await page.locator('#evidence dt').allTextContents();
    assert.equal(called.length, 6);
    await page.locator('[data-action=help]').focus();
    await page.keyboard.press('Enter');
    const told = await page.locator('#help-evidence dt').allTextContents();
    assert.deepEqual(
      called.filter((name) => !told.includes(name)),
      [],
    );
    assert.deepEqual(await faults(page), []);
    await page.screenshot({ path: `${screens}help.png` });
    await page.keyboard.press('Escape');
    assert.ok(await page.locator('#help').isHidden());
    await page.locator('[data-action=help]').click();
    await page.locator('#help [data-action=close]').click();
    assert.ok(await page.locator('#help').isHidden());
    assert.deepEqual(troubles, []);
  } finally {
    await close();
  }
});

test('the tour shows each step on the panels themselves, then puts all back', async () => {
  const { page, troubles, close } = await visit(browser, server, { reducedMotion: 'reduce' });
  try {
    await ready(page);
    await gallery(page);
    assert.ok(await page.locator('#tour').isHidden()); // not before it is asked for
    await draw(page, digits[7]);
    const before = await verdict(page);
    await page.locator('[data-action=help]').click();
    await page.locator('[data-action=tour]').click();
    const has = (/** @type {RegExp} */ pattern) =>
      models.some(
        ({ output, title, arch }) => output === 'image' && title === 'digits' && pattern.test(arch),
      );
    const noise = has(/> (noise|mask|salt) /);
    const imagine = has(/> gaussian /);
    const wanted = [
      'Copy',
      'Compress',
      ...(noise ? ['Denoise'] : []),
      ...(imagine ? ['Imagine'] : []),
      'Refuse',
    ];
    for (const [i, title] of wanted.entries()) {
      await page.waitForFunction((name) => {
        const shown = document.getElementById('tour-title')?.textContent;
        return shown === name && document.querySelector('.card[data-toured]');
      }, title);
      assert.equal(await text(page, 'tour-place'), `${i + 1} of ${wanted.length}`);
      if (title === 'Copy') assert.equal((await verdict(page)).verdict, 'in');
      if (title === 'Compress') {
        const moved = () => page.locator('#code-values input').first().inputValue();
        await page.waitForFunction(() => document.querySelector('#code-values input'));
        assert.equal(await moved(), '2');
        assert.deepEqual(await faults(page), []);
      }
      if (title === 'Denoise') {
        await page.waitForFunction(() =>
          /^0.40/.test(document.getElementById('noise-says')?.textContent ?? ''),
        );
        await page.screenshot({ path: `${screens}tour.png` });
      }
      if (title === 'Refuse') {
        await page.waitForFunction(() => window.likeness.state.result?.verdict === 'out');
        assert.equal(await page.evaluate(() => window.likeness.state.model), 'digits');
      }
      await page.keyboard.press('Enter'); // the focus is on Next
    }
    assert.ok(await page.locator('#tour').isHidden());
    assert.equal(await page.locator('[data-toured]').count(), 0);
    await page.waitForFunction(() => window.likeness.state.model === 'digits');
    assert.deepEqual(await verdict(page), before);
    assert.deepEqual(troubles, []);
  } finally {
    await close();
  }
});
