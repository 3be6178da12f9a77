// A model in the worker, with its gallery, and what was found out about it.

/** @typedef {import('likeness').Model} Model */
/** @typedef {(share: number, news?: unknown) => Promise<void>} Pause */

export const NONE = -1; // the label of what has none
const AT_ONCE = 32; // images

/** A model and what was found out about its gallery, each once. */
export class Known {
  /** @type {Map<string, Promise<any>>} */ #found = new Map();
  /** @type {{thumbnails: Uint8Array, labels: Int16Array} | null} */ #images = null;

  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    const { channels, height, width } = model.info.shape;
    this.pixels = channels * height * width;
  }

  /** Of all that asks for it the first finds it. @template T @param {string} name @param {() => Promise<T>} find @returns {Promise<T>} */
  once(name, find) {
    const known = this.#found.get(name) ?? find();
    this.#found.set(name, known);
    known.catch(() => this.#found.delete(name));
    return known;
  }

  /** All thumbnails, one after the other, and their labels. */
  get images() {
    if (this.#images) return this.#images;
    const n = this.model.gallerySize;
    const thumbnails = new Uint8Array(n * this.pixels);
    const labels = new Int16Array(n);
    for (let i = 0; i < n; i++) {
      const { thumbnail, label } = this.model.galleryImage(i);
      thumbnails.set(thumbnail, i * this.pixels);
      labels[i] = label ?? NONE;
    }
    this.#images = { thumbnails, labels };
    return this.#images;
  }

  /** All codes, one after the other. @param {Pause} pause @returns {Promise<Float32Array>} */
  codes(pause) {
    return this.once('codes', async () => {
      const { gallerySize, info } = this.model;
      const z = new Float32Array(gallerySize * info.latent);
      await this.each(
        Uint32Array.from({ length: gallerySize }, (_, i) => i),
        pause,
        (x, first, count) => {
          this.model.encode(x, {
            out: z.subarray(first * info.latent, (first + count) * info.latent),
          });
        },
      );
      return z;
    });
  }

  /** Some images as inputs. @param {ArrayLike<number>} which */
  inputs(which) {
    const { thumbnails } = this.images;
    const x = new Float32Array(which.length * this.pixels);
    for (let i = 0; i < which.length; i++)
      for (let j = 0; j < this.pixels; j++)
        x[i * this.pixels + j] = thumbnails[which[i] * this.pixels + j] / 255;
    return x;
  }

  /**
   * Runs all images through `work`, some at a time.
   * @param {Uint32Array} which @param {Pause} pause
   * @param {(x: Float32Array, first: number, count: number) => void} work
   */
  async each(which, pause, work) {
    for (let first = 0; first < which.length; first += AT_ONCE) {
      const some = which.slice(first, first + AT_ONCE);
      work(this.inputs(some), first, some.length);
      await pause(first / which.length);
    }
  }
}
