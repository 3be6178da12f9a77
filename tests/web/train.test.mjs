// Training in the page, in Chromium: what the panel learns from.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gallery, onPage, share, site } from './browser.mjs';

share();

test("known images of the user's own model are learned from again when what was trained took its place", () =>
  onPage(async (page) => {
    await page.setInputFiles('#model-file', `${site}models/digits.safetensors`);
    await page.waitForFunction(() => window.likeness.state.model === 'own');
    await page.setInputFiles('#model-file', `${site}models/digits.gallery.safetensors`);
    await gallery(page);
    const train = page.locator('[data-panel=train]');
    await train.scrollIntoViewIfNeeded();
    await train.getByText('known images', { exact: true }).click();
    await train.getByLabel('Which of the known images').selectOption('only 3');
    await train.getByLabel('Epochs').fill('5');
    for (let i = 0; i < 2; i++) {
      await train.getByRole('button', { name: 'Train', exact: true }).click();
      await train.getByText(/It is open above|failed/).waitFor();
      assert.match((await train.textContent()) ?? '', /It is open above/);
    }
  }));
