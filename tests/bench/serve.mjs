// A server for the bench's pages, and Chromium.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { basename, extname, join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { build, folder, here, root } from './measure.mjs';

// What the bench needs from npm is installed for the page.
const require = createRequire(join(root, 'web/package.json'));
/** @type {typeof import('playwright-core')} */
const { chromium } = require('playwright-core');

/** Where the pages find things. @type {Record<string, string>} */
const PLACES = {
  wasm: join(build, 'wasm'),
  npm: join(build, 'peers/node_modules'),
  peers: join(build, 'peers/made'),
  bench: here,
  made: folder,
};
const TYPES = new Map([
  ['.html', 'text/html'],
  ['.js', 'text/javascript'],
  ['.mjs', 'text/javascript'],
  ['.wasm', 'application/wasm'],
]);

/** @type {Map<string, Buffer>} */
const memory = new Map();

const LARGE = 1 << 20; // bytes; what is no code is sent as it is then, since no page waits for it

/** A file as small as a server would send it. That takes long: what peers send stays on disk.
 * @param {string} file */
function compressed(file) {
  let bytes = memory.get(file);
  if (bytes) return bytes;
  const plain = readFileSync(file);
  const kept = join(PLACES.peers, `${basename(file)}-${plain.length}.br`);
  bytes = existsSync(kept) ? readFileSync(kept) : brotliCompressSync(plain);
  memory.set(file, bytes);
  if (!file.startsWith(PLACES.npm)) return bytes;
  mkdirSync(PLACES.peers, { recursive: true });
  writeFileSync(kept, bytes);
  return bytes;
}

/** Serves PLACES on a free port; `pages` are the bodies of pages by name. @param {Record<string, string>} pages */
export async function serve(pages = {}) {
  const server = createServer((request, response) => {
    const [place, ...rest] = (request.url ?? '/').slice(1).split('?')[0].split('/');
    const page = pages[place];
    const file = join(PLACES[place] ?? folder, ...rest);
    const headers = { 'cache-control': 'no-store', 'content-encoding': 'br' };
    if (page !== undefined) {
      response.writeHead(200, { ...headers, 'content-type': 'text/html' });
      response.end(
        brotliCompressSync(`<!doctype html><meta charset=utf-8><title>bench</title>${page}`),
      );
    } else if (!PLACES[place] || rest.includes('..') || !existsSync(file)) {
      response.writeHead(404).end();
    } else if (place !== 'npm' && statSync(file).size > LARGE) {
      response.writeHead(200).end(readFileSync(file));
    } else {
      const type = TYPES.get(extname(file)) ?? 'application/octet-stream';
      response.writeHead(200, { ...headers, 'content-type': type }).end(compressed(file));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
  const address = server.address();
  if (!address || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
    ],
  });
}

/**
 * Chromium with a page for each body, which leaves a function in `window.ask`: those functions.
 * @param {Record<string, string>} bodies
 */
export async function openPages(bodies) {
  const server = await serve(bodies);
  const browser = await launch();
  /** @type {Record<string, (argument: unknown) => Promise<number>>} */
  const asks = {};
  for (const name of Object.keys(bodies)) {
    const page = await browser.newPage();
    page.on('pageerror', (error) => console.error(`${name}: ${error}`));
    await page.goto(`${server.url}/${name}`);
    await page.waitForFunction('window.ask', undefined, { timeout: 60_000 });
    asks[name] = (argument) => page.evaluate(`window.ask(${JSON.stringify(argument)})`);
  }
  const end = async () => {
    await browser.close();
    server.close();
  };
  return { asks, end };
}
