// The panels below the fold, in Chromium.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { uniform } from '../../web/src/algebra.js';
import {
  brightness,
  draw,
  faults,
  gallery,
  onPage,
  saved,
  screens,
  share,
  site,
  withModel,
} from './browser.mjs';
import { digits, doodles } from './drawings.mjs';
import { assertShort, roam, watchTasks } from './tasks.mjs';

/** @typedef {import('./browser.mjs').Page} Page */
/** @typedef {import('../../web/src/models.js').Listed} Listed */

/** @type {Listed[]} */
const models = JSON.parse(readFileSync(`${site}models.json`, 'utf8'));
const program =
  process.env.LIKENESS_BIN ?? fileURLToPath(new URL('../../build/likeness', import.meta.url));

/** One with a small gallery, where there is one. */
const small = models.find(({ family }) => family === 'ae')?.name ?? 'digits';

share();

/** @param {Page} page @param {string} name */
const panel = (page, name) => page.locator(`[data-panel=${name}]`);

/** Scrolls to a panel and waits for something in it. @param {Page} page @param {string} name @param {string} selector */
async function reach(page, name, selector) {
  const found = panel(page, name);
  await found.scrollIntoViewIfNeeded();
  await found.locator(selector).first().waitFor();
  await found.scrollIntoViewIfNeeded(); // what is above may have grown
  return found;
}

test('nothing of the panels is fetched before they are near, and no worker runs before a verdict', () =>
  withModel(
    'digits',
    async (page, asked) => {
      assert.ok(!asked.some((name) => /lab/.test(name)));
      assert.equal(page.workers().length, 0);
      await draw(page, digits[3]);
      await page.waitForTimeout(300); // now a classifier may be asked, in the one worker
      assert.deepEqual(
        asked.filter((name) => /map|compare|train|report/.test(name)),
        [],
      );
      assert.ok(page.workers().length <= 1);
      await reach(page, 'map', '.map');
      assert.ok(asked.some((name) => name.startsWith('map')));
      assert.ok(!asked.some((name) => /train.*wasm/.test(name)));
    },
    { viewport: { width: 1440, height: 600 } },
  ));

test('neighbours by code and by pixels, and nine steps between two that are pinned by keyboard', () =>
  withModel('digits', async (page) => {
    await page.locator('#samples .sample').nth(4).click();
    const near = await reach(page, 'nearest', '.near button');
    const [byCode, byPixels] = [near.locator('.near').first(), near.locator('.near').last()];
    for (const list of [byCode, byPixels]) {
      assert.equal(await list.locator('canvas').count(), 8);
      const all = await list.locator('.number').allTextContents();
      const distances = all.filter((text) => !text.startsWith('#')).map(Number);
      assert.deepEqual(
        distances,
        [...distances].sort((a, b) => a - b),
      );
    }
    // It is known itself: nothing is nearer, and of its pixels none differ.
    const [first, itself] = [byCode, byPixels].map((list) =>
      list.locator('li').first().locator('.number'),
    );
    assert.equal(await itself.first().textContent(), '0.000');
    assert.equal(await first.last().textContent(), await itself.last().textContent());
    // The row beside the verdict is their short form.
    const titles = (/** @type {import('playwright-core').Locator} */ list) =>
      list.locator('li').evaluateAll((all) => all.map((item) => item.getAttribute('title')));
    assert.deepEqual(await titles(page.locator('#neighbours')), await titles(byCode));
    for (const list of [byCode, byPixels]) {
      await list.locator('button').nth(3).focus();
      await page.keyboard.press('Enter');
    }
    await near.locator('.between-images canvas').nth(8).waitFor();
    assert.equal(await near.locator('.between-images canvas').count(), 9);
    assert.equal((await near.locator('[aria-pressed=true]').count()) >= 2, true);
    await near.screenshot({ path: `${screens}panel-nearest.png` });
    await near.getByRole('button', { name: 'Unpin' }).click();
    assert.equal(await near.locator('.between-images canvas').count(), 0);
  }));

