// Where a narrow window shows a part in another place than a wide one (panels.css), it stands there in
// the document too, for that is the order in which Tab and screen readers come by.

import { one } from './dom.js';

// The widths are those of panels.css, which moves what is seen.
const PARTS = [
  { narrow: '(max-width: 68rem)', part: '.icons', after: '.brand' },
  { narrow: '(max-width: 62rem)', part: '.samples', after: '.verdict' },
];

export function keepOrder() {
  for (const { narrow, part, after } of PARTS) {
    const [moved, ahead] = [one(part), one(after)];
    const home = moved.previousElementSibling;
    const media = matchMedia(narrow);
    const place = () => {
      const focus = moved.contains(document.activeElement) ? document.activeElement : null;
      (media.matches ? ahead : home)?.after(moved);
      if (focus instanceof HTMLElement) focus.focus(); // what is moved loses it
    };
    media.addEventListener('change', place);
    if (media.matches) place();
  }
}
