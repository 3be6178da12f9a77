// Where images come from and what is kept of them: tabs, tools, threshold and address, in Chromium.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pointAt, writeStrokes } from '../../web/src/strokes.js';
import { JPEGS, orientation, tiff, withExif } from '../native/jpegs.mjs';
import {
  button,
  draw,
  faults,
  gallery,
  onPage,
  pixels,
  ready,
  server,
  share,
  shot,
  verdict,
} from './browser.mjs';
import { digits, doodles } from './drawings.mjs';

/** @typedef {import('./browser.mjs').Page} Page */

share();

/** What the page says and shows of the image. @param {Page} page */
const told = (page) =>
  page.evaluate(() => [
    window.likeness.state.result,
    document.getElementById('verdict-text')?.textContent,
  ]);

/** Fulfilled with the page's address when that says all that is there: it follows with a pause. @param {Page} page */
async function addressed(page) {
  await button(page, 'copy-link').click();
  await page.getByRole('button', { name: 'Link copied' }).waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  await page.waitForFunction((wanted) => location.href === wanted, link);
  return link;
}

test('the address opens the same drawing, verdict and threshold elsewhere', () =>
  onPage(
    async (page) => {
      await page.locator('#model').selectOption('fashion');
      await page.waitForFunction(() => window.likeness.state.model === 'fashion');
      await draw(page, doodles.star);
      await page.locator('#eraser').click();
      await draw(page, [
        [
          [90, 140],
          [200, 150],
        ],
      ]);
      await page.locator('#alpha label', { hasText: '20' }).click();
      const link = await addressed(page);
      assert.match(link, /#model=fashion&alpha=1\/20&strokes=[\w-]{50,}$/);
      const before = await told(page);
      assert.ok(before[0]);
      await onPage(
        async (other) => {
          assert.deepEqual(await told(other), before);
          assert.equal(await other.evaluate(() => window.likeness.state.alpha), 0.05);
          assert.ok(await other.locator('#alpha [value="0.05"]').isChecked());
          await button(other, 'undo').click(); // an address can be taken back
          assert.equal((await verdict(other)).verdict, 'empty');
        },
        {},
        link.slice(server.url.length),
      );
    },
    { permissions: ['clipboard-read', 'clipboard-write'] },
  ));

test('the address has the section that is in view, and opens there', () =>
  onPage(
    async (page) => {
      await page.waitForFunction(() => {
        const panel = document.querySelector('[data-panel=map]');
        return Math.abs(panel?.getBoundingClientRect().top ?? 999) < 0.4 * innerHeight;
      });
      await page.evaluate(() => scrollTo(0, 0));
      await page.waitForFunction(() => location.hash === '');
      await page.locator('[data-panel=nearest]').evaluate((section) => section.scrollIntoView());
      await page.waitForFunction(() => location.hash === '#view=nearest');
      await page.evaluate(() => scrollTo(0, 0));
      await page.waitForFunction(() => location.hash === '');
      await page.getByRole('button', { name: 'Compare with…' }).click();
      await page.waitForFunction(() => location.hash === '#view=compare');
    },
    {},
    '#view=map',
  ));

test('addresses that make no sense open the page all the same', async () => {
  const points = [pointAt(140, 60), pointAt(138, 140), pointAt(140, 220)];
  const stroke = writeStrokes([{ width: 22, points }]);
  for (const hash of [
    '#alpha=7&tab=nowhere&strokes=AAAA&grid=x&view=..',
    '#%E0%A4%A&strokes=!',
    '#view=nowhere&strokes=_______________________',
  ])
    await onPage(
      async (page) => {
        assert.equal((await verdict(page)).verdict, 'empty');
        await page.evaluate((strokes) => {
          location.hash = `#alpha=1/10&strokes=${strokes}`;
        }, stroke);
        await page.waitForFunction(() => window.likeness.state.alpha === 0.1);
        assert.notEqual((await verdict(page)).verdict, 'empty');
      },
      {},
      hash,
    );
});

test('the threshold is dragged, and the verdict follows', () =>
  onPage(async (page) => {
    await draw(page, digits[3]);
    const slider = page.getByRole('slider', { name: 'Threshold' });
    const box = await slider.boundingBox();
    assert.ok(box);
    const before = await verdict(page);
    assert.equal(before.verdict, 'in');
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width / 2, y);
    await page.mouse.down();
    await page.mouse.move(box.x - 100, y, { steps: 4 });
    const said = await slider.getAttribute('aria-valuetext');
    const [, odds] = /^one false alarm in (\d+)$/.exec(said ?? '') ?? [];
    assert.ok(Number(odds) > 2 && Number(odds) < 100, `${said}`);
    assert.equal(await page.evaluate(() => window.likeness.state.alpha), 1 / Number(odds));
    assert.equal(await page.locator('#alpha :checked').count(), 0);
    const line = await page.locator('.threshold').boundingBox();
    assert.ok(line && Math.abs(line.x - (box.x - 100)) < 12, `${line?.x} for ${box.x - 100}`);
    const chart = await page.locator('.chart').boundingBox();
    assert.ok(chart);
    await page.mouse.move(chart.x + 2, y, { steps: 4 }); // half of the held-out are flagged there
    assert.equal(await slider.getAttribute('aria-valuenow'), '2');
    await page.mouse.up();
    assert.equal((await verdict(page)).p, before.p);
    await page.mouse.move(chart.x + 300, y); // it has been let go
    assert.equal(await slider.getAttribute('aria-valuenow'), '2');
    await draw(page, doodles['letter M']);
    assert.equal((await verdict(page)).verdict, 'out');
  }));

