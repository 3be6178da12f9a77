// Builds the page as a single file, all but the model: node web/single.mjs writes build/single.html,
// into which `likeness export --html` puts a model. It is opened from a disk, where nothing can be
// fetched: code, styles, fonts and WebAssembly are in it, and workers start from blobs.
import { createHash } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('.', import.meta.url));
const built = fileURLToPath(new URL('../build/', import.meta.url));
const MODEL = '<!-- the model -->'; // where cmd_export.c puts it

const result = await build({
  configFile: false,
  root,
  base: './',
  logLevel: 'warn',
  resolve: { alias: { likeness: `${built}wasm/likeness.mjs` } },
  // A module cannot be loaded from a blob of a file's own, opaque origin; a classic script can.
  worker: { format: 'iife', rollupOptions: { output: { inlineDynamicImports: true } } },
  build: {
    write: false,
    target: 'es2022',
    assetsInlineLimit: Number.MAX_SAFE_INTEGER,
    cssCodeSplit: false,
    modulePreload: false,
    chunkSizeWarningLimit: 4096,
    rollupOptions: { output: { inlineDynamicImports: true } },
  },
});
const { output } = /** @type {import('rollup').RollupOutput} */ (
  Array.isArray(result) ? result[0] : result
);

/** The text of the one file that is so. @param {RegExp} name */
function textOf(name) {
  const file = output.find(({ fileName }) => name.test(fileName));
  if (!file) throw new Error(`the build made no ${name}`);
  return file.type === 'chunk' ? file.code : String(file.source);
}

/** An element's text must not end it. @param {string} code */
const enclosed = (code) => code.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
/** @param {string} text */
const hashOf = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const workers = output.filter(({ fileName }) => /worker-[^/]*\.js$/.test(fileName));
let code = textOf(/^assets\/index-[^/]*\.js$/);
let holders = '';
for (const { fileName } of workers) {
  const id = fileName.replace(/^.*\/|[-.].*$/g, '');
  const source = enclosed(
    textOf(new RegExp(`${fileName.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)),
  );
  holders += `<script type="text/plain" id="worker-${id}">${source}</script>\n`;
  const place = new RegExp(
    `new URL\\(\\s*(?:/\\* @vite-ignore \\*/)?\\s*["'\`][^"'\`]*${fileName.replace(/^.*\//, '').replaceAll('.', '\\.')}["'\`]\\s*,\\s*import\\.meta\\.url\\s*\\)`,
    'g',
  );
  const before = code;
  code = code.replace(
    place,
    `new URL(URL.createObjectURL(new Blob([document.getElementById("worker-${id}").textContent],{type:"text/javascript"})))`,
  );
  if (code === before) throw new Error(`nothing starts ${fileName}`);
}
code = enclosed(
  code.replaceAll(/(import\.meta\.url\)),\s*\{\s*type:\s*["'`]module["'`]\s*\}/g, '$1'),
);
const style = textOf(/\.css$/);
const policy = [
  "default-src 'none'",
  `script-src ${hashOf(code)} 'wasm-unsafe-eval'`,
  `style-src ${hashOf(style)}`,
  'img-src blob: data:',
  'font-src data:',
  'connect-src data:', // WebAssembly lies in the code as such a URL
  'worker-src blob:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const icon = Buffer.from(textOf(/mark-[^/]*\.svg$/)).toString('base64');
const page = textOf(/^index\.html$/)
  .replace(/content="default-src[^"]*"/, () => `content="${policy}"`)
  .replace(/"[^"]*mark-[^"]*\.svg"/g, `"data:image/svg+xml;base64,${icon}"`)
  .replace(/\s*<script type="module"[^>]*><\/script>/, '')
  .replace(/\s*<link rel="stylesheet"[^>]*>/g, '')
  .replace('</head>', () => `  <style>${style}</style>\n  </head>`)
  .replace(
    '</body>',
    () => `${holders}${MODEL}\n<script type="module">${code}</script>\n  </body>`,
  );
await writeFile(`${built}single.html.part`, page);
await rename(`${built}single.html.part`, `${built}single.html`);
