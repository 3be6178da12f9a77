import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { listModels } from './manifest.mjs';
import { offline } from './offline.mjs';

const built = fileURLToPath(new URL('../build/', import.meta.url));

/** Keeps out what the modules could fetch and the page never does. A worker's chunks come as assets.
 * @type {import('vite').Plugin} */
const onlyUsed = {
  name: 'likeness-only-used',
  generateBundle(_, bundle) {
    const files = Object.values(bundle);
    const code = files
      .map((file) =>
        file.type === 'chunk' ? file.code : /\.js$/.test(file.fileName) ? file.source : '',
      )
      .join();
    for (const { fileName } of files)
      if (fileName.endsWith('.wasm') && !code.includes(fileName.replace(/^.*\//, '')))
        delete bundle[fileName];
  },
};

export default defineConfig({
  base: './', // works from any sub-path
  resolve: { alias: { likeness: `${built}wasm/likeness.mjs` } },
  worker: { format: 'es' },
  build: {
    outDir: `${built}site`,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // likeness.wasm and the art stay files
    modulePreload: { polyfill: false },
  },
  // The models are data, not assets: they keep their names, and are copied beside the page.
  plugins: [onlyUsed, offline(), { name: 'likeness-models', closeBundle: listModels }],
});
