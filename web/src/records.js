// A verdict as `likeness score --json` says it, and many of them as a table.

/** @typedef {import('likeness').Result} Result */
/**
 * @typedef {{file: string} & Result & {class?: number | null, probability?: number | null}} Row
 */

/**
 * @param {string} file @param {Result} result
 * @param {Float32Array | null} shares of the classes, if the model tells them apart
 * @returns {Row}
 */
export function rowOf(file, { verdict, p, score, scores }, shares) {
  const row = { file, verdict, p, score, scores };
  if (!shares) return row;
  const best = verdict === 'empty' ? null : shares.indexOf(Math.max(...shares));
  return { ...row, class: best, probability: best === null ? null : shares[best] };
}

/** @param {Row[]} rows */
export const jsonOf = (rows) => `${JSON.stringify(rows)}\n`;

/** @param {unknown} value */
function field(value) {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** With the p of each piece of evidence; what could not be judged says why. @param {(Row | {file: string, error: string})[]} rows */
export function csvOf(rows) {
  const pieces = new Set(rows.flatMap((row) => ('scores' in row ? Object.keys(row.scores) : [])));
  const names = [...pieces];
  const head = ['file', 'verdict', 'p', 'score', ...names.map((name) => `p_${name}`), 'error'];
  const lines = rows.map((row) =>
    'scores' in row
      ? [row.file, row.verdict, row.p, row.score, ...names.map((name) => row.scores[name]?.p), '']
      : [row.file, '', '', '', ...names.map(() => ''), row.error],
  );
  return [head, ...lines].map((line) => `${line.map(field).join(',')}\r\n`).join('');
}
