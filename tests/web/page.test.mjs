// The page in Chromium, with real pointer events: draws, reads the verdict, and leaves screenshots.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  brightness,
  browser,
  button,
  draw,
  faults,
  gallery,
  onPage,
  ready,
  server,
  share,
  shot,
  site,
  verdict,
  visitor,
} from './browser.mjs';
import { digits, doodles } from './drawings.mjs';
import { assertShort, watchTasks } from './tasks.mjs';

/** @typedef {import('./browser.mjs').ContextOptions} ContextOptions */

share();

test('a first visit shows the whole pad with nothing over it, and judges nothing', () =>
  onPage(async (page) => {
    const box = await page.locator('#pad').boundingBox();
    assert.ok(box && box.x >= 0 && box.y >= 0 && box.y + box.height <= 1000);
    const covered = await page.locator('#pad').evaluate((pad) => {
      const { left, top, right, bottom } = pad.getBoundingClientRect();
      for (let x = left + 2; x < right; x += 20)
        for (let y = top + 2; y < bottom; y += 20)
          if (document.elementFromPoint(x, y) !== pad) return [x, y];
      return null;
    });
    assert.equal(covered, null);
    assert.deepEqual(await verdict(page), { verdict: 'empty', p: '' });
    assert.equal(await page.evaluate(() => window.likeness.state.model), 'digits');
    assert.equal(await page.locator('#tab-draw').getAttribute('aria-selected'), 'true');
    await gallery(page);
    await shot(page, 'empty', true);
  }));

test('with the first stroke nothing above the fold jumps', () =>
  onPage(async (page) => {
    await gallery(page);
    const place = () =>
      page.locator('#figures').evaluate((figures) => figures.getBoundingClientRect().top);
    const before = await place();
    await draw(page, digits[3]);
    assert.equal(await page.locator('#evidence dt').count(), 6);
    assert.ok(Math.abs((await place()) - before) < 2, `${before}, then ${await place()}`);
  }));

test('every panel has one sentence that says what it is', () =>
  onPage(async (page) => {
    const cards = page.locator('.card:not(.input)');
    assert.ok((await cards.count()) >= 12);
    for (const card of await cards.all()) {
      const says = await card.locator('.title + .detail, .note').allTextContents();
      const text = says.map((each) => each.replace(/\s+/g, ' ').trim());
      assert.equal(text.length, 1, `${await card.getAttribute('aria-label')}: ${text}`);
      assert.match(text[0], /^[A-Z][^.]*\.$/);
    }
  }));

for (const [name, lines] of Object.entries(digits))
  test(`a drawn ${name} is a digit, redrawn and near to its like`, () =>
    onPage(async (page) => {
      await gallery(page);
      await draw(page, lines);
      const { verdict: said, p } = await verdict(page);
      assert.equal(said, 'in', `p = ${p}`);
      assert.ok(Number(p) > 0.01 && Number(p) <= 1);
      assert.match((await page.locator('#verdict-text').textContent()) ?? '', /^Like the digits/);
      const [seen, redrawn] = [await brightness(page, '#seen'), await brightness(page, '#redrawn')];
      assert.ok(seen > 10 && Math.abs(redrawn - seen) < 0.25 * seen, `${seen}, ${redrawn}`);
      const labels = await page.locator('#neighbours b').allTextContents();
      assert.equal(labels.length, 8);
      assert.ok(labels.filter((label) => label === name).length >= 5, String(labels));
      if (name === '3') await shot(page, 'digit', true);
    }));

test('what is seldom but within its limit is not shown as unusual', () =>
  onPage(async (page) => {
    // Straight lines of one pen are more solid than most digits, which counts for nothing.
    /** @type {import('./browser.mjs').Line} */
    const five = [
      [196, 42],
      [98, 42],
      [92, 126],
      [154, 118],
      [196, 168],
      [168, 230],
      [84, 230],
    ];
    await page.evaluate(() => {
      location.hash = '#alpha=1/10';
    });
    await page.waitForFunction(() => window.likeness.state.alpha === 0.1);
    await draw(page, [five]);
    const { scores, alpha } = await page.evaluate(() => {
      const { result, alpha } = window.likeness.state;
      return { scores: result?.scores ?? {}, alpha };
    });
    assert.ok(scores.texture.p <= alpha && scores.texture.surprise === 0, JSON.stringify(scores));
    const bars = await page
      .locator('#evidence .bar i')
      .evaluateAll((fills) => fills.map((fill) => fill.className));
    assert.deepEqual(
      bars,
      Object.values(scores).map(({ p, surprise }) => (p <= alpha && surprise > 0 ? 'out' : 'in')),
    );
  }));

