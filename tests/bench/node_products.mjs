// The products in WASM in a process of their own: node_products.mjs MODULE. Answers each line, [m, k,
// n], with GF/s.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { openProducts } from './sides.mjs';

const ask = await openProducts(readFileSync(process.argv[2]));
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify(ask(JSON.parse(line))));
