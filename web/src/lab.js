// The worker in which the panels' long work is done, and how it is asked. It has models of its own,
// opened from the same files as those of the page.

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {import('./studies.js').Calls} Calls */
/** A model to be opened there: `Opened` is one, and so is a file of the site that is not open here.
 * @typedef {Pick<Opened, 'name' | 'source' | 'gallery'>} Studied */
/**
 * @typedef {object} AskOptions
 * @property {(share: number, news?: unknown) => void} [onProgress]
 * @property {AbortSignal} [signal]
 * @property {Transferable[]} [transfer]
 */
/** @typedef {{resolve: (value: any) => void, reject: (error: Error) => void} & AskOptions} Waiting */

export class Lab {
  #worker = new Worker(new URL('./lab.worker.js', import.meta.url), { type: 'module' });
  /** @type {Map<number, Waiting>} */ #waiting = new Map();
  /** What the worker has of each model. @type {WeakMap<Studied, {key: number, gallery: unknown}>} */
  #known = new WeakMap();
  #last = 0;
  /** Why it answers nothing any more. @type {Error | null} */ #over = null;

  constructor() {
    this.#worker.addEventListener('message', ({ data }) => this.#hear(data));
    this.#worker.addEventListener('error', () => this.#stop(new Error('the worker has stopped')));
  }

  /**
   * @template {keyof Calls} Name
   * @param {Name} call @param {Studied | null} model whom it is about
   * @param {Parameters<Calls[Name]>[1]} args @param {AskOptions} [options]
   * @returns {Promise<Awaited<ReturnType<Calls[Name]>>>}
   */
  ask(call, model, args, options = {}) {
    const id = ++this.#last;
    const { signal, transfer = [] } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (this.#over) return reject(this.#over);
      this.#waiting.set(id, { resolve, reject, ...options });
      signal?.addEventListener('abort', () => {
        this.#waiting.delete(id);
        reject(signal.reason);
      });
      const key = model ? this.#open(model) : 0;
      this.#worker.postMessage({ id, call, key, args }, transfer);
    });
  }

  /** Ends the worker, whatever it is at. */
  end() {
    this.#stop(new DOMException('cancelled', 'AbortError'));
  }

  get isOver() {
    return this.#over !== null;
  }

  /** The worker's name for a model, which is sent there once. @param {Studied} model */
  #open(model) {
    const known = this.#known.get(model);
    if (known && known.gallery === model.gallery) return known.key;
    const key = known?.key ?? ++this.#last;
    this.#known.set(model, { key, gallery: model.gallery });
    const text = (/** @type {URL | ArrayBuffer | undefined} */ place) =>
      place instanceof URL ? place.href : place;
    const { source, gallery } = model;
    this.#worker.postMessage({ open: key, source: text(source), gallery: text(gallery) });
    return key;
  }

  /** @param {{id: number, result?: unknown, error?: string, share?: number, news?: unknown}} message */
  #hear({ id, result, error, share, news }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (share !== undefined) return waiting.onProgress?.(share, news);
    this.#waiting.delete(id);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new Error(error));
  }

  /** @param {Error} error */
  #stop(error) {
    this.#worker.terminate();
    this.#over = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** @type {Lab | null} */
let shared = null;

/** The one that all panels share; another after one that has stopped, or has not come at all.
 * @type {Lab['ask']} */
export function ask(...request) {
  if (!shared || shared.isOver) shared = new Lab();
  return shared.ask(...request);
}
