// What every work of the bench needs: where things are, interleaved rounds, rows and their table.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));
export const build = resolve(root, process.env.LIKENESS_BUILD ?? 'build');
export const data = process.env.LIKENESS_DATA ?? join(root, 'build/data');
export const here = join(root, 'tests/bench');
export const program = join(build, 'likeness');

/** A folder that goes when the bench ends. */
export const folder = mkdtempSync(join(tmpdir(), 'likeness-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** What was asked for: peers too? how often is each measured? And the most that products and sums reach
 * here, in GF/s: by threads, and in WASM, whose vectors have 128 bits.
 * @typedef {{peers: boolean, rounds: number, peak: number[], wasmPeak: number}} Settings */

/**
 * One line of the table: each side's figures, and what they are worth. Ratios are of speeds.
 * @typedef {object} Row
 * @property {string} work
 * @property {string} what
 * @property {string} unit
 * @property {number[]} ours
 * @property {number[]} [peer]
 * @property {string} [peerName]
 * @property {boolean} [less] less is better
 * @property {{ratio?: number, atLeast?: number, atMost?: number}} [goal]
 * @property {number} [flops] of one unit: operations for each image, say, where ours are images/s
 * @property {number} [threads] that the peak is of
 * @property {number} [peak] in GF/s, where it is not the CPU's
 * @property {number} [others] share of the machine that other programs used meanwhile
 */

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Runs the program; its JSON. What it says on the way is shown or not.
 * @param {'inherit' | 'ignore'} stderr @param {string[]} args */
function run(stderr, args) {
  const out = execFileSync(program, [...args, '--json'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, LIKENESS_DATA: data },
    stdio: ['ignore', 'pipe', stderr],
  });
  return JSON.parse(out);
}

export const likeness = (/** @type {string[]} */ ...args) => run('ignore', args);
export const likenessAloud = (/** @type {string[]} */ ...args) => run('inherit', args);

/**
 * A program that answers each line of its input with a line of JSON, until it is ended.
 * @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} [env]
 */
export function worker(command, args, env = process.env) {
  const child = spawn(command, args, {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    /** @param {string | number} line @returns {Promise<any>} */
    async ask(line) {
      child.stdin.write(`${line}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${command} ${args.join(' ')} ended`);
      return JSON.parse(value);
    },
    async end() {
      child.stdin.end();
      if (child.exitCode === null) await new Promise((gone) => child.once('close', gone));
    },
  };
}

// ---- how busy the machine is with other things ----

/** Clock ticks of all processors' work, and of this process with all that it started. */
function ticks() {
  const [, user, nice, system, , , irq, soft] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .split(/\s+/)
    .map(Number);
  /** @type {Map<number, {parent: number, used: number}>} */
  const processes = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields =
        readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      const used = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
      processes.set(Number(name), { parent: Number(fields[1]), used });
    } catch {
      // it has ended
    }
  }
  let own = 0;
  for (const [id, { used }] of processes) {
    let at = id;
    while (at > 1 && at !== process.pid) at = processes.get(at)?.parent ?? 0;
    if (at === process.pid) own += used;
  }
  return { all: user + nice + system + irq + soft, own };
}

/**
 * Measures every contender once, then all again: what drifts, drifts for all.
 * @param {number} rounds @param {Record<string, () => number | Promise<number>>} contenders
 * @returns {Promise<{figures: Record<string, number[]>, others: number}>}
 */
export async function interleave(rounds, contenders) {
  /** @type {Record<string, number[]>} */
  const figures = {};
  const before = ticks();
  const start = performance.now();
  for (let round = 0; round < rounds; round++)
    for (const [name, measure] of Object.entries(contenders))
      figures[name] = [...(figures[name] ?? []), await measure()];
  const after = ticks();
  const seconds = (performance.now() - start) / 1000;
  const foreign = after.all - before.all - (after.own - before.own);
  return {
    figures,
    others: Math.max(0, foreign / 100 / seconds / cpus().length),
  };
}

// ---- the table ----

/** Three digits that count. @param {number} value */
export function short(value) {
  if (!Number.isFinite(value)) return '-';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toLocaleString('en', {
    maximumFractionDigits: Math.min(digits, 6),
  });
}

/** What a row comes to. @param {Row} row @param {number[]} peak */
export function conclude(row, peak) {
  const ours = median(row.ours);
  const peer = row.peer ? median(row.peer) : Number.NaN;
  const ratio = row.less ? peer / ours : ours / peer;
  const gflops = row.flops ? (ours * row.flops) / 1e9 : Number.NaN;
  const { ratio: atLeastRatio, atLeast, atMost } = row.goal ?? {};
  let goal = '';
  let met;
  if (atLeastRatio !== undefined) {
    goal = `${atLeastRatio} x`;
    met = row.peer && ratio >= atLeastRatio;
  } else if (atLeast !== undefined) {
    goal = `>= ${short(atLeast)}`;
    met = ours >= atLeast;
  } else if (atMost !== undefined) {
    goal = `<= ${short(atMost)}`;
    met = ours <= atMost;
  }
  const limit = row.peak ?? peak[(row.threads ?? 1) - 1];
  return { ours, peer, ratio, gflops, share: gflops / limit, goal, met };
}

const HEADINGS = ['work', 'what', 'unit', 'ours', 'peer', '', 'ratio', 'goal', 'GF/s', 'of peak'];
const LEFT = new Set([0, 1, 2, 5]);

/** The rows as a table of Markdown. @param {Row[]} rows @param {number[]} peak */
export function table(rows, peak) {
  const cells = rows.map((row) => {
    const { ours, peer, ratio, gflops, share, goal, met } = conclude(row, peak);
    const mark = met === undefined ? '' : met ? ' met' : ' NOT';
    return [
      ...[row.work, row.what, row.unit, short(ours), short(peer), row.peerName ?? ''],
      ...[Number.isFinite(ratio) ? ratio.toFixed(2) : '-', goal + mark],
      ...[short(gflops), Number.isFinite(share) ? `${Math.round(100 * share)} %` : '-'],
    ];
  });
  const widths = HEADINGS.map((heading, i) =>
    Math.max(3, heading.length, ...cells.map((row) => row[i].length)),
  );
  const line = (/** @type {string[]} */ row) =>
    `| ${row.map((cell, i) => (LEFT.has(i) ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = widths.map((width, i) =>
    LEFT.has(i) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(HEADINGS), line(rule), ...cells.map(line)].join('\n');
}
