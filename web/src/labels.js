// Words for what a model's images are, and for what it is itself.

/** @type {Record<string, {one: string, many: string}>} */
const KNOWN = {
  digits: { one: 'a digit', many: 'digits' },
  fashion: { one: 'a piece of clothing', many: 'clothes' },
  garments: { one: 'a piece of clothing', many: 'clothes' },
  'coloured digits': { one: 'a digit', many: 'coloured digits' },
};

/** @type {Record<string, string>} */
const FAMILIES = {
  gate: 'small autoencoder',
  'gate-classes': 'small autoencoder',
  'gate-wide': 'small autoencoder',
  ae: 'one hidden layer',
  deep: 'deep autoencoder',
  pca: 'principal components',
  stacked: 'layer by layer',
  denoise: 'denoising',
  conv: 'convolutional',
  cnn: 'classifier',
  vae: 'variational',
  'vae-conv': 'variational, convolutional',
  'vae-color': 'variational, in colour',
  vqvae: 'nine words of a codebook',
  'vqvae-7x7': '49 words of a codebook',
  acae: 'conditioned on the class',
  'acae-softmax': 'conditioned, and a classifier',
  triplet: 'metric learning',
};

/** What a piece of evidence is called, and what it asks. @type {Record<string, [string, string]>} */
export const EVIDENCE = {
  reconstruction: ['Reconstruction error', 'how much its copy differs from it'],
  mahalanobis: ['Usual codes', 'how far its code is from usual ones'],
  neighbour: ['Nearest known', 'how far the known image is that is nearest by code and gist'],
  shape: ['Shape', 'how much of it, seen small, no usual shape accounts for'],
  gist: ['Gist', 'whether what the network makes of it as a whole is usual'],
  style: ['Style of strokes', 'whether its edges, strokes and surfaces are usual'],
  tones: ['Tones', 'whether its lights, darks and edges are in usual numbers'],
  views: ['All ways round', 'whether it looks as usual when it is turned and mirrored'],
  class: ['Which class', 'whether it is clearly one of the known classes'],
  logit: ['Signs of a class', 'how much in it speaks for the likeliest class'],
  none: ['No class', 'whether it may be of none of the known classes'],
  pose: ['Which way up', 'whether it is upright, neither turned nor mirrored'],
  texture: ['Texture', 'whether it is as solid, grey or grainy as they are'],
};

/** @param {string} evidence */
export const evidenceName = (evidence) => EVIDENCE[evidence]?.[0] ?? evidence;

/** How to speak of one and of many of them. @param {string} title */
export function nounsOf(title) {
  return KNOWN[title] ?? { one: 'something', many: title || 'images' };
}

const LONGEST = 40; // of a name, which is the model file's: anything

/** What a model calls a label. @param {{names: readonly string[]}} info @param {number | null} label */
export function labelName({ names }, label) {
  if (label === null) return '';
  const name = names[label] || String(label);
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
}

/** "1 image", "2,000 images" @param {number} count @param {string} noun of one */
export const counted = (count, noun) =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;

/** What kind of model a family is. @param {string} family */
export function familyWords(family) {
  return FAMILIES[family] ?? (family || 'a model');
}