test('the threshold is moved by keys, no finer than the calibration', () =>
  onPage(async (page) => {
    const slider = page.getByRole('slider', { name: 'Threshold' });
    await slider.focus();
    const press = async (/** @type {string} */ key) => {
      await page.keyboard.press(key);
      return slider.getAttribute('aria-valuetext');
    };
    assert.equal(await press('ArrowRight'), 'one false alarm in 101');
    assert.equal(await press('ArrowDown'), 'one false alarm in 100');
    assert.ok(await page.locator('#alpha [value="0.01"]').isChecked());
    assert.equal(await press('PageUp'), 'one false alarm in 126');
    assert.equal(await press('Home'), 'one false alarm in 2');
    assert.equal(await press('End'), 'one false alarm in 3601');
    assert.equal(await press('ArrowRight'), 'one false alarm in 3601');
    await page.waitForFunction(() => location.hash === '#alpha=1/3601');
    await draw(
      page,
      Array.from({ length: 14 }, (_, i) => [
        [0, 10 + 20 * i],
        [279, 10 + 20 * i],
      ]),
    );
    assert.equal((await verdict(page)).verdict, 'out'); // at the finest p there is
    assert.deepEqual(await faults(page), []);
  }));

test('what was undone is done again, by button and by keys; clear can be undone', () =>
  onPage(async (page) => {
    assert.ok(await button(page, 'redo').isDisabled());
    await draw(page, digits[7]);
    const one = await verdict(page);
    await draw(page, doodles.star);
    const two = await verdict(page);
    assert.notDeepEqual(one, two);
    await page.keyboard.press('Control+z');
    assert.deepEqual(await verdict(page), one);
    await page.keyboard.press('Control+Shift+Z');
    assert.deepEqual(await verdict(page), two);
    await button(page, 'undo').click();
    await button(page, 'redo').click();
    assert.deepEqual(await verdict(page), two);
    await button(page, 'clear').click();
    assert.equal((await verdict(page)).verdict, 'empty');
    await button(page, 'undo').click();
    assert.deepEqual(await verdict(page), two);
    await button(page, 'undo').click();
    await draw(page, digits[7]);
    assert.ok(await button(page, 'redo').isDisabled()); // what was undone is gone
  }));

test('the eraser takes ink away', () =>
  onPage(async (page) => {
    await draw(page, digits[7]);
    await page.locator('#pen').fill('44');
    await page.locator('#eraser').click();
    assert.equal(await page.locator('#eraser').getAttribute('aria-pressed'), 'true');
    await draw(
      page,
      Array.from({ length: 9 }, (_, i) => [
        [0, 10 + 32 * i],
        [280, 10 + 32 * i],
      ]),
    );
    assert.equal((await verdict(page)).verdict, 'empty');
    await button(page, 'clear').click();
    assert.equal(await page.locator('#eraser').getAttribute('aria-pressed'), 'false');
  }));

