// The worker of lab.js: opens models, and answers what is asked of them.
//
//   { open, source, gallery }   a model under a number; again when its gallery has come
//   { id, call, key, args }     answered by { id, share, news } meanwhile and { id, result | error }
//
// What was begun is finished, also when nobody waits for it any more: it is known from then on.

import { load } from 'likeness';
import { Known } from './known.js';
import { calls } from './studies.js';

const KEPT = 16; // models that stay open: each has a memory of its own
const SLICE = 20; // milliseconds of long work, after which shorter questions have their turn

const scope = /** @type {{postMessage(message: unknown, transfer?: Transferable[]): void}} */ (
  /** @type {unknown} */ (self)
);
/** @typedef {{source: string | ArrayBuffer, gallery?: string | ArrayBuffer}} Place */
/** Where each is opened from, also when it was closed. @type {Map<number, Place>} */
const places = new Map();
/** @type {Map<number, Promise<Known>>} the most recently used last */
const open = new Map();

/** @param {number} key */
async function know(key) {
  const place = places.get(key);
  if (!place) throw new Error('no such model');
  const { source, gallery } = place;
  const model = await load(source);
  if (gallery) await model.loadGallery(gallery).catch(() => {});
  return new Known(model);
}

/** @param {number} key */
function close(key) {
  open.get(key)?.then(
    ({ model }) => model.dispose(),
    () => {},
  );
  open.delete(key);
}

/** @param {number} key */
function find(key) {
  const known = open.get(key) ?? know(key);
  open.delete(key);
  open.set(key, known);
  const [oldest] = open.keys();
  if (open.size > KEPT) close(oldest);
  return known;
}

/** @param {{open: number} & Place} message */
function keep({ open: key, ...place }) {
  close(key);
  places.set(key, place);
}

/** @param {{id: number, call: keyof typeof calls, key: number, args: any}} message */
async function answer({ id, call, key, args }) {
  let since = performance.now();
  /** Lets others have their turn, and says how far it is. @type {import('./known.js').Pause} */
  const pause = async (share, news) => {
    if (performance.now() - since < SLICE && news === undefined) return;
    scope.postMessage({ id, share, news });
    await new Promise((resolve) => setTimeout(resolve));
    since = performance.now();
  };
  try {
    const known = key ? await find(key) : null;
    const work = /** @type {(known: Known | null, args: any, pause: any) => unknown} */ (
      calls[call]
    );
    scope.postMessage({ id, result: await work(known, args, pause) });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    scope.postMessage({ id, error: text });
  }
}

self.addEventListener('message', ({ data }) => {
  if ('open' in data) keep(data);
  else answer(data);
});
