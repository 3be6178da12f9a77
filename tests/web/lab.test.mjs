// The worker's questions and answers, without a browser.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ask, Lab } from '../../web/src/lab.js';

/** Stands for the browser's, whose script came or did not. */
class FakeWorker extends EventTarget {
  /** @type {FakeWorker[]} */ static all = [];
  constructor() {
    super();
    FakeWorker.all.push(this);
  }
  /** @param {{id: number}} message */
  postMessage({ id }) {
    const answer = new MessageEvent('message', { data: { id, result: 'answered' } });
    if (FakeWorker.all.length > 1) this.dispatchEvent(answer);
  }
  terminate() {}
}

const there = globalThis.Worker;
globalThis.Worker = /** @type {any} */ (FakeWorker);
after(() => {
  globalThis.Worker = there;
});

test('where the worker does not come all who ask are told, and the next question starts another', async () => {
  const asked = [1, 2].map(() => ask('wake', null, {}));
  FakeWorker.all[0].dispatchEvent(new Event('error'));
  for (const each of asked) await assert.rejects(each, /the worker has stopped/);
  assert.equal(/** @type {unknown} */ (await ask('wake', null, {})), 'answered');
  assert.equal(FakeWorker.all.length, 2);
});

test('one that was ended answers nothing more', async () => {
  const lab = new Lab();
  lab.end();
  await assert.rejects(lab.ask('wake', null, {}), { name: 'AbortError' });
});
