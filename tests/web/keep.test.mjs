// What is taken along from the page: files, tables, code; in Chromium, and compared with the program.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';
import { EVIDENCE } from '../../web/src/labels.js';
import {
  button,
  draw,
  faults,
  gallery,
  onPage,
  saved,
  screens,
  share,
  verdict,
} from './browser.mjs';
import { digits, doodles } from './drawings.mjs';

/** @typedef {import('./browser.mjs').Page} Page */

const built = fileURLToPath(new URL('../../build/', import.meta.url));
const models = `${built}models/`;
const folder = mkdtempSync(join(tmpdir(), 'likeness-keep-'));

share();
after(() => rmSync(folder, { recursive: true, force: true }));

/** @param {...string} args */
const score = (...args) =>
  JSON.parse(
    execFileSync(`${built}likeness`, ['score', ...args, '--json'], {
      encoding: 'utf8',
      stdio: 'pipe',
    }),
  );

/** A grey PNG file. @param {string} name @param {number} side @param {(x: number, y: number) => number} at */
function png(name, side, at) {
  const crc = (/** @type {Buffer} */ bytes) => {
    let sum = 0xffffffff;
    for (const byte of bytes) {
      sum ^= byte;
      for (let k = 0; k < 8; k++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return (sum ^ 0xffffffff) >>> 0;
  };
  const chunk = (/** @type {string} */ type, /** @type {Buffer} */ data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc(body));
    return Buffer.concat([length, body, check]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head.set([8, 0, 0, 0, 0], 8);
  const rows = Buffer.alloc(side * (side + 1));
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) rows[y * (side + 1) + 1 + x] = at(x, y);
  const file = join(folder, name);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const chunks = [
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ];
  writeFileSync(file, Buffer.concat([signature, ...chunks]));
  return file;
}

const ring = (/** @type {number} */ x, /** @type {number} */ y) =>
  Math.abs(Math.hypot((x - 60) * 1.35, y - 60) - 42) < 6 ? 20 : 250;

test('a verdict saved as JSON is what the program says of the same picture', () =>
  onPage(async (page) => {
    const action = (/** @type {string} */ name) => page.locator(`[data-action=${name}]`);
    assert.ok((await action('save-json').isDisabled()) && (await action('save-png').isDisabled()));
    const file = png('ring.png', 120, ring);
    await page.setInputFiles('#picture-file', file);
    await page.waitForFunction(() => window.likeness.state.result !== null);
    const { bytes } = await saved(page, () => button(page, 'save-json').click());
    const [ours] = JSON.parse(bytes.toString());
    const [theirs] = score(`${models}digits.safetensors`, file, '--ink');
    assert.deepEqual(ours, { ...theirs, file: 'ring.png' });
    assert.equal(ours.verdict, 'in');
  }));

test('the pictures are saved in a row', () =>
  onPage(async (page) => {
    await draw(page, digits[3]);
    const { bytes: file } = await saved(page, () => button(page, 'save-png').click());
    assert.deepEqual([file.readUInt32BE(16), file.readUInt32BE(20)], [4 * 300 + 20, 320]);
    writeFileSync(`${screens}strip.png`, file);
    const dark = await page.evaluate(
      async (bytes) => {
        const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
        const ink = /** @type {OffscreenCanvasRenderingContext2D} */ (
          new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d', {
            willReadFrequently: true,
          })
        );
        ink.drawImage(bitmap, 0, 0);
        return [0, 1, 2, 3].map((i) => {
          const { data } = ink.getImageData(20 + 300 * i, 20, 280, 280);
          return data.filter((value, at) => at % 4 === 1 && value < 128).length / (280 * 280);
        });
      },
      [...file],
    );
    assert.ok(dark[0] > 0.02 && dark[0] < 0.4, `the drawing: ${dark}`);
    assert.ok(
      dark.slice(1).every((share) => share > 0.5),
      `light on dark: ${dark}`,
    );
    await page.locator('[data-action=clear]').click();
    assert.ok(await page.locator('[data-action=save-png]').isDisabled());
  }));

