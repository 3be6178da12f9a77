// The floors of the design: a file of src/ includes only from floors below its own, the core calls
// nothing of its host, and what stands above it sees the public headers alone.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const FLOORS = [
  ['base', 'alloc', 'arena', 'rng', 'half', 'likeness', 'analyses'],
  [
    'vec',
    'kernels',
    'gemm_narrow',
    'gemm_wide',
    'kernels_norm',
    'cpu',
    'linear',
    'winograd',
    'directions',
    'sketch',
    'fft',
  ],
  [
    'layer',
    'layer_*',
    'loss',
    'image',
    'augment',
    'tensorfile',
    'index',
    'metrics',
    'mixture',
    'local_pca',
    'eigen',
    'texture',
    'repulsion',
    'affinity',
    'fuzzy',
  ],
  ['arch', 'model', 'aspect', 'zoo', 'score.h', 'subspace'],
  [
    'checkpoint',
    'onnx',
    'calibration',
    'score',
    'fit',
    'gallery',
    'dataset',
    'pca',
    'table',
    'components',
    'cluster',
    'agreement',
    'umap',
    'communities',
    'gaussians',
    'sample',
    'train',
    'trainer.h',
    'resume',
    'evaluate',
    'bench',
    'tsne',
    'trust',
    'lasso',
    'features',
  ],
];
const SYSTEM = ['stdarg.h', 'stdbool.h', 'stddef.h', 'stdint.h', 'string.h', 'math.h', 'float.h'];
// Allowed in one file alone.
const SYSTEM_IN = { 'stdlib.h': ['alloc.c'], 'omp.h': ['cpu.c'] };
// Inside a floor, a module may use its own headers and these.
const NEIGHBOURS = {
  0: ['base.h', 'likeness.h', 'arena.h', 'rng.h'],
  1: ['vec.h', 'gemm_narrow.h', 'gemm_wide.h', 'kernels.h', 'kernels_norm.h'],
  2: ['layer.h', 'layer_conv.h'], // by layer_*.c alone
  3: ['arch.h', 'model.h', 'aspect.h'],
  4: ['trainer.h'],
};

const read = (folder) =>
  readdirSync(join(root, folder))
    .filter((name) => /\.[ch]$/.test(name))
    .map((name) => ({ name, text: readFileSync(join(root, folder, name), 'utf8') }));

/** C without comments; strings too unless they are wanted, as in includes. */
const code = (text, strings = false) =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\])*"/g, (part) =>
    part[0] === '"' && strings ? part : part[0] === '"' ? '""' : ' ',
  );

const includes = (text) =>
  [...code(text, true).matchAll(/^\s*#\s*include\s*([<"])([^>"]+)[>"]/gm)].map((m) => ({
    own: m[1] === '"',
    name: m[2],
  }));

function floorOf(file) {
  const stem = file.replace(/\.[ch]$/, '');
  const exact = FLOORS.findIndex((names) => names.includes(file));
  if (exact >= 0) return exact;
  return FLOORS.findIndex((names) =>
    names.some((name) => name === stem || (name === 'layer_*' && stem.startsWith('layer_'))),
  );
}

/** Why `file` may not include the core's header `header`, or nothing. */
function trespass(file, header) {
  const from = floorOf(file);
  const to = floorOf(header);
  if (to < 0) return `${header} stands on no floor`;
  if (to < from) return undefined;
  if (to > from) return `${header} is of floor ${to}, above ${from}`;
  if (header === file.replace(/\.c$/, '.h')) return undefined;
  if (!NEIGHBOURS[from].includes(header)) return `${header} is beside it on floor ${from}`;
  if (from === 2 && !file.startsWith('layer_')) return `${header} is for operators`;
  return undefined;
}

const core = read('src');

test('every file of src/ stands on a floor and includes only from below', () => {
  assert.ok(core.length > 30, `${core.length} files`);
  for (const { name, text } of core) {
    assert.ok(floorOf(name) >= 0, `give ${name} a floor`);
    const found = includes(text);
    assert.ok(found.length > 0, `${name} includes nothing: is the pattern right?`);
    for (const { own, name: header } of found) {
      if (own) {
        const why = trespass(name, header);
        assert.equal(why, undefined, `${name}: ${why}`);
      } else if (!header.startsWith('simde/')) {
        assert.ok(
          SYSTEM.includes(header) || SYSTEM_IN[header]?.includes(name),
          `${name} includes <${header}>`,
        );
      }
      if (header.startsWith('simde/')) assert.equal(name, 'vec.h', `${name} includes SIMDe`);
      if (header === 'vec.h') assert.match(name, /^kernels/, `${name} includes vec.h`);
    }
  }
});

