// The Vite plugin that makes the service worker: it tells it what the page is made of.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('service-worker.js', import.meta.url));

/** @returns {import('vite').Plugin} */
export function offline() {
  return {
    name: 'likeness-offline',
    async writeBundle({ dir = '' }, bundle) {
      const worker = await readFile(source, 'utf8');
      const hash = createHash('sha256').update(worker);
      for (const name of Object.keys(bundle).sort())
        hash.update(name).update(await readFile(join(dir, name)));
      const files = ['./', ...Object.keys(bundle).filter((name) => name !== 'index.html')].sort();
      const text = worker
        .replace("['__FILES__']", JSON.stringify(files))
        .replace('__VERSION__', hash.digest('hex').slice(0, 16));
      await writeFile(join(dir, 'service-worker.js'), text);
    },
  };
}