test('many files are judged as the program judges them, and what is no picture has its reason', () =>
  onPage(async (page) => {
    await page.locator('#alpha label', { hasText: '20' }).click();
    const names = Array.from({ length: 12 }, (_, i) => `ring, ${i}.png`);
    const files = names.map((name, i) =>
      png(
        name,
        120,
        i % 4 === 3 ? (x, y) => ((x * y) % 7 < 3 ? 0 : 255) : (x, y) => ring(x + i, y),
      ),
    );
    const [broken, blank] = [join(folder, 'broken.png'), png('blank.png', 50, () => 255)];
    writeFileSync(broken, 'no picture');
    await page.locator('#tab-picture').click();
    await page.locator('[data-action=batch]').click();
    await page.locator('#batch[open]').waitFor();
    await page.setInputFiles('#batch-files', [...files, broken, blank]);
    await page.locator('[data-action=batch-csv]').waitFor();
    assert.equal(await page.locator('#batch-rows tr').count(), 14);
    assert.match(
      (await page.locator('#batch-says').textContent()) ?? '',
      /^14 of 14, 9 like them, 3 not, 1 blank, 1 not judged$/,
    );
    const telling = await page.locator('#batch-rows td:nth-child(5)').allTextContents();
    const called = Object.values(EVIDENCE).map(([name]) => name.toLowerCase());
    assert.deepEqual(
      telling.filter((name) => name && !called.includes(name)),
      [],
    );
    assert.deepEqual(await faults(page), []);
    await page.screenshot({ path: `${screens}batch.png` });
    const { bytes } = await saved(page, () => button(page, 'batch-csv').click());
    const csv = bytes.toString().split('\r\n');
    const theirs = score(`${models}digits.safetensors`, ...files, '--ink', '--alpha', '0.05');
    const pieces = Object.keys(theirs[0].scores);
    const head = ['file', 'verdict', 'p', 'score', ...pieces.map((name) => `p_${name}`), 'error'];
    assert.equal(csv[0], head.join());
    for (const [i, { verdict: said, p, score: value, scores }] of theirs.entries()) {
      const each = pieces.map((name) => scores[name].p);
      assert.equal(csv[i + 1], [`"${names[i]}"`, said, p, value, ...each, ''].join());
    }
    assert.match(csv[13], /^broken.png,,,,+not a picture/);
    assert.match(csv[14], /^blank.png,empty,0,/);
    await page.keyboard.press('Escape');
    assert.ok(await page.locator('#batch').isHidden());
  }));

test('a model without its gallery: no place is kept for known images, until it is opened too', () =>
  onPage(async (page) => {
    const alone = join(folder, 'alone.safetensors');
    copyFileSync(`${built}models/fashion.safetensors`, alone);
    await page.setInputFiles('#model-file', alone);
    await page.getByText('came without its gallery: open that file, too').waitFor();
    assert.ok(await page.locator('#known').isHidden());
    await draw(page, digits[3]);
    assert.equal((await verdict(page)).verdict, 'out');
    // Drawing on brings none of them on their way.
    await page.getByText('came without its gallery: open that file, too').waitFor();
    await page.setInputFiles('#model-file', `${built}models/fashion.gallery.safetensors`);
    await gallery(page);
    assert.ok(await page.locator('#known').isVisible());
    assert.equal(await page.locator('#neighbours-hint').textContent(), '');
  }));

test('a model of rows or texts is refused: the page shows it images', () =>
  onPage(async (page) => {
    const rows = Array.from({ length: 60 }, (_, i) => `${i % 7},${i % 5},${i % 3}`);
    const [table, model] = [join(folder, 'rows.csv'), join(folder, 'rows.safetensors')];
    writeFileSync(table, `a,b,c\n${rows.join('\n')}\n`);
    const train = ['train', '--data', table, '--epochs', '1', '--out', model];
    execFileSync(`${built}likeness`, train, { stdio: 'ignore' });
    await page.setInputFiles('#model-file', model);
    await page.locator('#notice').waitFor();
    const said = (await page.locator('#notice-text').textContent()) ?? '';
    assert.match(said, /^rows.safetensors: it judges rows of numbers or texts, not images\. /);
    assert.equal(await page.evaluate(() => window.likeness.state.model), 'digits');
    await draw(page, digits[3]);
    assert.equal((await verdict(page)).verdict, 'in');
  }));