test('a doodle is none, and the page says so', () =>
  onPage(async (page) => {
    await gallery(page);
    await draw(page, doodles['letter M']);
    const { verdict: said, p } = await verdict(page);
    assert.equal(said, 'out', `p = ${p}`);
    assert.ok(p && Number(p) > 0 && Number(p) <= 0.01);
    const text = (await page.locator('#verdict-text').textContent()) ?? '';
    assert.match(text, /^More unusual than .* held-out digits: not one of these/);
    assert.ok((await brightness(page, '#error')) > (await brightness(page, '#seen')) / 10);
    await shot(page, 'doodle', true);
  }));

test('drawings of many kinds: digits are more usual than doodles', () =>
  onPage(async (page) => {
    const scores = async (/** @type {typeof digits} */ drawings) => {
      const found = [];
      for (const lines of Object.values(drawings)) {
        await draw(page, lines);
        found.push(await page.evaluate(() => window.likeness.state.result?.score ?? Number.NaN));
        await button(page, 'clear').click();
      }
      return found;
    };
    const [usual, unusual] = [await scores(digits), await scores(doodles)];
    assert.ok(Math.max(...usual) < Math.min(...unusual), `${usual} | ${unusual}`);
  }));

test('the verdict is current within 50 ms of pointer-up, and a check is quick', () =>
  onPage(async (page) => {
    await page.evaluate(() => {
      const said = () => {
        const box = /** @type {HTMLElement} */ (document.getElementById('verdict'));
        return `${box.dataset.verdict} ${box.dataset.p}`;
      };
      window.addEventListener('pointerup', () => {
        const up = performance.now();
        const poll = () => {
          const late = performance.now() - up;
          Object.assign(window, { at50: said() });
          if (late < 40) setTimeout(poll, 5);
        };
        poll();
      });
    });
    await draw(page, digits[7]);
    await page.waitForTimeout(300);
    const { verdict: said, p } = await verdict(page);
    assert.equal(await page.evaluate(() => /** @type {any} */ (window).at50), `${said} ${p}`);
    const time = await page.evaluate(() => window.likeness.state.milliseconds);
    assert.ok(time !== null && time < 16, `${time} ms`);
    assert.match((await page.locator('#status').textContent()) ?? '', /SIMD · [\d.]+ ms/);
  }));

test('a pad filled from edge to edge is as unusual as can be, not empty', () =>
  onPage(async (page) => {
    await draw(
      page,
      Array.from({ length: 14 }, (_, i) => [
        [0, 10 + 20 * i],
        [279, 10 + 20 * i],
      ]),
    );
    const paper = await page.locator('#pad').evaluate((pad) => {
      if (!(pad instanceof HTMLCanvasElement)) throw new Error('no canvas');
      const ink = pad.getContext('2d')?.getImageData(0, 0, pad.width, pad.height).data ?? [];
      return ink.filter((value, i) => i % 4 === 3 && value < 255).length;
    });
    assert.equal(paper, 0, 'some of the pad is not covered');
    const { verdict: said, p } = await verdict(page);
    assert.equal(said, 'out', `p = ${p}`);
    assert.ok(Number(p) > 0, `p = ${p}`);
    assert.match((await page.locator('#verdict').textContent()) ?? '', /every one of/);
  }));

test('opening the page and drawing on it keep its thread for no long task', () =>
  onPage(async (page) => {
    const ended = await watchTasks(page);
    for (let time = 0; time < 3; time++) {
      await page.reload();
      await ready(page);
      await gallery(page);
      await draw(page, digits[3]);
      await page.waitForTimeout(500); // a classifier is asked
      await draw(page, doodles['letter M']);
    }
    assertShort(await ended());
  }));

