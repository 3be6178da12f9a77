// The tab with the camera: its picture, judged a few times a second, until it is held or left.

import { byId, context, one } from './dom.js';

const SIDE = 224; // of the square in its middle
const EVERY = 120; // milliseconds between two pictures

/**
 * @param {(done: boolean) => void} changed
 * @param {(text: string) => void} unavailable there is no camera for this page
 */
export function startCamera(changed, unavailable) {
  const video = byId('video', HTMLVideoElement);
  const held = byId('held', HTMLCanvasElement);
  const hold = /** @type {HTMLButtonElement} */ (one('[data-action=hold]'));
  held.width = held.height = SIDE;
  /** @type {MediaStream | null} */
  let stream = null;
  let visit = 0; // of its tab; a camera may be granted when that one is over
  let timer = 0;
  let isThere = false; // a picture

  function take() {
    const { videoWidth, videoHeight } = video;
    const side = Math.min(videoWidth, videoHeight);
    if (!side) return;
    const [left, top] = [(videoWidth - side) / 2, (videoHeight - side) / 2];
    context(held).drawImage(video, left, top, side, side, 0, 0, SIDE, SIDE);
    isThere = true;
    changed(true);
  }

  /** @param {boolean} on */
  function run(on) {
    clearInterval(timer);
    if (on) timer = window.setInterval(take, EVERY);
    hold.textContent = on ? 'Hold' : 'Go on';
    hold.disabled = !stream;
    video.hidden = !on;
    held.hidden = on;
  }

  /** @param {MediaStream | null} media */
  function end(media) {
    for (const track of media?.getTracks() ?? []) track.stop();
  }

  function leave() {
    visit++;
    run(false);
    end(stream);
    stream = null;
    video.srcObject = null;
    isThere = false;
  }

  async function enter() {
    const mine = ++visit;
    run(false);
    try {
      if (!navigator.mediaDevices) throw new Error('no camera without https');
      const got = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: 'environment', width: { ideal: 640 } },
      });
      if (mine !== visit) return end(got);
      stream = video.srcObject = got;
      await video.play();
      if (mine === visit) run(true);
    } catch (error) {
      if (mine !== visit) return;
      const denied = error instanceof DOMException && error.name === 'NotAllowedError';
      unavailable(
        denied
          ? 'This page may not use the camera. A picture of a file will do as well.'
          : 'There is no camera here. A picture of a file will do as well.',
      );
    }
  }

  hold.addEventListener('click', () => run(video.hidden));

  return {
    /** @returns {import('./input.js').Input | null} */
    input() {
      if (!isThere) return null;
      return {
        kind: 'picture',
        name: 'camera',
        picture: context(held).getImageData(0, 0, SIDE, SIDE),
      };
    },
    enter,
    leave,
  };
}