test('a batch can be cancelled', () =>
  onPage(async (page) => {
    const file = png('one.png', 200, ring);
    await page.locator('#tab-picture').click();
    await page.locator('[data-action=batch]').click();
    // From within the page: on a busy machine all may be done before a click comes from here.
    await page.locator('#batch-rows').evaluate((rows) => {
      const cancel = /** @type {HTMLElement} */ (
        document.querySelector('[data-action=batch-cancel]')
      );
      new MutationObserver(() => rows.children.length > 3 && cancel.click()).observe(rows, {
        childList: true,
      });
    });
    await page.setInputFiles('#batch-files', Array(400).fill(file));
    await page.getByText('cancelled').waitFor();
    const rows = await page.locator('#batch-rows tr').count();
    assert.ok(rows < 400, `${rows} rows`);
    assert.ok(await page.locator('[data-action=batch-csv]').isVisible()); // of those that are done
  }));

test('the code for elsewhere names the model and the threshold of the page, and gives its verdict', () =>
  onPage(
    async (page) => {
      const code = page.locator('[data-panel=embed] code');
      await page.locator('[data-panel=embed]').scrollIntoViewIfNeeded();
      await page.getByText("load(new URL('digits.safetensors'").waitFor();
      await page.locator('[data-panel=embed] label', { hasText: 'Command line' }).click();
      assert.equal(
        await code.textContent(),
        'likeness score digits.safetensors picture.png --ink --alpha 0.027027\n' +
          'likeness export digits.safetensors --html digits.html   # this page with this model, in one file\n',
      );
      await page.locator('[data-panel=embed] label', { hasText: 'Node' }).click();
      await page.getByRole('button', { name: 'Copy', exact: true }).click();
      await page.getByRole('button', { name: 'Copied' }).waitFor();
      const text = await page.evaluate(() => navigator.clipboard.readText());
      assert.equal(text, await code.textContent());
      await page.locator('#pad').scrollIntoViewIfNeeded();
      await draw(page, doodles['letter M']);
      const picture = await page.locator('#pad').evaluate((pad) => {
        const { width, height } = /** @type {HTMLCanvasElement} */ (pad);
        const ink = /** @type {HTMLCanvasElement} */ (pad).getContext('2d');
        return { data: [...(ink?.getImageData(0, 0, width, height).data ?? [])], width, height };
      });
      const program = join(folder, 'embed.mjs');
      const module = JSON.stringify(new URL('../../build/wasm/likeness.mjs', import.meta.url).href);
      const lines = text
        .replace("'likeness'", module)
        .replace("'digits.safetensors'", JSON.stringify(`${models}digits.safetensors`));
      const { data, width, height } = picture;
      writeFileSync(
        program,
        `${lines.replace('\n\n', `\n\nconst [width, height] = [${width}, ${height}];\nconst data = new Uint8Array([${data}]);\n`)}`,
      );
      const said = execFileSync(process.execPath, [program], { encoding: 'utf8' })
        .trim()
        .split(' ');
      const here = await verdict(page);
      assert.deepEqual(said, [here.verdict, here.p]);

      // As shown, in C.
      await page.locator('[data-panel=embed]').scrollIntoViewIfNeeded();
      await page.locator('[data-panel=embed]').getByText('C', { exact: true }).click();
      writeFileSync(join(folder, 'judge.c'), (await code.textContent()) ?? '');
      const header = ['--c-header', join(folder, 'digits.h')];
      execFileSync(`${built}likeness`, ['export', `${models}digits.safetensors`, ...header]);
      const source = fileURLToPath(new URL('../../src', import.meta.url));
      const flags = ['-std=c11', '-Wall', '-Wextra', '-Werror', `-I${source}`, '-fopenmp'];
      const judge = join(folder, 'judge');
      const files = [`${judge}.c`, `${built}libcore.a`, '-lm', '-o', judge];
      execFileSync('cc', [...flags, ...files]);
      const input = Buffer.from(data);
      const found = execFileSync(judge, [`${width}`, `${height}`], { input, encoding: 'utf8' });
      assert.equal(found, `${here.verdict}, p = ${Number(Number(here.p).toPrecision(6))}\n`);
      const none = spawnSync(judge, ['9', '9'], { input: '', encoding: 'utf8' });
      assert.deepEqual([none.status, none.stderr.split('\n').length], [1, 2]);
      await page.locator('[data-panel=embed]').screenshot({ path: `${screens}embed.png` });
    },
    {},
    '#alpha=1/37',
  ));
