// Keeps the page and the models that were seen for when there is no network.

import { byId } from './dom.js';
import { embeddedName } from './embedded.js';

/** Called when nothing else is to be loaded: a first visit waits for none of it. */
export async function workOffline() {
  if (!('serviceWorker' in navigator) || embeddedName) return;
  try {
    await navigator.serviceWorker.register(new URL('service-worker.js', document.baseURI));
    const { active } = await navigator.serviceWorker.ready;
    // What was fetched before the worker was there.
    const seen = performance.getEntriesByType('resource').map(({ name }) => name);
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      byId('offline-says', HTMLElement).textContent = 'It works offline now.';
    };
    active?.postMessage(seen, [channel.port2]);
  } catch {
    // Some browsers, and some visitors, allow no such worker; then the page needs its server.
  }
}