test('a pen that presses draws wider', () =>
  onPage(async (page) => {
    const inked = (/** @type {number} */ pressure) =>
      page.locator('#pad').evaluate((pad, force) => {
        const { left, top, width } = pad.getBoundingClientRect();
        const send = (/** @type {string} */ type, /** @type {number} */ x) =>
          pad.dispatchEvent(
            new PointerEvent(type, {
              pointerType: 'pen',
              pointerId: 1,
              button: 0,
              pressure: force,
              clientX: left + x * width,
              clientY: top + width / 2,
            }),
          );
        pad.setPointerCapture = () => {}; // the browser knows of no such pen
        send('pointerdown', 0.2);
        for (const x of [0.4, 0.6, 0.8]) send('pointermove', x);
        send('pointerup', 0.8);
        const canvas = /** @type {HTMLCanvasElement} */ (pad);
        const data = canvas.getContext('2d')?.getImageData(0, 0, 280, 280).data ?? [];
        return data.filter((value, i) => i % 4 === 3 && value > 127).length;
      }, pressure);
    const light = await inked(0.1);
    await button(page, 'clear').click();
    assert.ok((await inked(0.9)) > 2 * light);
  }));

test('a keyboard alone leads from the grid to a verdict', () =>
  onPage(async (page) => {
    const press = async (/** @type {string} */ key, times = 1) => {
      for (let i = 0; i < times; i++) await page.keyboard.press(key);
    };
    for (let i = 0; i < 12; i++) {
      await press('Tab');
      if (await page.evaluate(() => document.activeElement?.id === 'tab-draw')) break;
    }
    await press('ArrowLeft'); // around to the last tab
    assert.equal(await page.locator('#tab-grid').getAttribute('aria-selected'), 'true');
    await press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'cells');
    assert.equal(await page.locator('#cells-say').textContent(), 'Row 15, column 15, blank');
    await press('ArrowUp', 8);
    await press('Space');
    assert.equal(await page.locator('#cells-say').textContent(), 'Row 7, column 15, painted');
    await press('Shift+ArrowDown', 15);
    assert.equal((await verdict(page)).verdict, 'in'); // a one
    assert.equal(await page.locator('#neighbours b').count(), 8);
    await page.waitForFunction(() =>
      /^Like the digits/.test(document.getElementById('announcer')?.textContent ?? ''),
    );
    assert.deepEqual(await faults(page), []);
    await shot(page, 'grid');
    assert.match(await addressed(page), /tab=grid&grid=28x28-/);
    const before = await told(page);
    await page.reload();
    await ready(page);
    assert.deepEqual(await told(page), before);
    await page.locator('#cells').focus();
    await press('Shift+ArrowRight', 1);
    await press('Backspace');
    await button(page, 'clear-grid').click();
    assert.equal((await verdict(page)).verdict, 'empty');
  }));

test('the camera is judged as it moves, held, and switched off when it is left', () =>
  onPage(
    async (page) => {
      await page.locator('#tab-camera').click();
      await page.waitForFunction(() => window.likeness.state.result !== null);
      await button(page, 'hold').click();
      assert.ok(await page.locator('#held').isVisible());
      await shot(page, 'camera');
      const stream = await page.evaluateHandle(
        () => /** @type {HTMLVideoElement} */ (document.getElementById('video')).srcObject,
      );
      await page.locator('#tab-draw').click();
      const states = await stream.evaluate((media) =>
        /** @type {MediaStream} */ (media).getTracks().map(({ readyState }) => readyState),
      );
      assert.deepEqual(states, ['ended']);
    },
    { permissions: ['camera'] },
  ));

