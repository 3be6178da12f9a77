// What a page in a single file has in itself: a model, and its gallery perhaps.

/** @param {string} id */
const holder = (id) => (typeof document === 'object' ? document.getElementById(id) : null);

/** The name of the model in this file; empty where models come from a site. */
export const embeddedName = holder('embedded-model')?.dataset.name ?? '';

/** A file of that model, as an address. @param {string} ending @returns {URL | undefined} */
export function embedded(ending) {
  const id = ending.startsWith('.gallery') ? 'embedded-gallery' : 'embedded-model';
  const text = holder(id)?.textContent;
  return text ? new URL(`data:application/octet-stream;base64,${text}`) : undefined;
}