test('undo takes back a stroke, clear all of them', () =>
  onPage(async (page) => {
    const ink = () => brightness(page, '#seen');
    assert.equal(await button(page, 'undo').isDisabled(), true);
    await draw(page, digits[7]);
    const before = [await verdict(page), await ink()];
    await draw(page, [
      [
        [60, 60],
        [220, 220],
      ],
    ]);
    assert.notDeepEqual(await verdict(page), before[0]);
    await button(page, 'undo').click();
    assert.deepEqual([await verdict(page), await ink()], before);
    await page.keyboard.press('Control+z');
    assert.deepEqual(await verdict(page), { verdict: 'empty', p: '' });
    await draw(page, digits[0]);
    await button(page, 'clear').click();
    assert.deepEqual(await verdict(page), { verdict: 'empty', p: '' });
    assert.equal(await page.locator('#neighbours canvas').count(), 0);
  }));

test('touch draws too, and does not scroll', () =>
  onPage(
    async (page) => {
      const box = await page.locator('#pad').boundingBox();
      assert.ok(box);
      const session = await page.context().newCDPSession(page);
      const touch = (
        /** @type {'touchStart' | 'touchMove' | 'touchEnd'} */ type,
        /** @type {[number, number][]} */ ...points
      ) =>
        session.send('Input.dispatchTouchEvent', {
          type,
          touchPoints: points.map(([x, y]) => ({
            x: box.x + (x * box.width) / 280,
            y: box.y + (y * box.height) / 280,
          })),
        });
      const line = digits[7][0];
      await touch('touchStart', line[0]);
      for (const point of line.slice(1)) await touch('touchMove', point);
      await touch('touchEnd');
      assert.equal((await verdict(page)).verdict, 'in');
      assert.equal(await page.evaluate(() => window.scrollY), 0);
    },
    { hasTouch: true, viewport: { width: 390, height: 700 } },
  ));

test('alpha moves the verdict and the threshold, not p', () =>
  onPage(async (page) => {
    await draw(page, doodles['letter M']);
    const strict = await verdict(page);
    const left = () =>
      page.locator('.threshold').evaluate((line) => line.getBoundingClientRect().left);
    const before = await left();
    await page.locator('#alpha label', { hasText: '10' }).last().click();
    assert.equal((await verdict(page)).p, strict.p);
    assert.ok((await left()) < before);
    assert.equal(await page.evaluate(() => window.likeness.state.alpha), 0.1);
  }));

test('the fashion model judges its samples, and a drawn digit as none', () =>
  onPage(async (page) => {
    await page.locator('#model').selectOption('fashion');
    await page.waitForFunction(() => window.likeness.state.model === 'fashion');
    assert.match(page.url(), /#model=fashion$/);
    await gallery(page);
    await page.locator('#samples .sample[title=Bag]').click();
    assert.equal((await verdict(page)).verdict, 'in');
    assert.match((await page.locator('#verdict-text').textContent()) ?? '', /clothes/);
    assert.equal(await page.locator('#neighbours b').first().textContent(), 'Bag');
    await shot(page, 'fashion', true);
    await page.locator('#tab-draw').click();
    await draw(page, digits[2]);
    assert.equal((await verdict(page)).verdict, 'out');
    await page.locator('#model').selectOption('digits');
    await page.waitForFunction(() => window.likeness.state.model === 'digits');
    assert.doesNotMatch(page.url(), /model=/);
    assert.equal((await verdict(page)).verdict, 'in');
  }));

test('samples and doodles are judged at a click', () =>
  onPage(async (page) => {
    await gallery(page);
    assert.equal(await page.locator('#samples .sample').count(), 10);
    await page.locator('#samples .sample').nth(4).click();
    assert.equal((await verdict(page)).verdict, 'in');
    assert.equal(await page.locator('#neighbours b').first().textContent(), '4');
    for (const doodle of await page.locator('#doodles button').all()) {
      await doodle.click();
      assert.equal(
        (await verdict(page)).verdict,
        'out',
        String(await doodle.getAttribute('title')),
      );
      assert.equal(await page.locator('#panel-draw').isVisible(), true);
    }
  }));

test('a picture is chosen, and what is none is refused', () =>
  onPage(async (page) => {
    const svg = (/** @type {string} */ body) =>
      Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"><rect width="300" height="300" fill="#fff"/>${body}</svg>`,
      );
    const ring =
      '<ellipse cx="150" cy="150" rx="60" ry="90" fill="none" stroke="#123" stroke-width="24"/>';
    const choose = (/** @type {Buffer} */ buffer) =>
      page.setInputFiles('#picture-file', { name: 'a.svg', mimeType: 'image/svg+xml', buffer });
    await choose(Buffer.from('no picture'));
    await page.locator('#notice').waitFor();
    assert.match((await page.locator('#notice-text').textContent()) ?? '', /not a picture/);
    await choose(svg(ring));
    await page.waitForFunction(() => window.likeness.state.result?.verdict === 'in');
    assert.equal(await page.locator('#notice').isVisible(), false);
    await choose(svg(''));
    await page.waitForFunction(
      () => document.getElementById('verdict')?.dataset.verdict === 'empty',
    );
    assert.match((await page.locator('#verdict').textContent()) ?? '', /picture is blank/);
  }));