test('a camera that is granted after its tab was left is switched off', () =>
  onPage(
    async (page) => {
      const granted = await page.evaluateHandle(() => {
        /** @type {MediaStream[]} */
        const streams = [];
        const media = navigator.mediaDevices;
        const ask = media.getUserMedia.bind(media);
        media.getUserMedia = async (wanted) => {
          await new Promise((resolve) => setTimeout(resolve, 500));
          streams.push(await ask(wanted));
          return streams[streams.length - 1];
        };
        return streams;
      });
      for (const tab of ['camera', 'draw', 'camera']) await page.locator(`#tab-${tab}`).click();
      await page.waitForFunction((streams) => streams.length === 2, granted);
      await page.waitForFunction(() => window.likeness.state.result !== null);
      await page.locator('#tab-draw').click();
      const states = await granted.evaluate((streams) =>
        streams.flatMap((stream) => stream.getTracks()).map(({ readyState }) => readyState),
      );
      assert.deepEqual(states, ['ended', 'ended']);
    },
    { permissions: ['camera'] },
  ));

test('a camera that may not be used is said in a line, and a picture will do', () =>
  onPage(async (page) => {
    await page.locator('#tab-camera').click();
    await page.locator('#notice').waitFor();
    assert.match((await page.locator('#notice-text').textContent()) ?? '', /camera.*A picture/);
    assert.ok(await page.locator('#panel-picture').isVisible());
  }));

