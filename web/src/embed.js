// The code that gives this very verdict elsewhere: this model, this preparation, this threshold.

import { currentAlpha } from './alpha.js';
import { make } from './dom.js';
import { preparationFor } from './preparation.js';
import { copy } from './share.js';

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {{file: string, options: string, flags: string, header: string, preparation: string, alpha: number}} Given */

/** @type {Record<string, (given: Given) => string>} */
const SNIPPETS = {
  npm: ({ file, options }) => `// npm install ./build/wasm
import { load } from 'likeness';

const model = await load(new URL('${file}', import.meta.url));
const { verdict, p } = model.check(imageData, ${options}); // 'in', 'out' or 'empty'
`,
  HTML: ({ file, options }) => `<!-- beside it: likeness.mjs, engine.mjs, likeness.wasm, ${file} -->
<img src="picture.png" alt="">
<output></output>
<script type="module">
  import { load } from './likeness.mjs';

  const model = await load('${file}');
  const image = document.querySelector('img');
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const ink = new OffscreenCanvas(width, height).getContext('2d');
  ink.drawImage(image, 0, 0);
  const { verdict, p } = model.check(ink.getImageData(0, 0, width, height), ${options});
  document.querySelector('output').textContent = \`\${verdict}, p = \${p}\`;
</script>
`,
  Node: ({ file, options }) => `import { load } from 'likeness';

const model = await load('${file}');
// Rows of bytes, top down, from whatever reads your files; channels: 1 grey, 3 RGB, 4 RGBA.
const { verdict, p } = model.check({ data, width, height, channels: 4 }, ${options});
console.log(verdict, p);
`,
  C: ({ file, header, preparation, alpha }) => `// likeness export ${file} --c-header ${header}.h
// cc -Isrc judge.c build/libcore.a -fopenmp -lm -o judge
// ./judge WIDTH HEIGHT < pixels: rows of RGBA, top down
#include <stdio.h>
#include <stdlib.h>

#include "${header}.h"
#include "likeness.h"

int main(int argc, char **argv) {
    lk_error error = {.message = "WIDTH HEIGHT < pixels"};
    const uint32_t width = argc > 2 ? (uint32_t)atoi(argv[1]) : 0;
    const uint32_t height = argc > 2 ? (uint32_t)atoi(argv[2]) : 0;
    const size_t size = (size_t)4 * width * height;
    uint8_t *pixels = malloc(size + 1);
    const lk_picture picture = {pixels, width, height, 4};
    lk_model *model = lk_model_load(${header}_model, sizeof ${header}_model, &error);
    lk_run *run = model ? lk_run_create(model, 1, LK_SIMD_BEST, &error) : NULL;
    lk_result result;
    const int failed = !run || !pixels || fread(pixels, 1, size, stdin) != size ||
                       lk_check(run, ${preparation}, picture, ${alpha}, &result, &error);
    if (failed) fprintf(stderr, "%s\\n", error.message);
    else printf("%s, p = %g\\n", lk_verdict_name(result.verdict), result.p);
    lk_run_free(run);
    lk_model_free(model);
    free(pixels);
    return failed;
}
`,
  'Command line': ({ file, flags, header }) => `likeness score ${file} picture.png ${flags}
likeness export ${file} --html ${header}.html   # this page with this model, in one file
`,
};

/** @param {HTMLElement} section @returns {import('./panels.js').Hears} */
export function start(section) {
  const code = make('code');
  const box = make('pre', {}, code);
  box.tabIndex = 0; // it scrolls
  const button = make('button', { type: 'button', textContent: 'Copy' });
  let chosen = Object.keys(SNIPPETS)[0];
  /** @type {Opened | null} */
  let opened = null;
  /** @type {import('./panels.js').Judged | null} */
  let judged = null;

  const choices = Object.keys(SNIPPETS).map((name) => {
    /** @type {HTMLInputElement} */
    const radio = document.createElement('input');
    Object.assign(radio, { type: 'radio', name: 'snippet', checked: name === chosen });
    radio.addEventListener('change', () => {
      chosen = name;
      show();
    });
    const label = make('label');
    label.append(radio, ` ${name}`);
    return label;
  });
  const legend = make('legend', { className: 'hidden' }, 'Language');
  const row = make('div', { className: 'row between' });
  const languages = make('fieldset', { className: 'segments small' });
  languages.append(legend, ...choices);
  row.append(languages, button);
  section.append(row, box);
  button.addEventListener('click', () => copy(button, code.textContent ?? '', 'Copied'));

  function show() {
    if (!opened) return;
    const { model, name, drawing } = opened;
    const ink = (judged ? preparationFor(model, judged.kind, judged.picture) : drawing) === 'ink';
    const alpha = Number(currentAlpha().toPrecision(6));
    code.textContent = SNIPPETS[chosen]({
      file: `${name}.safetensors`,
      options: `{ alpha: ${alpha}${ink ? ", preparation: 'ink'" : ''} }`,
      flags: `${ink ? '--ink ' : ''}--alpha ${alpha}`,
      header: name.replace(/^(?=\d)/, 'model_').replace(/[^A-Za-z0-9]/g, '_'),
      preparation: ink ? 'LK_PREPARE_INK' : 'LK_PREPARE_IMAGE',
      alpha,
    });
  }

  return {
    model(now) {
      opened = now;
      show();
    },
    image(now) {
      judged = now;
      show();
    },
  };
}
