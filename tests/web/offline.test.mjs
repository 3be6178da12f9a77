// The page without its server: after one visit, and as a single file.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { draw, launch, ready, serve, verdict } from './browser.mjs';
import { digits } from './drawings.mjs';

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;

before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
});

test('after one visit the page needs no server', async () => {
  const server = await serve();
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } });
  try {
    const page = await context.newPage();
    await page.goto(server.url);
    await ready(page);
    await page.waitForFunction(() => window.likeness.state.gallery > 0);
    await page.getByText('It works offline now.').waitFor();
    await page.locator('#model').selectOption('fashion'); // by way of the worker
    await page.waitForFunction(() => window.likeness.state.model === 'fashion');
    await page.waitForFunction(() => window.likeness.state.gallery > 0);
    await draw(page, digits[3]);
    const fashion = await verdict(page);
    const caches = await page.evaluate(() => window.caches.keys());
    assert.equal(caches.length, 2);
    assert.ok(caches.every((name) => name.startsWith(`likeness ${server.url} `)));
    await page.close();
    server.close();
    await context.setOffline(true);
    const again = await context.newPage();
    /** @type {string[]} */
    const troubles = [];
    again.on('pageerror', (error) => troubles.push(String(error)));
    await again.goto(server.url);
    await ready(again);
    await draw(again, digits[3]);
    assert.equal((await verdict(again)).verdict, 'in');
    await again.waitForFunction(() => window.likeness.state.gallery > 0);
    assert.ok((await again.locator('#model option').count()) > 1);
    await again.locator('#model').selectOption('fashion');
    await again.waitForFunction(() => window.likeness.state.model === 'fashion');
    assert.deepEqual(await verdict(again), fashion);
    const font = await again.evaluate(() => document.fonts.check('16px Inter'));
    assert.ok(font);
    assert.deepEqual(troubles, []);
  } finally {
    await context.close();
    server.close();
  }
});
