// Brings the trained models into the site and lists them in models.json, from which the page's
// picker is made: node web/manifest.mjs. Can be run again whenever a model is new.
import { copyFile, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const built = fileURLToPath(new URL('../build/', import.meta.url));
const ENDING = '.safetensors';
const REPORT = '.report.json';
const FIRST = ['digits', 'fashion']; // the shipped ones
/** What the list says of a model, as the model says it. */
const TOLD = /** @type {const} */ ([
  ...['family', 'title', 'data', 'arch', 'shape', 'output'],
  ...['classes', 'names', 'labels', 'codes', 'parameters'],
]);

/** The file's size if it is there. @param {string} file */
async function sizeOf(file) {
  const found = await stat(file).catch(() => null);
  return found ? found.size : 0;
}

/** @param {string} name @param {string} to */
async function bring(name, to) {
  const [from, there] = await Promise.all(
    [`${built}models/${name}`, to + name].map((file) => stat(file).catch(() => null)),
  );
  if (there && from && there.mtimeMs >= from.mtimeMs && there.size === from.size) return;
  await copyFile(`${built}models/${name}`, `${to}${name}.part`);
  await rename(`${to}${name}.part`, to + name); // the page may be asking for it
}

/** @param {string} name */
function place(name) {
  const first = FIRST.indexOf(name);
  return first < 0 ? FIRST.length : first;
}

export async function listModels() {
  const to = `${built}site/models/`;
  await mkdir(to, { recursive: true });
  /** @type {typeof import('likeness')} */
  const { load } = await import(pathToFileURL(`${built}wasm/likeness.mjs`).href);
  const all = await readdir(`${built}models`).catch(() => []);
  const files = all.filter((file) => file.endsWith(ENDING));
  const names = files
    .filter((file) => !file.endsWith(`.gallery${ENDING}`))
    .map((file) => file.slice(0, -ENDING.length))
    .sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
  const reports = all.filter((file) => file.endsWith(REPORT));
  for (const file of [...files, ...reports]) await bring(file, to);
  const models = [];
  for (const name of names) {
    const model = await load(`${to}${name}${ENDING}`).catch((error) => {
      console.warn(`${name} is left out of the page: ${error.message}`);
    });
    if (!model) continue;
    const bytes = await sizeOf(`${to}${name}${ENDING}`);
    const gallery = await sizeOf(`${to}${name}.gallery${ENDING}`);
    const report = reports.includes(name + REPORT);
    const options = await readFile(`${built}models/${name}.options`, 'utf8').catch(() => undefined);
    const about = Object.fromEntries(TOLD.map((key) => [key, model.info[key]]));
    models.push({ name, bytes, gallery, report, options, ...about });
    model.dispose();
  }
  await writeFile(`${built}site/models.json.part`, JSON.stringify(models));
  await rename(`${built}site/models.json.part`, `${built}site/models.json`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await listModels();
