// One side of the inference in a process of its own: node_side.mjs NAME WORK MODEL. Answers each
// line, a batch's size, with images/s.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from './measure.mjs';
import { open } from './sides.mjs';

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
  return { tf };
}

const ask = await open(name, /** @type {import('./sides.mjs').Work} */ (work), await parts());
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(await ask(Number(line))));
process.exit(0);