test('a picture of any shape is shown whole on a square', () =>
  onPage(async (page) => {
    const stage = page.locator('#drop');
    await page.locator('#tab-picture').click();
    const empty = await stage.boundingBox();
    for (const [width, height] of [
      [60, 900],
      [900, 60],
    ]) {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect x="20" y="20" width="20" height="20"/></svg>`;
      const file = { name: 'a.svg', mimeType: 'image/svg+xml', buffer: Buffer.from(svg) };
      await page.setInputFiles('#picture-file', file);
      await page.waitForFunction((wide) => {
        const shown = document.getElementById('picture');
        return shown instanceof HTMLCanvasElement && shown.width === wide;
      }, width);
      assert.deepEqual(await stage.boundingBox(), empty);
    }
  }));

test('a small picture is not replaced by a big one that was dropped before it', () =>
  onPage(async (page) => {
    // The first is decoded as slowly as if it were big.
    await page.evaluate(() => {
      const decode = window.createImageBitmap;
      let first = true;
      const slow = async (/** @type {Parameters<typeof decode>} */ ...given) => {
        const held = first && new Promise((resolve) => addEventListener('go', resolve));
        first = false;
        await held;
        return decode(...given);
      };
      window.createImageBitmap = /** @type {typeof decode} */ (slow);
    });
    const choose = (/** @type {string} */ jpeg) =>
      page.setInputFiles('#picture-file', {
        name: 'a.jpg',
        mimeType: 'image/jpeg',
        buffer: Buffer.from(jpeg, 'base64'),
      });
    const width = () =>
      page.locator('#picture').evaluate((shown) => /** @type {HTMLCanvasElement} */ (shown).width);
    await choose(JPEGS.BLOCKS);
    await choose(JPEGS.GREY);
    await page.locator('#picture').waitFor();
    assert.equal(await width(), 16);
    await page.evaluate(() => dispatchEvent(new Event('go')));
    await page.waitForTimeout(300); // time enough to be shown, wrongly
    assert.equal(await width(), 16);
    await choose(JPEGS.BLOCKS); // what comes later is shown
    await page.waitForFunction(() => {
      const shown = document.getElementById('picture');
      return shown instanceof HTMLCanvasElement && shown.width === 24;
    });
  }));

test('photographs stand as the camera was held, as on the command line', () =>
  onPage(async (page) => {
    // The block in the upper left corner, and how wide it is: see ../native/pictures.test.mjs.
    const seen = [10, 110, 250, 150, 10, 150, 250, 110];
    for (const [i, value] of seen.entries()) {
      const buffer = withExif(Buffer.from(JPEGS.BLOCKS, 'base64'), tiff([orientation(i + 1)]));
      await page.setInputFiles('#picture-file', {
        name: `${i}.jpg`,
        mimeType: 'image/jpeg',
        buffer,
      });
      await page.waitForFunction(
        ([value, width]) => {
          const shown = document.getElementById('picture');
          if (!(shown instanceof HTMLCanvasElement) || shown.width !== width) return false;
          return shown.getContext('2d')?.getImageData(4, 4, 1, 1).data[0] === value;
        },
        [value, i < 4 ? 24 : 16],
        { timeout: 10_000 },
      );
    }
  }));

test('colours are those of the file, as on the command line, whatever its profile', () =>
  onPage(async (page) => {
    // 2 x 2 pixels of 128, 40, 200, which are said to be linear (gAMA).
    const linear =
      'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAABGdBTUEAAYagMeiWXwAAABBJREFUeJxjaNA4AUQMEAoAJy4FweB5lYwAAAAASUVORK5CYII=';
    const buffer = Buffer.from(linear, 'base64');
    await page.setInputFiles('#picture-file', { name: 'a.png', mimeType: 'image/png', buffer });
    await page.waitForFunction(() => {
      const shown = document.getElementById('picture');
      return shown instanceof HTMLCanvasElement && shown.width === 2;
    });
    assert.deepEqual((await pixels(page, '#picture')).slice(0, 4), [128, 40, 200, 255]);
  }));

test('each step of the preparation is shown', () =>
  onPage(async (page) => {
    await draw(page, digits[3]);
    const steps = page.locator('#steps li');
    await steps.first().waitFor();
    assert.deepEqual(
      (await steps.allTextContents()).map((text) => text.replace(/\d+\s×\s\d+/, 'SIZE')),
      [
        'Your image, SIZE',
        'Its ink, SIZE',
        'Turned light on dark',
        'Drawn anew by one pen, centred, SIZE',
      ],
    );
    await gallery(page);
    await page.locator('#samples .sample').first().click();
    await page.getByText('Taken as it is').waitFor();
    assert.equal(await steps.count(), 2);
    await page.locator('#tab-draw').click();
    await button(page, 'clear').click();
    assert.ok(await page.locator('#steps').isHidden());
  }));

test('the theme is chosen, kept, and changes no verdict', () =>
  onPage(
    async (page) => {
      const ground = () =>
        page.evaluate(
          () => getComputedStyle(document.body.parentElement ?? document.body).backgroundColor,
        );
      await draw(page, digits[2]);
      const [said, dark] = [await verdict(page), await ground()];
      const theme = button(page, 'theme');
      assert.equal(await theme.getAttribute('aria-label'), 'Theme: system');
      await theme.click();
      assert.equal(await theme.getAttribute('aria-label'), 'Theme: light');
      const light = await ground();
      assert.notEqual(light, dark);
      await addressed(page);
      await page.reload();
      await ready(page);
      assert.equal(await ground(), light);
      assert.deepEqual(await verdict(page), said);
      await theme.click();
      assert.equal(await ground(), dark);
      assert.deepEqual(await verdict(page), said);
    },
    { colorScheme: 'dark' },
  ));

test('a thousand strokes leave no more behind than ten', () =>
  onPage(async (page) => {
    await gallery(page);
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    const heap = async () => {
      await session.send('HeapProfiler.collectGarbage');
      const { metrics } = await session.send('Performance.getMetrics');
      const value = (/** @type {string} */ name) =>
        metrics.find((metric) => metric.name === name)?.value ?? 0;
      return { bytes: value('JSHeapUsedSize'), nodes: value('Nodes') };
    };
    // Ten at a time are drawn and cleared away, each of them judged.
    const strokes = (/** @type {number} */ tens) =>
      page.locator('#pad').evaluate(async (pad, times) => {
        const { left, top } = pad.getBoundingClientRect();
        pad.setPointerCapture = () => {}; // the browser knows of no such pointer
        for (let i = 0; i < 10 * times; i++) {
          for (const [j, type] of ['pointerdown', 'pointermove', 'pointerup'].entries()) {
            const [clientX, clientY] = [left + 40 + 20 * (i % 10), top + 60 + 60 * j];
            pad.dispatchEvent(
              new PointerEvent(type, { pointerId: 1, button: 0, clientX, clientY }),
            );
          }
          if (i % 10 < 9) continue;
          /** @type {HTMLElement} */ (document.querySelector('[data-action=clear]')).click();
          await new Promise((resolve) => setTimeout(resolve));
        }
      }, tens);
    await strokes(21); // as many as can be undone
    const before = await heap();
    await strokes(100);
    const after = await heap();
    assert.ok(after.bytes - before.bytes < 1e6, `${after.bytes - before.bytes} bytes more`);
    assert.ok(after.nodes - before.nodes < 100, `${after.nodes - before.nodes} nodes more`);
  }));
