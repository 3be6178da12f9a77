import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { listModels } from './manifest.mjs';

const built = fileURLToPath(new URL('../build/', import.meta.url));

export default defineConfig({
  base: './', // works from any sub-path
  resolve: { alias: { likeness: `${built}wasm/likeness.mjs` } },
  build: {
    outDir: `${built}site`,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // likeness.wasm and the art stay files
    modulePreload: { polyfill: false },
  },
  // The models are data, not assets: they keep their names, and are copied beside the page.
  plugins: [{ name: 'likeness-models', closeBundle: listModels }],
});