test('the public headers stand alone', () => {
  const own = (file) =>
    includes(core.find(({ name }) => name === file).text)
      .filter((include) => include.own)
      .map(({ name }) => name);
  assert.deepEqual(own('likeness.h'), []);
  assert.deepEqual(own('analyses.h'), ['likeness.h']);
});

test('the core calls nothing of its host', () => {
  // stdio, exit, time, files, environment, memory: none; of libm what is exact.
  const HOST =
    /\b(printf|fprintf|sprintf|snprintf|vsnprintf|puts|putchar|fputs|fopen|fclose|fread|fwrite|exit|abort|_Exit|assert|getenv|time|clock|rand|srand|qsort|bsearch|strtok|strerror|setlocale|system|signal|longjmp|setjmp)\s*\(/;
  const MEMORY = /\b(malloc|calloc|realloc|aligned_alloc|free|strdup|alloca)\s*\(/;
  const LIBM =
    /\b(exp|exp2|expm1|log|log2|log10|log1p|pow|cbrt|hypot|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|erf|tgamma|lgamma|fma|fmod|remainder|round|lround|rint|nearbyint|ceil|trunc|ldexp|frexp|scalbn|fmin|fmax)[fl]?\s*\(/;
  for (const { name, text } of core) {
    // The double build of the gradient checks may use libm: it stands in one #ifdef of vec.h.
    const plain = code(text).replace(/#ifdef LK_DOUBLE[\s\S]*?#else/g, '');
    const of = (pattern) => plain.match(pattern)?.[0];
    assert.equal(of(HOST), undefined, `${name} calls its host`);
    if (name !== 'alloc.c') assert.equal(of(MEMORY), undefined, `${name} allocates by itself`);
    assert.equal(of(LIBM), undefined, `${name} uses libm`);
    assert.equal(of(/\b(sqrt|floor|fabs)[fl]\s*\(/), undefined, `${name} uses another libm name`);
  }
});

const library = join(process.env.LIKENESS_BUILD ?? join(root, 'build'), 'libcore.a');
test('the core keeps no state of its own', { skip: !existsSync(library) }, () => {
  // What may change while a program runs stands in .data and .bss.
  const { status, stdout } = spawnSync('size', ['-A', library], { encoding: 'utf8' });
  assert.equal(status, 0);
  const sections = [...stdout.matchAll(/^(\.\S+)\s+(\d+)\s/gm)];
  assert.ok(sections.some(([, section, size]) => section === '.text' && Number(size) > 0));
  for (const [, section, size] of sections)
    if (/^\.(data|bss|tdata|tbss)$/.test(section)) assert.equal(Number(size), 0, stdout);
});

test('what stands above the core sees its public headers alone', () => {
  const PUBLIC = { native: ['likeness.h', 'analyses.h'], wasm: ['likeness.h'] };
  const headers = core.map(({ name }) => name).filter((name) => name.endsWith('.h'));
  for (const folder of ['native', 'wasm'])
    for (const { name, text } of read(folder))
      for (const { own, name: header } of includes(text)) {
        assert.ok(!header.includes('/src/'), `${folder}/${name} includes ${header}`);
        if (own && headers.includes(header))
          assert.ok(PUBLIC[folder].includes(header), `${folder}/${name} includes ${header}`);
      }
});

test('files stay readable', () => {
  const folders = ['src', 'native', 'wasm', 'web', 'web/src', 'tests'];
  for (const suite of ['src', 'native', 'wasm', 'web', 'fuzz', 'bench'])
    folders.push(`tests/${suite}`);
  for (const folder of folders) {
    const names = readdirSync(join(root, folder)).filter((n) =>
      /\.(c|h|m?js|css|html|py|sh)$/.test(n),
    );
    assert.ok(names.length > 0, folder);
    for (const name of names) {
      const lines = readFileSync(join(root, folder, name), 'utf8').split('\n').length;
      assert.ok(lines <= 601, `${folder}/${name} has over 600 lines`);
    }
  }
});
