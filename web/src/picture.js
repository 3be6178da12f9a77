// The tab with a picture that was dropped, pasted or chosen.

import { decode } from './decode.js';
import { byId, context, one } from './dom.js';

/** @param {(file: File) => void} onFile */
export function startPicture(onFile) {
  const shown = byId('picture', HTMLCanvasElement);
  const hint = byId('drop-hint', HTMLElement);
  const file = byId('picture-file', HTMLInputElement);
  /** @type {{picture: ImageData, name: string} | null} */
  let chosen = null;
  let begun = 0; // pictures, of which a big one may be decoded after a small one that came later
  let latest = 0; // of those shown

  /** @param {ImageData} picture @param {string} name */
  function show(picture, name, turn = ++begun) {
    latest = turn;
    chosen = { picture, name };
    shown.width = picture.width;
    shown.height = picture.height;
    context(shown).putImageData(picture, 0, 0);
    // Pixel art is shown as pixels, a photograph smoothly.
    shown.classList.toggle('pixels', Math.max(picture.width, picture.height) <= 128);
    shown.hidden = false;
    hint.hidden = true;
  }

  one('[data-action=choose]').addEventListener('click', () => file.click());
  file.addEventListener('change', () => {
    if (file.files?.[0]) onFile(file.files[0]);
    file.value = ''; // the same file may be chosen again
  });

  return {
    /** @returns {import('./input.js').Input | null} */
    input: () => chosen && { kind: 'picture', ...chosen },
    show,
    /** Fails, and shows what was there before, if it is no picture. Whether it is shown: a later one
     * may have been quicker. */
    async open(/** @type {File} */ chosenFile) {
      const turn = ++begun;
      const picture = await decode(chosenFile);
      if (turn < latest) return false;
      show(picture, chosenFile.name, turn);
      return true;
    },
  };
}
