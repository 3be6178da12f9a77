import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const built = fileURLToPath(new URL('../build/', import.meta.url));

/** The models are data, not assets: they keep their names, and are copied beside the page. */
function models() {
  return {
    name: 'likeness-models',
    async closeBundle() {
      await mkdir(`${built}site/models`, { recursive: true });
      for (const name of await readdir(`${built}models`).catch(() => []))
        if (name.endsWith('.safetensors'))
          await copyFile(`${built}models/${name}`, `${built}site/models/${name}`);
    },
  };
}

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
  plugins: [models()],
});
