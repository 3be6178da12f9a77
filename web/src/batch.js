// Many files at once: judged in workers, shown in a table, saved as CSV.

import { byId, make, one } from './dom.js';
import { Lab } from './lab.js';
import { evidenceName } from './labels.js';
import { messageOf } from './notice.js';
import { csvOf } from './records.js';
import { save } from './share.js';

/** @typedef {import('./models.js').Opened} Opened */
/** @typedef {import('./records.js').Row | {file: string, error: string}} Line */

const WORKERS = 2; // an instance each
const SHOWN = 500; // rows; the file has all
const WORDS = { in: 'like them', out: 'not one of these', empty: 'blank' };

const dialog = byId('batch', HTMLDialogElement);
const says = byId('batch-says', HTMLElement);
const bar = byId('batch-bar', HTMLProgressElement);
const table = byId('batch-rows', HTMLElement);
const frame = byId('batch-table', HTMLElement);
const [cancel, toCsv] = ['batch-cancel', 'batch-csv'].map(
  (name) => /** @type {HTMLButtonElement} */ (one(`[data-action=${name}]`)),
);

/** @type {AbortController | null} */
let going = null;
/** @type {Line[]} */
let lines = [];
/** @type {string[]} */
let pictures = [];
/** The model and the threshold of the page. @type {() => {opened: Opened | null, alpha: number}} */
let current = () => ({ opened: null, alpha: 0.01 });

/** A file's name with its folders, where it has some. @param {File} file */
const nameOf = (file) => file.webkitRelativePath || file.name;

/** @param {Line} line @param {File} file */
function row(line, file) {
  const cell = (/** @type {string} */ text, className = '') =>
    make('td', { className }, text || '');
  if ('error' in line)
    return make('tr', {}, make('td'), cell(line.file), cell(`not judged: ${line.error}`, 'failed'));
  const picture = make('img', { alt: '', loading: 'lazy', src: URL.createObjectURL(file) });
  pictures.push(picture.src);
  const { verdict, p, scores } = line;
  const most = Object.keys(scores).reduce((a, b) =>
    scores[b].surprise > scores[a].surprise ? b : a,
  );
  const said = make('td', {}, WORDS[verdict]);
  said.dataset.verdict = verdict;
  const blank = verdict === 'empty';
  return make(
    'tr',
    {},
    make('td', {}, picture),
    cell(line.file),
    said,
    cell(blank ? '' : p.toFixed(4), 'number'),
    cell(blank ? '' : evidenceName(most).toLowerCase()),
  );
}

function forget() {
  for (const url of pictures) URL.revokeObjectURL(url);
  pictures = [];
  lines = [];
  table.replaceChildren();
}

/** @param {number} of */
function tell(of) {
  const counts = { in: 0, out: 0, empty: 0, failed: 0 };
  for (const line of lines) if (line) counts['error' in line ? 'failed' : line.verdict]++;
  const done = counts.in + counts.out + counts.empty + counts.failed;
  const parts = [`${done} of ${of}`, `${counts.in} like them`, `${counts.out} not`];
  if (counts.empty) parts.push(`${counts.empty} blank`);
  if (counts.failed) parts.push(`${counts.failed} not judged`);
  says.textContent = parts.join(', ');
  bar.value = done / of;
}

/** @param {File[]} files */
export async function judgeAll(files) {
  const { opened, alpha } = current();
  going?.abort();
  forget();
  if (!dialog.open) dialog.showModal();
  if (!opened || !files.length) return;
  const stop = new AbortController();
  going = stop;
  frame.hidden = bar.hidden = cancel.hidden = false;
  toCsv.hidden = true;
  const { signal } = stop;
  const { name, source } = opened;
  const model = { name, source }; // without its gallery: verdicts need none
  const labs = Array.from({ length: Math.min(WORKERS, files.length) }, () => new Lab());
  /** @type {Line[]} */
  const found = [];
  lines = found;
  let next = 0;
  let shown = 0;
  tell(files.length);
  await Promise.all(
    labs.map(async (lab) => {
      while (next < files.length && !signal.aborted) {
        const at = next++;
        const file = nameOf(files[at]);
        try {
          found[at] = await lab.ask(
            'judge',
            model,
            { file: files[at], name: file, alpha },
            { signal },
          );
        } catch (error) {
          if (signal.aborted) break;
          found[at] = { file, error: messageOf(error) };
        }
        if (going !== stop) break;
        // Rows stand in the order of the files, whoever is done first.
        for (; shown < SHOWN && found[shown]; shown++)
          table.append(row(found[shown], files[shown]));
        tell(files.length);
      }
    }),
  );
  for (const lab of labs) lab.end();
  if (going !== stop) return; // other files came meanwhile
  going = null;
  lines = found.filter(Boolean);
  bar.hidden = cancel.hidden = true;
  toCsv.hidden = lines.length === 0;
  if (signal.aborted) says.textContent += ': cancelled';
  if (lines.length > SHOWN) says.textContent += `; the first ${SHOWN} are shown`;
}

/** @param {typeof current} page */
export function startBatch(page) {
  current = page;
}

for (const id of ['batch-files', 'batch-folder']) {
  const input = byId(id, HTMLInputElement);
  one(`[data-action=${id}]`).addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    input.value = '';
    judgeAll(files);
  });
}
cancel.addEventListener('click', () => going?.abort());
toCsv.addEventListener('click', () => save('verdicts.csv', 'text/csv', [csvOf(lines)]));
dialog.addEventListener('close', () => going?.abort());
