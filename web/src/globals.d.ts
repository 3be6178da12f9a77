import type { Result } from 'likeness';
import type { Snapshot } from './main.js';

declare global {
  interface Window {
    /** For tests and for people who script the page. */
    likeness: {
      ready: Promise<void>;
      check(picture: ImageData): Result;
      readonly state: Snapshot;
    };
  }
}
