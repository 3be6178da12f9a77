// What a page's main thread was busy with, task by task, as Chromium traces it.

import assert from 'node:assert/strict';

/** @typedef {{wall: number, cpu: number}} Task milliseconds from its begin to its end, and of the processor */
/** @typedef {{name: string, ph: string, pid: number, tid: number, ts: number, dur?: number, tdur?: number}} Event */

/** Milliseconds that no task of the page may take, so that nobody waits for it. */
export const LONGEST = 50;

const MARK = 'likeness-here';

/**
 * Watches from now on; what it returns ends that, and tells of every task. A busy machine makes a task's
 * wall time long, but not the time that the processor spends on it.
 * @param {import('playwright-core').Page} page
 * @returns {Promise<() => Promise<Task[]>>}
 */
export async function watchTasks(page) {
  const session = await page.context().newCDPSession(page);
  /** @type {Event[]} */
  const events = [];
  session.on('Tracing.dataCollected', ({ value }) => {
    events.push(.../** @type {any} */ (value));
  });
  const includedCategories = ['toplevel', 'blink.user_timing'];
  await session.send('Tracing.start', { traceConfig: { includedCategories } });
  return async () => {
    await page.evaluate((name) => void performance.mark(name), MARK); // on this page's thread
    const done = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
    await session.send('Tracing.end');
    await done;
    await session.detach();
    const here = events.find(({ name }) => name === MARK);
    if (!here) throw new Error('the page is not in the trace');
    return events
      .filter(
        ({ name, ph, pid, tid }) =>
          name.endsWith('RunTask') && ph === 'X' && pid === here.pid && tid === here.tid,
      )
      .map(({ dur = 0, tdur = 0 }) => ({ wall: dur / 1000, cpu: tdur / 1000 }));
  };
}

/** How many tasks may seem long: the processor's clock goes on while a virtual machine's host is busy
 * with something else. What the page does more often shows more often. */
const FORGIVEN = 2;

/** That no more than these have kept the processor too long. @param {Task[]} tasks */
export function assertShort(tasks) {
  const longest = tasks.map(({ cpu }) => cpu).sort((a, b) => b - a);
  const most = longest[FORGIVEN];
  assert.ok(most > 0 && most <= LONGEST, `${longest.slice(0, FORGIVEN + 1).join(', ')} ms`);
}

/**
 * Drags a map about, turns the wheel over it, points at it and puts it back.
 * @param {import('playwright-core').Locator} map the panel @param {number} turns of the wheel
 */
export async function roam(map, turns) {
  const { mouse, keyboard } = map.page();
  const canvas = map.locator('.map');
  await canvas.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  const box = await canvas.boundingBox();
  if (!box) throw new Error('the map is not visible');
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await mouse.move(x, y);
  await mouse.down();
  for (let i = 0; i < 12; i++) await mouse.move(x + 8 * i, y + 4 * i);
  await mouse.up();
  for (let i = 0; i < turns; i++) await mouse.wheel(0, -120);
  await mouse.move(x + 20, y + 20, { steps: 5 });
  await keyboard.press('0');
}