test('a bad model is refused, and the old one stays', () =>
  onPage(async (page) => {
    await draw(page, digits[3]);
    const before = await verdict(page);
    const good = readFileSync(`${site}models/digits.safetensors`);
    for (const buffer of [Buffer.from('nonsense'), good.subarray(0, 5000), good.subarray(0, -4)]) {
      const file = { name: 'own.safetensors', mimeType: '', buffer };
      await page.setInputFiles('#model-file', file);
      await page.locator('#notice').waitFor();
      assert.match((await page.locator('#notice-text').textContent()) ?? '', /own.safetensors: \w/);
      await button(page, 'dismiss').click();
    }
    assert.deepEqual(await verdict(page), before);
    await page.setInputFiles('#model-file', {
      name: 'own.safetensors',
      mimeType: '',
      buffer: good,
    });
    await page.waitForFunction(() => window.likeness.state.model === 'own');
    assert.deepEqual(await verdict(page), before);
  }));

test('drawing works while the model loads, and a model that cannot be had is said', async () => {
  for (const fails of [false, true]) {
    const context = await visitor(browser);
    const page = await context.newPage();
    /** @type {() => void} */
    let go = () => {};
    const gate = new Promise((resolve) => {
      go = () => resolve(null);
    });
    await page.route('**/digits.safetensors', async (route) => {
      await gate;
      await (fails ? route.abort() : route.continue());
    });
    await page.goto(server.url);
    await draw(page, digits[0]);
    assert.deepEqual(await verdict(page), { verdict: '', p: '' });
    assert.match((await page.locator('#verdict-text').textContent()) ?? '', /^Loading/);
    go();
    if (fails) await page.getByText('could not be loaded').waitFor();
    else {
      await ready(page);
      assert.equal((await verdict(page)).verdict, 'in');
    }
    await context.close();
  }
});

test('a browser without SIMD is told so', async () => {
  const context = await visitor(browser);
  const page = await context.newPage();
  await page.addInitScript(() => {
    WebAssembly.validate = () => false;
  });
  await page.goto(server.url);
  await page.getByText('no WebAssembly SIMD').waitFor();
  await context.close();
});

test('scripts can ask window.likeness', () =>
  onPage(async (page) => {
    const result = await page.evaluate(() => {
      const picture = new ImageData(56, 56);
      for (let y = 10; y < 46; y++)
        picture.data.set([0, 0, 0, 255, 0, 0, 0, 255], 4 * (56 * y + 27));
      return window.likeness.check(picture);
    });
    assert.ok(['in', 'out'].includes(result.verdict));
    const pieces = ['reconstruction', 'shape', 'style', 'class', 'none', 'texture'];
    assert.deepEqual(Object.keys(result.scores), pieces);
  }));

for (const [name, options] of /** @type {[string, ContextOptions][]} */ ([
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['tablet', { viewport: { width: 768, height: 1024 } }],
  ['phone', { viewport: { width: 320, height: 640 } }],
  ['phone-dark', { viewport: { width: 390, height: 800 }, colorScheme: 'dark' }],
]))
  test(`the page fits: ${name}`, () =>
    onPage(async (page) => {
      await gallery(page);
      await draw(page, digits[3]);
      const { width } = /** @type {{width: number}} */ (page.viewportSize());
      const cut = await page
        .locator('#evidence dt')
        .evaluateAll((all) => all.filter((dt) => dt.scrollWidth > dt.clientWidth).length);
      assert.equal(cut, 0, 'names of evidence are cut off');
      const [brand, icons, model] = await Promise.all(
        ['.brand', '.icons', '#model'].map((part) => page.locator(part).boundingBox()),
      );
      assert.ok(brand && icons && model && model.width > 200, `${model?.width}`);
      const middles = [brand, icons].map(({ y, height }) => y + height / 2);
      assert.ok(Math.abs(middles[0] - middles[1]) < 8, 'the head is torn apart');
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
      assert.equal((await verdict(page)).verdict, 'in');
      assert.deepEqual(await faults(page), []);
      await shot(page, name, true);
    }, options));

