// One side in a process of its own: node_side.mjs NAME WORK [MODEL]. With a model, answers each line, a
// batch's size, with the images/s of its inference; without, each line with those of its training.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from './measure.mjs';
import { open } from './sides.mjs';
import { openTraining } from './train_sides.mjs';

const [name, work, model] = process.argv.slice(2);
/** The peers are installed by run.sh, or not at all. @type {(name: string) => any} */
const peer = createRequire(join(build, 'peers/package.json'));

async function parts() {
  if (name === 'likeness')
    return { likeness: await import(join(build, 'wasm/likeness.mjs')), model };
  if (name === 'onnxruntime') {
    const ort = peer('onnxruntime-web');
    ort.env.wasm.numThreads = 1;
    return { ort, model: new Uint8Array(readFileSync(model)) };
  }
  const tf = peer('@tensorflow/tfjs-core');
  const { setWasmPaths } = peer('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(build, 'peers/node_modules/@tensorflow/tfjs-backend-wasm/dist/'));
  await tf.setBackend('wasm');
  return { tf, layers: model ? undefined : peer('@tensorflow/tfjs-layers') };
}

const its = /** @type {import('./sides.mjs').Work} */ (work);
const ask = model
  ? await open(name, its, await parts())
  : await openTraining(name, its, await parts());
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await ask(Number(line))));
process.exit(0);
