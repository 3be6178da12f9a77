// `likeness export`: a model in a C header, which gives a program in C the program's own verdicts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fails, folder, greyPng, ok, program, write } from './helpers.mjs';

const build = process.env.LIKENESS_BUILD ?? dirname(program);
const model = join(build, 'models/digits-pca.safetensors');
const skip = existsSync(model) ? false : `there is no ${model}`;
const source = fileURLToPath(new URL('../../src', import.meta.url));

// What the header has of the model and of its gallery, and the verdict of pixels given in hexadecimal.
const PROGRAM = `#include <stdio.h>
#include "one.h"
#include "likeness.h"
int main(int argc, char **argv) {
    static uint8_t pixels[28 * 28];
    lk_error error;
    lk_result result;
    for (size_t i = 0; i < sizeof pixels; i++) {
        unsigned value = 0;
        if (argc < 2 || sscanf(argv[1] + 2 * i, "%2x", &value) != 1) return 2;
        pixels[i] = (uint8_t)value;
    }
    lk_model *model = lk_model_load(model_1_a_model, sizeof model_1_a_model, &error);
    lk_run *run = model ? lk_run_create(model, 1, LK_SIMD_BEST, &error) : NULL;
    lk_gallery *gallery =
        model ? lk_gallery_load(model, model_1_a_gallery, sizeof model_1_a_gallery, &error) : NULL;
    const lk_picture picture = {pixels, 28, 28, 1};
    if (!run || !gallery || lk_check(run, LK_PREPARE_IMAGE, picture, 0.05, &result, &error)) return 1;
    printf("%s %.17g %.9g\\n", lk_verdict_name(result.verdict), result.p, (double)result.score);
    lk_gallery_free(gallery);
    lk_run_free(run);
    lk_model_free(model);
}
`;

test('a program with the model in a header gives the same verdict', { skip }, (t) => {
  const path = folder(t);
  // A name that is none in C, and less of the gallery's bytes than the shipped ones have.
  const copy = join(path, '1-a.safetensors');
  copyFileSync(model, copy);
  copyFileSync(model.replace('.safe', '.gallery.safe'), copy.replace('.safe', '.gallery.safe'));
  const header = join(path, 'one.h');
  const said = ok(['export', copy, '--c-header', header, '--with-gallery', '--json']);
  const { size } = statSync(header);
  assert.deepEqual(said, { c_header: header, model: copy, bytes: size, gallery: true });
  const text = readFileSync(header, 'utf8');
  const [, count, bytes] = /model_1_a_model\[(\d+)\] = \{([\d,\s]*)\};/.exec(text) ?? [];
  const listed = bytes.split(',').slice(0, -1).map(Number);
  assert.equal(listed.length, Number(count));
  assert.ok(Buffer.from(listed).equals(readFileSync(copy)));

  writeFileSync(join(path, 'judge.c'), PROGRAM);
  const flags = [
    '-std=c11',
    '-Wall',
    '-Wextra',
    '-Werror',
    `-I${source}`,
    join(build, 'libcore.a'),
  ];
  const judge = join(path, 'judge');
  execFileSync('cc', [join(path, 'judge.c'), ...flags, '-fopenmp', '-lm', '-o', judge]);
  for (const wide of [2, 9]) {
    const bar = (/** @type {number} */ i) =>
      Math.abs((i % 28) - 14) < wide && i > 150 && i < 650 ? 255 : 0;
    const pixels = Buffer.from(Array.from({ length: 784 }, (_, i) => bar(i)));
    const file = join(path, `bar-${wide}.png`);
    writeFileSync(file, greyPng(28, pixels));
    const [theirs] = ok(['score', copy, file, '--alpha', '0.05', '--json']);
    const [verdict, p, score] = execFileSync(judge, [pixels.toString('hex')], { encoding: 'utf8' })
      .trim()
      .split(' ');
    assert.deepEqual([verdict, Number(p)], [theirs.verdict, theirs.p]);
    assert.equal(Math.fround(Number(score)), Math.fround(theirs.score));
  }
});

test('what cannot be exported has one line, and nothing is written', { skip }, (t) => {
  const path = folder(t);
  const copy = join(path, 'one.safetensors');
  copyFileSync(model, copy);
  const out = join(path, 'out.h');
  fails(['export', copy], 2, /one of --html FILE, --c-header FILE and --onnx FILE/, { path });
  fails(['export', copy, '--c-header', out, '--html', out], 2, /one of --html/, { path });
  fails(['export', copy, '--c-header', copy], 2, /--c-header is one of the inputs/, { path });
  fails(['export', copy, '--c-header', join(path, 'no/out.h')], 5, /no/, { path });
  fails(['export', copy, '--c-header', out, '--with-gallery'], 5, /gallery/, { path });
  const gallery = write(join(path, 'one.gallery.safetensors'), 'known images');
  fails(['export', copy, '--c-header', gallery], 2, /--c-header is a model's gallery or report/, {
    path,
  });
  writeFileSync(join(path, 'bad.safetensors'), 'nonsense');
  fails(['export', join(path, 'bad.safetensors'), '--c-header', out], 4, /bad/, { path });
});
