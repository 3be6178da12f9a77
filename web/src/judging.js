// A file judged in a worker, as the page would judge it.

import { decode } from './decode.js';
import { preparationFor } from './preparation.js';
import { rowOf } from './records.js';

/**
 * @param {{model: import('likeness').Model} | null} known
 * @param {{file: File, name: string, alpha: number}} args
 */
export async function judge(known, { file, name, alpha }) {
  if (!known) throw new Error('no model is open');
  const { model } = known;
  const picture = await decode(file).catch(() => {
    throw new Error('not a picture this browser can read');
  });
  const preparation = preparationFor(model, 'picture', picture);
  const result = model.check(picture, { alpha, preparation });
  const { x } = model.prepare(picture, { preparation });
  return rowOf(name, result, model.info.classes ? model.classify(x) : null);
}
