// The page without a network. The build puts in what the page is made of (FILES, by names that change
// with their content, but for the page itself) and a VERSION of it all; models and other data are kept
// as they are asked for. Nothing of another origin is ever touched.

const FILES = ['__FILES__'];
const VERSION = '__VERSION__';

/** @typedef {Event & {waitUntil(work: Promise<unknown>): void}} Waiting */
/** @typedef {Waiting & {request: Request, respondWith(answer: Promise<Response>): void}} Asked */
/** @typedef {Waiting & MessageEvent<string[]>} Told */
const worker = /** @type {any} */ (self);
const scope = /** @type {string} */ (worker.registration.scope); // another folder is another page
const prefix = `likeness ${scope} `;
const [page, data] = [`${prefix}${VERSION}`, `${prefix}data`];
const files = new Set(FILES.map((file) => new URL(file, scope).href));

/** @param {string} url */
const isOurs = (url) => url.startsWith(scope);

/** Keeps an answer that came whole. @param {Request | string} request @param {Response} answer */
async function keep(request, answer) {
  if (answer.status === 200) await (await caches.open(data)).put(request, answer);
}

/** From the network, or as it last was. @param {Asked} event */
async function newest(event) {
  const { request } = event;
  try {
    const answer = await fetch(request);
    event.waitUntil(keep(request, answer.clone()).catch(() => {})); // there may be no room
    return answer;
  } catch (error) {
    // A page has one file, whatever is behind the "?".
    const known = await caches.match(request, { ignoreSearch: request.mode === 'navigate' });
    if (known) return known;
    throw error;
  }
}

/** @param {Request} request */
async function kept(request) {
  return (await (await caches.open(page)).match(request)) ?? fetch(request);
}

worker.addEventListener('install', (/** @type {Waiting} */ event) => {
  worker.skipWaiting();
  event.waitUntil(caches.open(page).then((cache) => cache.addAll(FILES)));
});

worker.addEventListener('activate', (/** @type {Waiting} */ event) => {
  const forget = async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith(prefix));
    const old = names.filter((name) => name !== page && name !== data);
    await Promise.all(old.map((name) => caches.delete(name)));
    await worker.clients.claim();
  };
  event.waitUntil(forget());
});

worker.addEventListener('fetch', (/** @type {Asked} */ event) => {
  const { request } = event;
  if (request.method !== 'GET' || !isOurs(request.url) || request.headers.has('range')) return;
  const isFile = files.has(request.url) && request.mode !== 'navigate';
  event.respondWith(isFile ? kept(request) : newest(event));
});

// The page names what it fetched before this worker was there, and is told when all of it is kept.
worker.addEventListener('message', (/** @type {Told} */ event) => {
  const wanted = event.data.filter((url) => isOurs(url) && !files.has(url));
  const all = Promise.all(
    wanted.map(async (url) => {
      if (await caches.match(url)) return;
      await keep(url, await fetch(url, { cache: 'force-cache' })); // it came a moment ago
    }),
  );
  event.waitUntil(all.then(() => event.ports[0].postMessage('kept')).catch(() => {}));
});