test('a drawing gets the same p in the light and in the dark', async () => {
  /** @type {unknown[]} */
  const said = [];
  for (const colorScheme of /** @type {const} */ (['light', 'dark']))
    await onPage(
      async (page) => {
        await draw(page, digits[2]);
        said.push(await verdict(page));
      },
      { colorScheme },
    );
  assert.deepEqual(said[0], said[1]);
});

test('everything can be reached by keyboard, and the focus is seen', () =>
  onPage(async (page) => {
    /** @type {Set<string>} */
    const reached = new Set();
    await gallery(page);
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab');
      const focus = await page.evaluate(() => {
        const element = document.activeElement;
        if (!element || element === document.body) return null;
        const seen = [element, element.closest('label')].some(
          (e) => e && getComputedStyle(e).outlineStyle !== 'none',
        );
        const { id, textContent, tagName } = element;
        return { name: id || element.getAttribute('title') || textContent || tagName, seen };
      });
      if (!focus) continue;
      assert.ok(focus.seen, `${focus.name} has the focus and does not show it`);
      reached.add(focus.name);
    }
    assert.ok(
      reached.has('pen') && reached.has('tab-draw') && reached.size > 15,
      [...reached].join(),
    );
  }));

test('Tab goes down the page as it is seen, wide or narrow, and back when it is widened', () =>
  onPage(async (page) => {
    await gallery(page);
    /** What Tab comes to from the top of the page, above the panels, in order. */
    const walk = async () => {
      /** @type {{name: string, top: number, bottom: number}[]} */
      const seen = [];
      await page.evaluate(() => {
        document.body.tabIndex = -1;
        document.body.focus();
        scrollTo(0, 0);
      });
      for (;;) {
        await page.keyboard.press('Tab');
        const at = await page.evaluate(() => {
          const of = /** @type {HTMLElement} */ (document.activeElement);
          if (!of.closest('header, main') || of.closest('[data-panel]')) return null;
          const { top, bottom } = (of.closest('label, summary') ?? of).getBoundingClientRect();
          const name = of.id || of.getAttribute('aria-label') || of.title || of.textContent || '';
          return { name, top: top + scrollY, bottom: bottom + scrollY };
        });
        if (!at || at.name === seen[0]?.name) return seen;
        seen.push(at);
      }
    };
    const names = async () => (await walk()).map(({ name }) => name);
    // Parts are moved before the next frame is drawn.
    const resize = async (/** @type {number} */ width) => {
      await page.setViewportSize({ width, height: 900 });
      await page.evaluate(
        () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
      );
    };
    const wide = await names();
    for (const width of [1000, 900, 390, 320]) {
      await resize(width);
      const seen = await walk();
      assert.deepEqual(seen.map(({ name }) => name).sort(), wide.toSorted());
      seen.forEach(({ name, bottom }, i) => {
        const before = seen[i - 1];
        const up = before && width < 992 && bottom <= before.top;
        assert.ok(!up, `${width}: from ${before?.name} up to ${name}`);
      });
      assert.ok(
        seen.findIndex(({ name }) => /^Theme/.test(name)) <
          seen.findIndex(({ name }) => name === 'model'),
      );
    }
    await resize(1440);
    assert.deepEqual(await names(), wide);
  }));

// Without likeness-train.wasm, which is fetched by whoever trains in the page, and by nobody else.
test('the page is small', (t) => {
  const assets = readdirSync(`${site}assets`);
  const packed = (/** @type {string} */ ending) =>
    assets
      .filter((name) => name.endsWith(ending) && !name.startsWith('likeness-train'))
      .reduce((sum, name) => sum + gzipSync(readFileSync(`${site}assets/${name}`)).length, 0);
  t.diagnostic(`${packed('.js')} bytes of JavaScript, ${packed('.wasm')} of WASM, gzipped`);
  assert.ok(packed('.js') > 0 && packed('.js') <= 90000);
  assert.ok(packed('.wasm') > 0 && packed('.wasm') <= 60000);
});
