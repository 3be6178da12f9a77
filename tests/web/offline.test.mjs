// The page without its server: after one visit, and as a single file.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  draw,
  faults,
  gallery,
  launch,
  ready,
  screens,
  serve,
  verdict,
  visitor,
} from './browser.mjs';
import { digits } from './drawings.mjs';

const built = fileURLToPath(new URL('../../build/', import.meta.url));
const digitsModel = `${built}models/digits.safetensors`;
const folder = mkdtempSync(join(tmpdir(), 'likeness-offline-'));

/** @type {Awaited<ReturnType<typeof launch>>} */
let browser;

before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** @param {string[]} args @param {string} [program] */
function run(args, program = `${built}likeness`) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('after one visit the page needs no server', async () => {
  const server = await serve();
  const context = await visitor(browser);
  try {
    const page = await context.newPage();
    await page.goto(server.url);
    await ready(page);
    await gallery(page);
    await page.getByText('It works offline now.').waitFor();
    await page.locator('#model').selectOption('fashion'); // by way of the worker
    await page.waitForFunction(() => window.likeness.state.model === 'fashion');
    await gallery(page);
    await draw(page, digits[3]);
    const fashion = await verdict(page);
    const caches = await page.evaluate(() => window.caches.keys());
    assert.equal(caches.length, 2);
    assert.ok(caches.every((name) => name.startsWith(`likeness ${server.url} `)));
    // The worker keeps a file after the page has it.
    await page.waitForFunction(() => window.caches.match('models/fashion.safetensors'));
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
    await gallery(again);
    assert.ok((await again.locator('#model option').count()) > 1);
    await again.locator('#model').selectOption('fashion');
    await again.waitForFunction(() => window.likeness.state.model === 'fashion');
    assert.deepEqual(await verdict(again), fashion);
    const font = await again.evaluate(async () => {
      await document.fonts.ready;
      return document.fonts.check('16px Inter');
    });
    assert.ok(font);
    assert.deepEqual(troubles, []);
  } finally {
    await context.close();
    server.close();
  }
});

test('a page in a single file gives the same verdict from a disk', async () => {
  const name = 'my "digits" & more'; // not all of which can stand in a page
  const model = join(folder, `${name}.safetensors`);
  copyFileSync(digitsModel, model);
  copyFileSync(
    digitsModel.replace('.saf', '.gallery.saf'),
    join(folder, `${name}.gallery.safetensors`),
  );
  const file = join(folder, 'page.html');
  const { status, stdout } = run(['export', model, '--html', file, '--with-gallery', '--json']);
  assert.equal(status, 0);
  const size = readFileSync(file).length;
  assert.deepEqual(JSON.parse(stdout), { html: file, model, bytes: size, gallery: true });
  const context = await visitor(browser);
  const server = await serve();
  try {
    const page = await context.newPage();
    /** @type {string[]} */
    const troubles = [];
    page.on('console', (message) => troubles.push(message.text()));
    page.on('pageerror', (error) => troubles.push(String(error)));
    page.on('request', (request) => {
      if (!/^(data|blob|file):/.test(request.url())) troubles.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    await ready(page);
    await gallery(page);
    assert.equal(await page.evaluate(() => window.likeness.state.model), 'my digits  more');
    await draw(page, digits[3]);
    const here = await page.evaluate(() => window.likeness.state.result);
    assert.equal((await verdict(page)).verdict, 'in');
    assert.equal(await page.locator('#neighbours canvas').count(), 8);
    assert.deepEqual(await faults(page), []);
    await page.screenshot({ path: `${screens}single-file.png` });
    const hash = await page.evaluate(() => {
      const pad = /** @type {HTMLCanvasElement} */ (document.getElementById('pad'));
      return pad.getContext('2d') ? location.hash : '';
    });
    // A worker, too, starts from this file.
    const picture = Buffer.from(
      await page.locator('#seen').evaluate(async (canvas) => {
        const url = /** @type {HTMLCanvasElement} */ (canvas).toDataURL('image/png');
        return url.slice(url.indexOf(',') + 1);
      }),
      'base64',
    );
    writeFileSync(join(folder, 'seen.png'), picture);
    await page.locator('#tab-picture').click();
    await page.locator('[data-action=batch]').click();
    await page.setInputFiles('#batch-files', [join(folder, 'seen.png')]);
    await page.getByText('1 of 1, 1 like them').waitFor();
    assert.deepEqual(troubles, []);
    const other = await context.newPage();
    await other.goto(`${server.url}${hash}`);
    await ready(other);
    await draw(other, hash ? [] : digits[3]);
    assert.deepEqual(await other.evaluate(() => window.likeness.state.result), here);
  } finally {
    server.close();
    await context.close();
  }
});

test('export says what it lacks, and leaves nothing behind', () => {
  const file = join(folder, 'none.html');
  /** @param {string[]} args @param {number} code @param {RegExp} line @param {string} [program] */
  const fails = (args, code, line, program) => {
    const { status, stderr } = run(['export', ...args], program);
    assert.match(stderr, line);
    assert.equal(status, code);
    assert.ok(!existsSync(file));
  };
  fails([digitsModel], 2, /give one of --html FILE, --c-header FILE and --onnx FILE/);
  fails([join(folder, 'no.safetensors'), '--html', file], 5, /no.safetensors/);
  const broken = join(folder, 'broken.safetensors');
  writeFileSync(broken, readFileSync(digitsModel).subarray(0, 5000));
  fails([broken, '--html', file], 4, /broken.safetensors/);
  assert.equal(run(['export', broken, '--html', broken]).status, 2);
  const alone = join(folder, 'alone.safetensors');
  copyFileSync(digitsModel, alone);
  fails([alone, '--html', file, '--with-gallery'], 5, /alone.gallery.safetensors/);
  const program = join(folder, 'likeness');
  copyFileSync(`${built}likeness`, program);
  fails([alone, '--html', file], 5, /single.html: the page is not built/, program);
  writeFileSync(join(folder, 'single.html'), '<p>another page</p>');
  fails([alone, '--html', file], 3, /no page for a model/, program);
});
