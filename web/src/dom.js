// The few things done to the document often enough to have a name.

/**
 * The element with this id, which the page is known to have.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return element;
}

/**
 * @param {string} selector
 * @param {Element} [within]
 * @returns {HTMLElement}
 */
export function one(selector, within = document.body) {
  const element = within.querySelector(selector);
  if (!(element instanceof HTMLElement)) throw new Error(`the page has no ${selector}`);
  return element;
}

/**
 * A new element with properties and children.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @param {...(Node | string)} children
 */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Lets strokes, and whatever else waits, go first. */
export function nextTask() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** @param {HTMLCanvasElement} canvas */
export function context(canvas) {
  const found = canvas.getContext('2d', { willReadFrequently: true });
  if (!found) throw new Error('the browser cannot draw');
  return found;
}
