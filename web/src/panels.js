// The panels below the fold. Each is a <section data-panel> and a module, which is fetched when the
// section comes near; so the first stroke waits for none of them. main.js tells here which model is
// open and which image was judged; a panel hears of it, when it begins, and then after the verdict is
// painted and while it is near, by the two functions that its `start` returns.

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {import('likeness').Preparation} Preparation */
/**
 * An image as it was judged.
 * @typedef {object} Judged
 * @property {Float32Array} x what the model sees
 * @property {ImageData} picture of which it was made
 * @property {import('./input.js').Input['kind']} kind
 * @property {number} alpha
 */
/**
 * What a panel wants to hear.
 * @typedef {object} Hears
 * @property {(opened: Opened) => void} [model] it was opened, or its gallery has come
 * @property {(judged: Judged | null) => void} [image] the last one
 */
/** Opens a file as if it had been dropped. @typedef {(file: File) => void} Open */

const NEAR = '100px';
const REST = 30; // milliseconds that a verdict has for itself

/** @type {Record<string, () => Promise<{start(section: HTMLElement, open: Open): Hears}>>} */
const MODULES = {
  embed: () => import('./embed.js'),
  nearest: () => import('./nearest.js'),
  map: () => import('./map.js'),
  compare: () => import('./compare.js'),
  learned: () => import('./learned.js'),
  mixup: () => import('./mixup.js'),
  unusual: () => import('./unusual.js'),
  common: () => import('./common.js'),
  graph: () => import('./graph.js'),
  train: () => import('./train.js'),
};

/** `model` and `image` are what it has not been told.
 * @typedef {{hears: Hears | null, begun: boolean, near: boolean, model: boolean, image: boolean}} Panel */
/** @type {Map<HTMLElement, Panel>} */
const panels = new Map();
/** @type {Opened | null} */
let opened = null;
/** @type {Judged | null} */
let judged = null;
let timer = 0;
/** @type {Open} */
let open = () => {};

function tell() {
  timer = 0;
  if (!opened) return;
  for (const [section, panel] of panels) {
    if (!panel.near) continue;
    if (!panel.begun) begin(section, panel);
    hear(panel);
  }
}

/** @param {Panel} panel */
function hear(panel) {
  const { hears, model, image } = panel;
  if (!hears || !opened) return;
  panel.model = panel.image = false;
  if (model) hears.model?.(opened);
  if (image) hears.image?.(judged);
}

function tellSoon() {
  if (!timer) timer = window.setTimeout(tell, REST);
}

/** Also when its gallery has come. @param {Opened} model */
export function tellModel(model) {
  opened = model;
  for (const panel of panels.values()) panel.model = panel.image = true;
  tellSoon();
}

/** @param {Judged | null} image */
export function tellImage(image) {
  if (image === judged) return;
  judged = image;
  for (const panel of panels.values()) panel.image = true;
  tellSoon();
}

/** @param {HTMLElement} section @param {Panel} panel */
async function begin(section, panel) {
  panel.begun = true;
  section.dataset.begun = '';
  try {
    const { start } = await MODULES[section.dataset.panel ?? '']();
    panel.hears = start(section, open);
    hear(panel); // also when others have grown and pushed it away meanwhile
  } catch {
    section.append('This part of the page could not be loaded.');
  }
}

/** @param {Open} opener what opens a file */
export function startPanels(opener) {
  open = opener;
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const panel = panels.get(/** @type {HTMLElement} */ (target));
        if (panel) panel.near = isIntersecting;
      }
      tellSoon();
    },
    { rootMargin: NEAR },
  );
  for (const section of document.querySelectorAll('[data-panel]')) {
    const panel = { hears: null, begun: false, near: false, model: true, image: true };
    panels.set(/** @type {HTMLElement} */ (section), panel);
    observer.observe(section);
  }
}
