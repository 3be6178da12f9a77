// Words for what a model's images are.

const CLOTHES = 'T-shirt Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Boot'.split(' ');

/** @type {Record<string, {one: string, many: string, names?: string[]}>} */
const KNOWN = {
  digits: { one: 'a digit', many: 'digits' },
  fashion: { one: 'a piece of clothing', many: 'clothes', names: CLOTHES },
};

/** How to speak of one and of many of them. @param {string} title */
export function nounsOf(title) {
  return KNOWN[title] ?? { one: 'something', many: title || 'images' };
}

/** @param {string} title @param {number | null} label */
export function labelName(title, label) {
  if (label === null) return '';
  return KNOWN[title]?.names?.[label] ?? String(label);
}
