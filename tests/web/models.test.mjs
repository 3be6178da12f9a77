// Every model of the site in the page: the picker, and what the page shows of each kind.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  brightness,
  browser,
  colourful,
  draw,
  faults,
  gallery,
  onPage,
  pixels,
  ready,
  server,
  share,
  site,
  verdict,
  visit,
  withModel,
} from './browser.mjs';
import { digits, doodles } from './drawings.mjs';

/** @typedef {import('./browser.mjs').Page} Page */
/** @typedef {import('../../web/src/models.js').Listed & Pick<import('likeness').Info, 'arch' | 'output' | 'shape' | 'classes' | 'labels' | 'codes'>} Listed */

/** @type {Listed[]} */
const models = JSON.parse(readFileSync(`${site}models.json`, 'utf8'));
/** The first model that is so, or why a test must be skipped. @param {(model: Listed) => boolean} is */
function first(is) {
  const found = models.find(is);
  return { model: found?.name ?? '', skip: found ? false : 'the site has no such model' };
}

share();

/** A known image, as input. @param {Page} page @param {number} which */
const sample = (page, which) => page.locator('#samples .sample').nth(which).click();

test('the picker lists every model of the site, digits first, and the address names the choice', () =>
  withModel('digits', async (page) => {
    const values = await page
      .locator('#model option')
      .evaluateAll((all) => all.map((option) => /** @type {HTMLOptionElement} */ (option).value));
    assert.deepEqual([...values].sort(), models.map(({ name }) => name).sort());
    assert.deepEqual(values.slice(0, 1), ['digits']);
    await page.locator('#model').focus();
    await page.locator('#model').selectOption('fashion');
    await page.waitForFunction(() => window.likeness.state.model === 'fashion');
    assert.match(page.url(), /#model=fashion$/);
    await page.reload();
    await ready(page);
    assert.equal(await page.evaluate(() => window.likeness.state.model), 'fashion');
    assert.equal(await page.locator('#model').inputValue(), 'fashion');
  }));

test('an address that names no model of the site opens the first, and says so', () =>
  withModel('../elsewhere', async (page) => {
    assert.equal(await page.evaluate(() => window.likeness.state.model), 'digits');
    assert.match((await page.locator('#notice-text').textContent()) ?? '', /no model called/);
    assert.doesNotMatch(page.url(), /#/);
  }));

test('nor does an open page ask for what another address names', () =>
  onPage(async (page, asked) => {
    await page.evaluate(() => {
      location.hash = 'model=elsewhere';
    });
    await page.getByText('There is no model called elsewhere here.').waitFor();
    assert.ok(!asked.some((name) => name.startsWith('elsewhere')));
    assert.equal(await page.evaluate(() => window.likeness.state.model), 'digits');
    assert.doesNotMatch(page.url(), /#./);
  }));

/** Keeps a model back until it is let go. @param {Page} page @param {string} name */
async function hold(page, name) {
  /** @type {() => void} */
  let go = () => {};
  const held = new Promise((resolve) => {
    go = () => resolve(null);
  });
  await page.route(`**/${name}.safetensors`, (route) => held.then(() => route.continue()));
  return go;
}

test('a file that is no model leaves the one that is on its way', () =>
  onPage(async (page) => {
    const go = await hold(page, 'fashion');
    await page.locator('#model').selectOption('fashion');
    const file = { name: 'own.safetensors', mimeType: '', buffer: Buffer.from('nonsense') };
    await page.setInputFiles('#model-file', file);
    await page.locator('#notice').waitFor();
    go();
    await page.waitForFunction(() => window.likeness.state.model === 'fashion');
  }));

test('an address that leads back overtakes the model that is on its way', () =>
  onPage(async (page) => {
    const go = await hold(page, 'fashion');
    const lead = (/** @type {string} */ hash) =>
      page.evaluate((to) => {
        location.hash = to;
      }, hash);
    const asked = page.waitForRequest('**/fashion.safetensors');
    await lead('model=fashion');
    await asked;
    await lead('model=digits');
    const came = page.waitForResponse('**/fashion.safetensors');
    go();
    await (await came).finished();
    await page.waitForTimeout(500); // time enough to be shown, wrongly
    assert.equal(await page.evaluate(() => window.likeness.state.model), 'digits');
    assert.equal(await page.locator('#model').inputValue(), 'digits');
  }));

for (const { name, output, classes, labels, codes, arch } of models)
  test(`${name}: judged, and what it makes is shown`, () =>
    withModel(name, async (page) => {
      await sample(page, 1);
      // Without images no reconstruction; with poses, six in the place of one, class and logit.
      const posed = /> pose (\d+) /.exec(arch);
      const wanted = (output === 'image' ? 4 : 3) + (posed ? (posed[1] === '1' ? 5 : 7) : 0);
      const { verdict: said, p } = await verdict(page);
      assert.ok(['in', 'out'].includes(said ?? '') && Number(p) > 0, `${said}, p = ${p}`);
      assert.equal(await page.locator('#evidence dt').count(), wanted);
      assert.equal(await page.locator('#neighbours canvas').count(), 8);
      assert.ok((await brightness(page, '#seen')) > 0);
      assert.equal(await page.locator('#redrawn').isVisible(), output === 'image');
      if (output === 'image') assert.ok((await brightness(page, '#redrawn')) > 0);
      assert.equal(await page.locator('#makes-nothing').isVisible(), output === 'code');
      assert.equal(await page.locator('#opinion').isVisible(), classes > 0);
      assert.equal(await page.locator('#label-box').isVisible(), labels > 0 && output === 'image');
      assert.equal(await page.locator('#words li').count(), codes);
      const takesNoise = output === 'image' && /> (noise|mask|salt) /.test(arch);
      assert.equal(await page.locator('#noise-box').isVisible(), takesNoise);
      await page.locator('#tab-draw').click();
      await draw(page, doodles.scribble);
      assert.match((await verdict(page)).verdict ?? '', /^(in|out)$/);
    }));

// One whose classes have names: those of digits would run into their shares.
const classifier = first(({ classes, title }) => classes === 10 && title === 'fashion');
test(
  'a classifier says its class in words, each probability as a bar',
  { skip: classifier.skip },
  () =>
    withModel(classifier.model, async (page) => {
      assert.equal(await page.locator('#says').textContent(), '');
      await sample(page, 1);
      const said = (await page.locator('#says').textContent()) ?? '';
      const [, name, share] = /network says ([^,]+), (?:over\s)?([\d.]+)\s%/.exec(said) ?? [];
      const rows = await page.locator('#classes li').allTextContents();
      assert.equal(rows.length, 10);
      const best = (await page.locator('#classes [data-best]').textContent()) ?? '';
      assert.ok(best.startsWith(name) && best.includes(share), `${best} | ${said}`);
      const shares = rows.map((row) => Number(/([\d.]+)\s%/.exec(row)?.[1]));
      assert.ok(Math.abs(shares.reduce((a, b) => a + b, 0) - 100) < 1, rows.join());
      assert.equal(Math.max(...shares), Number(share));
      const wide = await page
        .locator('#classes [data-best] .bar')
        .evaluate((bar) => (bar.children[0].clientWidth * 100) / bar.clientWidth);
      assert.ok(Math.abs(wide - Number(share)) < 2, `${wide} for ${share}`);
    }),
);

const conditional = first(({ labels, output }) => labels > 0 && output === 'image');
const gates = ['digits', 'fashion'].map((name) => {
  const judge = models.find((model) => model.name === name);
  const other = models.find(({ output, title }) => output === 'classes' && title === judge?.title);
  return { name, skip: judge && other ? false : `the site has no classifier of ${name}` };
});
for (const { name, skip } of gates)
  test(`a classifier's opinion stands beside the verdict of ${name}`, { skip }, () =>
    withModel(name, async (page) => {
      const says = page.locator('#classifier-says');
      assert.ok(await says.isHidden());
      const sample = page.locator('#samples .sample').first();
      const known = await sample.getAttribute('aria-label');
      await sample.click();
      const pattern = /^A classifier(, which has to choose,)? says (.+), (?:over\s)?[\d.]+\s%\.$/;
      await says.waitFor();
      const [, , label] = pattern.exec((await says.textContent()) ?? '') ?? [];
      assert.ok(label, `${await says.textContent()}, of ${known}`);
      // Of what is none of its classes it is asked too, and says one all the same.
      await page.locator('#doodles button').nth(2).click();
      assert.equal((await verdict(page)).verdict, 'out');
      await page.waitForFunction(() =>
        /has to choose, says/.test(document.getElementById('classifier-says')?.textContent ?? ''),
      );
      await page.locator('[data-action=clear]').click();
      assert.ok(await says.isHidden());
    }),
  );

test('no verdict waits for the classifier', { skip: gates[0].skip }, async () => {
  const { page, asked, close } = await visit(browser, server);
  try {
    await ready(page);
    await gallery(page);
    const classifiers = () => asked.filter((name) => /cnn\.safetensors$/.test(name));
    assert.deepEqual(classifiers(), []); // nothing was drawn yet
    await page.route(/cnn\.safetensors$/, (route) => route.abort());
    await draw(page, digits[3]);
    assert.equal((await verdict(page)).verdict, 'in');
    assert.ok(await page.locator('#classifier-says').isHidden());
  } finally {
    await close();
  }
});

test('the piece of evidence that made the verdict is shown', () =>
  withModel('digits', async (page) => {
    await page.locator('#doodles button').nth(2).click();
    const { scores } = await page.evaluate(() => /** @type {any} */ (window.likeness.state.result));
    const order = Object.keys(scores).sort((a, b) => scores[b].surprise - scores[a].surprise);
    const rows = page.locator('#evidence > div');
    assert.equal(await rows.count(), order.length);
    const most = page.locator('#evidence > .most dt');
    assert.equal(await most.count(), 1);
    assert.equal(
      await rows.nth(Object.keys(scores).indexOf(order[0])).getAttribute('class'),
      'most',
    );
    const name = ((await most.textContent()) ?? '').toLowerCase();
    const said = (await page.locator('#verdict-detail').textContent()) ?? '';
    assert.ok(said.includes(`Most telling: ${name}.`), said);
  }));

test("a model's own alpha is in force until another is chosen", async () => {
  const { page, close } = await visit(browser, server);
  try {
    await ready(page);
    const bytes = readFileSync(`${site}models/digits.safetensors`).toString('latin1');
    const open = async (/** @type {string} */ name, /** @type {string} */ alpha) => {
      const text = bytes.replace('"title":"digits"', `"alpha":"${alpha}"`);
      const buffer = Buffer.from(text, 'latin1');
      await page.setInputFiles('#model-file', { name, mimeType: '', buffer });
      await page.waitForFunction(
        (wanted) => document.querySelector('#model option:checked')?.textContent === wanted,
        name.replace('.safetensors', ''),
      );
      return page.evaluate(() => window.likeness.state.alpha);
    };
    assert.equal(await page.evaluate(() => window.likeness.state.alpha), 0.01);
    assert.equal(await open('a.safetensors', '0.0250'), 0.025);
    assert.equal(await page.locator('#alpha-own-says').textContent(), '40');
    assert.equal(await open('b.safetensors', '0.0500'), 0.05);
    assert.ok(await page.locator('#alpha-own').isHidden());
    assert.equal(await open('c.safetensors', '0.0001'), 0.0001);
    await draw(page, doodles.star);
    assert.match(
      (await page.locator('#verdict-detail').textContent()) ?? '',
      /By 3600 held-out .* no p is under 0\.0003: nothing can be out\./,
    );
    await page.locator('#alpha label', { hasText: /^ 10$/ }).click();
    assert.equal(await open('d.safetensors', '0.0250'), 0.1);
  } finally {
    await close();
  }
});

test('a conditioned model draws as the class that is chosen', { skip: conditional.skip }, () =>
  withModel(conditional.model, async (page) => {
    await sample(page, 1);
    const redrawn = async () => String(await pixels(page, '#redrawn'));
    const before = [await verdict(page), await redrawn()];
    assert.deepEqual(await faults(page), []);
    await page.locator('#label').selectOption('3');
    const third = await redrawn();
    await page.locator('#label').selectOption('7');
    assert.equal(new Set([before[1], third, await redrawn()]).size, 3);
    await page.locator('#label').selectOption('');
    assert.deepEqual([await verdict(page), await redrawn()], before);
  }),
);

const denoising = first(
  ({ arch, output }) => /> (noise|mask|salt) /.test(arch) && output === 'image',
);
test(
  'noise is put on the image and taken away, and the verdict stays',
  { skip: denoising.skip },
  () =>
    withModel(denoising.model, async (page) => {
      await sample(page, 1);
      const before = [await verdict(page), await brightness(page, '#seen')];
      await page.locator('#noise').fill('0.4');
      assert.match(
        (await page.locator('#noise-says').textContent()) ?? '',
        /^0.40: [\d.]+ dB in, [\d.]+ dB out/,
      );
      assert.ok((await brightness(page, '#seen')) !== before[1]);
      assert.deepEqual(await verdict(page), before[0]);
      assert.deepEqual(await faults(page), []);
      await page.locator('#noise').fill('0');
      assert.deepEqual([await verdict(page), await brightness(page, '#seen')], before);
    }),
);

test('a code is changed by hand, and put back', () =>
  withModel('digits', async (page) => {
    await draw(page, digits[3]);
    const before = await brightness(page, '#redrawn');
    await page.locator('#code summary').click();
    await page.locator('#code-values input').first().waitFor();
    assert.equal(await page.locator('#code-values input').count(), 12);
    for (const [i, value] of ['-3', '3'].entries())
      await page.locator('#code-values input').nth(i).fill(value);
    assert.notEqual(await brightness(page, '#redrawn'), before);
    assert.deepEqual(await faults(page), []);
    await page.locator('#code-reset').click();
    assert.equal(await brightness(page, '#redrawn'), before);
  }));

test('codes are measured once, however many images come meanwhile', () =>
  withModel('digits', async (page) => {
    const turns = await page.evaluate(async () => {
      let turns = 0; // of the page's, between a few codes and the next
      const wait = window.setTimeout;
      const counted = (/** @type {TimerHandler} */ work, /** @type {number} */ time) => {
        if (time === undefined) turns++;
        return wait(work, time);
      };
      window.setTimeout = /** @type {typeof wait} */ (counted);
      /** @type {HTMLDetailsElement} */ (document.getElementById('code')).open = true;
      for (const each of document.querySelectorAll('#samples .sample'))
        each.dispatchEvent(new MouseEvent('click', { bubbles: true }));
      while (!document.querySelector('#code-values input'))
        await new Promise((resolve) => wait(resolve, 50));
      await new Promise((resolve) => wait(resolve, 300)); // for others, were there any
      return turns;
    });
    assert.ok(turns >= 32 && turns < 64, `${turns} turns`);
  }));

const coloured = first(({ shape, output }) => shape.channels === 3 && output === 'image');
test(
  'a model of colour sees, redraws and shows its neighbours in colour',
  { skip: coloured.skip },
  () =>
    withModel(coloured.model, async (page) => {
      const samples = [];
      for (let i = 0; i < 10; i++)
        samples.push(await colourful(page, `#samples li:nth-child(${i + 1}) canvas`));
      const most = Math.max(...samples);
      assert.ok(most > 10, `samples: ${samples}`);
      await sample(page, samples.indexOf(most));
      assert.equal(await colourful(page, '#seen'), most);
      // It is in the gallery itself, and so its own nearest.
      assert.equal(await colourful(page, '#neighbours canvas'), most);
      const svg =
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><rect width="300" height="200" fill="#e02020"/><circle cx="150" cy="100" r="60" fill="#2030e0"/></svg>';
      const file = { name: 'a.svg', mimeType: 'image/svg+xml', buffer: Buffer.from(svg) };
      await page.setInputFiles('#picture-file', file);
      // The file takes its time to be read, and until then the sample is shown.
      await page.waitForFunction(() => {
        const canvas = document.querySelector('#seen');
        if (!(canvas instanceof HTMLCanvasElement)) throw new Error('no canvas');
        const [red, green, blue] = canvas.getContext('2d')?.getImageData(0, 0, 1, 1).data ?? [];
        return red === 0xe0 && green === 0x20 && blue === 0x20;
      });
      await page.locator('#tab-draw').click();
      await draw(page, digits[3]);
      assert.equal(await colourful(page, '#seen'), 0);
      assert.ok((await brightness(page, '#seen')) > 10);
    }),
);

for (const [name, options] of /** @type {const} */ ([
  ['phone', { viewport: { width: 320, height: 640 } }],
  ['dark', { colorScheme: 'dark' }],
]))
  test(`the page of a classifier fits: ${name}`, { skip: classifier.skip }, () =>
    withModel(
      classifier.model,
      async (page) => {
        await sample(page, 1);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${over} pixels too wide`);
        assert.deepEqual(await faults(page), []);
      },
      options,
    ),
  );