test('the map shows every known image, moves its star, and saves what is selected', () =>
  withModel(small, async (page) => {
    const map = await reach(page, 'map', '.map-legend button');
    const gallery = await page.evaluate(() => window.likeness.state.gallery);
    assert.equal(Number(await map.getAttribute('data-points')), gallery);
    const counts = await map.locator('.map-legend .number').allTextContents();
    assert.equal(counts.length, 10);
    assert.equal(
      counts.reduce((sum, text) => sum + Number(text.replace(',', '')), 0),
      gallery,
    );
    assert.equal(await map.locator('.star').isVisible(), false);
    const star = map.locator('.star');
    const place = async () => {
      await map.scrollIntoViewIfNeeded();
      await star.waitFor();
      return star.evaluate((e) => /** @type {HTMLElement} */ (e).style.transform);
    };
    /** @param {typeof digits[0]} lines */
    const drawn = async (lines) => {
      await page.evaluate(() => scrollTo(0, 0));
      await page.locator('#pad').scrollIntoViewIfNeeded();
      await draw(page, lines);
    };
    await drawn(digits[3]);
    const first = await place();
    await page.locator('[data-action=clear]').click();
    await map.scrollIntoViewIfNeeded();
    await star.waitFor({ state: 'hidden' }); // so that what is seen next is the next one
    await drawn(digits[7]);
    assert.notEqual(await place(), first);
    await map.getByText('Trustworthiness 0.').waitFor();
    const says = (await map.textContent()) ?? '';
    const [, trusted, k, images] =
      /Trustworthiness ([\d.]+) \((\d+) neighbours, measured on ([\d,]+)/.exec(says) ?? [];
    assert.ok(Number(trusted) > 0.6 && Number(trusted) < 1, trusted);
    assert.deepEqual([k, images], ['12', Math.min(2000, gallery).toLocaleString('en')]);

    // The nearest lie nearer when the map is arranged by them, and the star moves along.
    const agreement = async () =>
      Number(/nearest on the map (\d+)/.exec((await map.textContent()) ?? '')?.[1]);
    const byDirections = [await agreement(), await place()];
    await map.getByText('neighbours', { exact: true }).click();
    await map.getByText('Each was pulled to its nearest').waitFor();
    assert.ok((await agreement()) > Number(byDirections[0]) + 3, `${byDirections[0]}`);
    assert.notEqual(await place(), byDirections[1]);

    // By cluster: as many as there are labels, and how well they agree with those.
    await map.getByText('cluster', { exact: true }).click();
    await map.getByText('clusters of codes, found without labels').waitFor();
    const sizes = (await map.locator('.map-legend .number').allTextContents()).map((text) =>
      Number(text.replace(',', '')),
    );
    assert.equal(sizes.length, 10);
    assert.equal(
      sizes.reduce((a, b) => a + b),
      gallery,
    );
    const [, agree] =
      /(\d+)\s% of the images are where/.exec((await map.textContent()) ?? '') ?? [];
    // By chance some 15 %; the network may have seen 2,000 images, once.
    assert.ok(Number(agree) > 20 && Number(agree) < 100, agree);
    await map.screenshot({ path: `${screens}panel-map-clusters.png` });
    await map.getByText('label', { exact: true }).click();

    // By keyboard from image to image.
    await map.locator('.map').focus();
    await page.keyboard.press('ArrowRight');
    const looked = () => map.locator('.map-says').textContent();
    const here = await looked();
    assert.match(here ?? '', /^\d, image \d+$/);
    await page.keyboard.press('ArrowRight');
    assert.notEqual(await looked(), here);

    // A lasso around the left half.
    await map.getByRole('button', { name: 'Lasso' }).click();
    await map.locator('.map').evaluate((canvas) => canvas.scrollIntoView({ block: 'center' }));
    const box = await map.locator('.map').boundingBox();
    assert.ok(box);
    const { x, y, width, height } = box;
    await page.mouse.move(x + 0.02 * width, y + 0.02 * height);
    await page.mouse.down();
    for (const [a, b] of [
      [0.45, 0.01],
      [0.45, 0.99],
      [0.01, 0.99],
    ])
      await page.mouse.move(x + a * width, y + b * height, { steps: 4 });
    await page.mouse.up();
    const [, some] =
      /^([\d,]+) selected/.exec((await map.locator('.map-below .label').textContent()) ?? '') ?? [];
    const { name, bytes } = await saved(page, () =>
      map.getByRole('button', { name: 'Save as CSV' }).click(),
    );
    const [head, ...rows] = bytes.toString().trim().split('\n');
    assert.deepEqual([name, head], [`${small}-map.csv`, 'index,label,x,y']);
    assert.equal(rows.length, Number(some.replace(',', '')));
    assert.ok(rows.length > 20 && rows.length < gallery, `${rows.length}`);
    assert.match(rows[0], /^\d+,\d,-?[\d.]+(e-\d+)?,-?[\d.]+(e-\d+)?$/);
    await map.screenshot({ path: `${screens}panel-map.png` });
    await map.getByRole('button', { name: 'Unselect' }).click();
    for (let i = 0; i < 7; i++) await map.getByRole('button', { name: 'Zoom in' }).click();
    await page.waitForTimeout(200);
    await map.screenshot({ path: `${screens}panel-map-near.png` });
  }));

/** Images of soft spots, as an .npy of bytes. @param {string} file @param {number} n @param {number} side */
function writeSpots(file, n, side) {
  const random = uniform(9);
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${n}, ${side}, ${side}), }`;
  const head = `\x93NUMPY\x01\x00\x76\x00${text.padEnd(117)}\n`;
  const pixels = new Uint8Array(n * side * side);
  for (let i = 0; i < n; i++) {
    const [cx, cy, size] = [side * random(), side * random(), 1 + 2 * random()];
    for (let j = 0; j < side * side; j++) {
      const far = ((j % side) - cx) ** 2 + (Math.floor(j / side) - cy) ** 2;
      pixels[i * side * side + j] = Math.round(255 * Math.exp(-far / (size * size)));
    }
  }
  writeFileSync(file, Buffer.concat([Buffer.from(head, 'latin1'), pixels]));
}

test('a map of 60,000 images never halts the page', () =>
  withModel('digits', async (page) => {
    const folder = mkdtempSync(join(tmpdir(), 'likeness-'));
    try {
      writeSpots(`${folder}/spots.npy`, 72000, 8);
      const out = `${folder}/spots.safetensors`;
      execFileSync(
        program,
        [
          'train',
          'ae',
          '--data',
          `${folder}/spots.npy`,
          '--latent',
          '8',
          '--epochs',
          '1',
          '--gallery',
          '60000',
          '--references',
          '200',
          '--out',
          out,
        ],
        { stdio: 'ignore' },
      );
      const map = await reach(page, 'map', '.map-legend button');
      await page.setInputFiles('#model-file', out);
      await page.waitForFunction(() => window.likeness.state.model === 'own');
      await map.getByText('There is no map without the gallery').waitFor();
      const ended = await watchTasks(page);
      await page.setInputFiles('#model-file', `${folder}/spots.gallery.safetensors`);
      await page.waitForFunction(() => window.likeness.state.gallery === 60000);
      await page.locator('[data-panel=map][data-points="60000"]').waitFor();
      await map.getByText('Trustworthiness').waitFor();
      await roam(map, 6);
      await page.waitForTimeout(150);
      assertShort(await ended());
      await map.screenshot({ path: `${screens}panel-map-60000.png` });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }));

for (const name of ['map', 'mixup', 'unusual', 'common'])
  test(`${name}: what was under way ends when a model without known images is opened`, () =>
    withModel('digits', async (page) => {
      const at = await reach(page, name, '.working:visible');
      const file = { name: 'alone.safetensors', mimeType: '' };
      const buffer = readFileSync(`${site}models/fashion.safetensors`);
      await page.setInputFiles('#model-file', { ...file, buffer });
      await at.getByText('without the gallery of known images').waitFor();
      // It would tell how far it is many times a second.
      await page.waitForTimeout(500);
      assert.equal(await at.locator('.working:visible').count(), 0);
    }));

test('more networks than the worker keeps open are compared, and with the next drawing again', () =>
  onPage(async (page) => {
    const digitsOnly = models.filter(({ name }) => name === 'digits');
    const copies = Array.from({ length: 18 }, (_, i) => ({ ...digitsOnly[0], name: `copy${i}` }));
    const path = `${site}models/digits.safetensors`;
    await page.route('**/copy*.safetensors', (route) => route.fulfill({ path }));
    await page.route('**/models.json', (route) =>
      route.fulfill({ json: [...digitsOnly, ...copies] }),
    );
    await page.reload();
    await gallery(page);
    await draw(page, digits[3]);
    const compare = await reach(page, 'compare', 'thead th');
    await compare.getByRole('button', { name: /^Compare all 19/ }).click();
    const errors = compare.locator('tbody tr').nth(3).locator('td');
    const hint = compare.locator('.compare-head .detail');
    /** All are copies of one. */
    const same = async () => {
      await errors.filter({ hasText: /\d/ }).nth(18).waitFor();
      const text = (await errors.first().textContent()) ?? '';
      await errors.filter({ hasText: text }).nth(18).waitFor();
      assert.equal(await hint.textContent(), '');
      return text;
    };
    const before = await same();
    await page.evaluate(() => scrollTo(0, 0));
    await page.locator('#doodles button').last().click();
    await compare.scrollIntoViewIfNeeded();
    await errors.first().filter({ hasNotText: before }).waitFor();
    await same();
  }));

test('every network of such images redraws the same drawing, and the next one', () =>
  withModel('digits', async (page, asked) => {
    const same = models.filter(({ title }) => title === 'digits');
    await draw(page, digits[3]);
    const compare = await reach(page, 'compare', 'thead th');
    const heads = compare.locator('thead th');
    assert.equal(await heads.count(), 1);
    // The classifier's opinion is asked for all the same.
    assert.deepEqual(
      asked.filter((name) => /^digits-(?!cnn)/.test(name)),
      [],
    );
    if (same.length > 1) {
      const all = compare.getByRole('button', { name: /^Compare all/ });
      const [, shown] = /\(([\d.]+) MB\)/.exec((await all.textContent()) ?? '') ?? [];
      const bytes = same
        .filter(({ name }) => name !== 'digits')
        .reduce((sum, { bytes: b }) => sum + b, 0);
      assert.ok(Math.abs(Number(shown) - bytes / 1e6) <= 0.5, `${shown} of ${bytes}`);
      await all.click();
    }
    await page.waitForFunction(
      (n) => document.querySelectorAll('.compare tbody tr:last-child [class^=said]').length === n,
      same.length,
    );
    assert.equal(await heads.count(), same.length);
    const images = same.filter(({ output }) => output === 'image').length;
    assert.equal(await compare.locator('tbody tr').nth(1).locator('canvas').count(), images);
    const errors = () => compare.locator('tbody tr').nth(3).locator('td').allTextContents();
    const before = await errors();
    const numbers = before.map(Number).filter(Number.isFinite);
    assert.equal(numbers.length, images);
    assert.equal(
      (await compare.locator('[data-best]').count()) >= Math.min(1, same.length - 1),
      true,
    );
    await compare.screenshot({ path: `${screens}panel-compare.png` });
    await page.evaluate(() => scrollTo(0, 0));
    await page.locator('#doodles button').last().click();
    await compare.scrollIntoViewIfNeeded();
    await page.waitForFunction((was) => {
      const cells = document.querySelectorAll('.compare tbody tr:nth-child(4) td');
      return [...cells].every((cell, i) => cell.textContent !== was[i] || was[i] === '–');
    }, before);
    assert.equal(
      await compare.locator('tbody tr:last-child td').first().locator('.said-out').count(),
      1,
    );
  }));

test('the evidence: curves, confusion, curves of alarms, worst images, components', () =>
  withModel('digits', async (page) => {
    const report = JSON.parse(readFileSync(`${site}models/digits.report.json`, 'utf8'));
    const learned = await reach(page, 'learned', '.chart');
    const { epochs } = report;
    const last = epochs[epochs.length - 1];
    await learned.locator('summary').click();
    const row = await learned.locator('.numbers tr').last().locator('th, td').allTextContents();
    assert.equal(row[0], String(last.epoch));
    assert.equal(Number(row[1]), Number(last.loss.toPrecision(4)));
    const card = (await learned.textContent()) ?? '';
    assert.ok(card.includes(report.weights_sha256));
    assert.match(card, /--batch 128 .*--augment 'shift 2, [^-']+'/); // as a shell takes them

    const mixup = await reach(page, 'mixup', '.confusion');
    const cells = await mixup.locator('.confusion td button').allTextContents();
    const sum = cells.reduce((total, text) => total + Number(text), 0);
    const [, count] = /of ([\d,]+) known/.exec((await mixup.textContent()) ?? '') ?? [];
    assert.equal(sum, Number(count.replace(',', '')));
    const right = cells
      .filter((_, i) => i % 11 === 0)
      .reduce((total, text) => total + Number(text), 0);
    assert.ok(right / sum > 0.7, `${right} of ${sum}`);
    // By keyboard to 3 taken for 3: its images are all 3.
    await mixup.locator('.confusion td button').first().focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.equal(
      await mixup.locator('h3').textContent(),
      `3, taken for it: ${cells[33]}, the first 48`,
    );
    const names = await mixup
      .locator('.known-images .sample')
      .evaluateAll((all) => all.map((b) => b.getAttribute('title')));
    assert.ok(
      names.length > 10 && names.every((name) => name?.startsWith('Open 3, image')),
      names.join(),
    );
    await mixup.screenshot({ path: `${screens}panel-mixup.png` });

    const unusual = await reach(page, 'unusual', '.sets li:nth-child(5)');
    const other = models.some(({ title, gallery }) => title === 'fashion' && gallery > 0);
    if (other) {
      await unusual.getByRole('button', { name: /^Add clothes \([\d.]+ MB\)/ }).click();
      await unusual.locator('.sets li:nth-child(6)').waitFor();
    }
    /** @type {Record<string, number>} */
    const areas = {};
    for (const text of await unusual.locator('.sets li').allTextContents()) {
      const [, name, area] = /^(.*)AUROC ([\d.]+)/.exec(text) ?? [];
      areas[name] = Number(area);
    }
    assert.ok(areas.noise > 0.99 && areas.inverted > 0.99, JSON.stringify(areas));
    assert.ok(areas.mirrored > 0.5, JSON.stringify(areas));
    if (other) assert.ok(areas.clothes > 0.95, JSON.stringify(areas));
    await unusual.locator('.worst .sample').nth(15).waitFor();
    await unusual.screenshot({ path: `${screens}panel-unusual.png` });
    await unusual.locator('.worst .sample').first().click();
    await page.waitForFunction(() => (window.likeness.state.result?.p ?? 1) < 0.01);

    const common = await reach(page, 'common', '.common-images canvas');
    const shares = (await common.locator('li:not(:first-child) span').allTextContents()).map(
      Number.parseFloat,
    );
    assert.equal(shares.length, 9);
    assert.deepEqual(
      shares,
      [...shares].sort((a, b) => b - a),
    );
    assert.ok(shares[0] > 5 && shares.reduce((a, b) => a + b) < 100, shares.join());
  }));

test('the neighbour graph: means of clusters, images joined to their nearest, in words too', () =>
  withModel(small, async (page) => {
    const graph = await reach(page, 'graph', '.common-images canvas');
    assert.equal(await graph.locator('.common-images li').count(), 10);
    const [images, joined, share, lines] =
      /(\d+) known digits, each joined to its (\d) nearest by code. (\d+)\s% of the (\d+) lines/
        .exec((await graph.textContent()) ?? '')
        ?.slice(1)
        .map(Number) ?? [];
    assert.deepEqual([images, joined, lines], [200, 3, 600]);
    assert.ok(share > 40 && share < 100, `${share}`);
    await graph.locator('.map').focus();
    await page.keyboard.press('ArrowRight');
    const looked = () => graph.locator('.map-says').textContent();
    const first = await looked();
    assert.match(first ?? '', /^\d, image \d+; nearest: \d, \d, \d$/);
    await page.keyboard.press('p');
    await page.keyboard.press('ArrowRight');
    const second = await looked();
    assert.notEqual(second, first);
    await graph.screenshot({ path: `${screens}panel-graph.png` });
    // What was pinned here and what is pinned there make two.
    const kinds = [first, second].map((text) => (text ?? '')[0]);
    await page.getByText(`${kinds[0]} is pinned: pin another`).first().waitFor();
    await page.keyboard.press('p');
    await page.getByText(`${kinds[0]} and ${kinds[1]} are pinned`).waitFor();
    const near = panel(page, 'nearest');
    await near.scrollIntoViewIfNeeded(); // so that it has begun, and grows no more
    const last = near.locator('.between-images canvas').nth(8);
    await last.waitFor();
    await page.evaluate(() => scrollTo(0, 0));
    await page.getByRole('button', { name: 'Show what lies between' }).click();
    const [shown, bar] = [await last.boundingBox(), await page.locator('#pins').boundingBox()];
    assert.ok(shown && bar && shown.y > 0 && shown.y + shown.height <= bar.y, 'they are covered');
    await page.getByRole('button', { name: 'Unpin' }).last().click();
    assert.ok(await page.locator('#pins').isHidden());
    await page.waitForFunction(() => !document.querySelector('.between-images canvas'));
    // By Enter the image is opened.
    await graph.locator('.map').focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => window.likeness.state.result !== null);
  }));

test('samples, worst images and those behind a mistake can be pinned by their corner and by P', () =>
  withModel(small, async (page) => {
    const corners = page.locator('#samples .pin');
    await corners.nth(2).click();
    await corners.nth(7).click();
    assert.equal(await page.locator('#samples .pin[aria-pressed=true]').count(), 2);
    await page.getByText('2 and 7 are pinned').waitFor();
    assert.equal(await page.locator('#pins canvas').count(), 2);
    await page.locator('#samples .sample').nth(5).focus();
    await page.keyboard.press('p');
    await page.getByText('7 and 5 are pinned').waitFor();
    assert.deepEqual(await faults(page), []);
    await page.screenshot({ path: `${screens}pins.png` });
    const mixup = await reach(page, 'mixup', '.known-images .pin');
    await mixup.locator('.known-images .pin').first().click();
    assert.equal(await page.locator('#samples .pin[aria-pressed=true]').count(), 1);
    await page.locator('#model').selectOption('digits');
    await page.waitForFunction(() => window.likeness.state.model === 'digits');
    assert.ok(await page.locator('#pins').isHidden()); // its codes are others
  }));

test('a network is trained here on known images, opens, judges and is saved; another is cancelled', () =>
  withModel('digits', async (page, asked) => {
    await draw(page, digits[3]);
    const train = await reach(page, 'train', 'button');
    assert.equal(
      await train.getByRole('button', { name: 'Train', exact: true }).isDisabled(),
      true,
    );
    await train.getByText('known images', { exact: true }).click();
    await train.getByLabel('Epochs').fill('300');
    assert.ok(!asked.some((name) => name.endsWith('.wasm') && name.includes('train')));
    await train.getByRole('button', { name: 'Train', exact: true }).click();
    await train.locator('.chart').waitFor();
    await train.getByRole('button', { name: 'Cancel' }).click();
    await train.getByText('Cancelled').waitFor();
    assert.equal(await page.evaluate(() => window.likeness.state.model), 'digits');
    await train.getByLabel('Epochs').fill('10');
    const ended = await watchTasks(page);
    await train.getByRole('button', { name: 'Train', exact: true }).click();
    await page.waitForFunction(() => window.likeness.state.model === 'own');
    await train.getByText('It is open above').waitFor();
    assertShort(await ended());
    assert.ok(asked.some((name) => name.endsWith('.wasm') && name.includes('train')));
    const says = await train.locator('.chart svg').getAttribute('aria-label');
    const [, first, last] = /From (\d\.\d+) to (\d\.\d+)/.exec(says ?? '') ?? [];
    assert.ok(Number(last) < 0.7 * Number(first), says ?? '');
    assert.ok((await brightness(page, '.watched-images canvas:last-child')) > 3);
    const result = await page.evaluate(() => window.likeness.state.result);
    assert.ok(result && ['in', 'out'].includes(result.verdict) && result.p > 0);
    const { name, bytes } = await saved(page, () =>
      train.getByRole('button', { name: 'Save the model' }).click(),
    );
    assert.equal(name, 'trained-here.safetensors');
    assert.ok(
      bytes.toString('latin1', 8, 400).includes('__metadata__'),
      bytes.toString('latin1', 8, 90),
    );
    await train.screenshot({ path: `${screens}panel-train.png` });
  }));

test('a network is trained on two drawings', () =>
  withModel('digits', async (page) => {
    const train = await reach(page, 'train', 'button');
    for (const lines of [digits[0], doodles.star]) {
      await page.evaluate(() => scrollTo(0, 0));
      if (lines === doodles.star) await page.locator('[data-action=clear]').click();
      await draw(page, lines);
      await train.scrollIntoViewIfNeeded();
      await train.getByRole('button', { name: 'Add this drawing' }).click();
    }
    assert.equal(await train.locator('.own-images canvas').count(), 2);
    await train.getByText('2 images; with 60 or more it will judge as well').waitFor();
    await train.getByLabel('Epochs').fill('20');
    await train.getByRole('button', { name: 'Train', exact: true }).click();
    await train.getByText('too few images to judge').waitFor();
    assert.match((await page.locator('#verdict').textContent()) ?? '', /No verdict/);
  }));

test('with all panels open the page fits each screen and axe finds nothing', () =>
  withModel(
    small,
    async (page) => {
      await page.locator('#samples .sample').nth(3).click();
      for (const [name, selector] of [
        ['nearest', '.near button'],
        ['map', '.map-legend button'],
        ['compare', 'thead th'],
        ['learned', '.chart'],
        ['mixup', '.confusion'],
        ['unusual', '.sets li:nth-child(5)'],
        ['common', '.common-images canvas'],
        ['graph', '.common-images canvas'],
        ['train', 'button'],
        ['embed', 'code'],
      ])
        await reach(page, name, selector);
      for (const all of await page.locator('[data-panel] details').all())
        await all.evaluate((details) => details.setAttribute('open', ''));
      for (const [width, colorScheme] of /** @type {const} */ ([
        [1440, 'light'],
        [768, 'dark'],
        [320, 'light'],
        [320, 'dark'],
      ])) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${over} pixels too wide at ${width}`);
        assert.deepEqual(await faults(page), [], `${width} ${colorScheme}`);
        const path = `${screens}panels-${width}-${colorScheme}.png`;
        await page.screenshot({ path, fullPage: true });
      }
    },
    { reducedMotion: 'reduce' },
  ));
