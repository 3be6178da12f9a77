// What else things cost: memory, a start, and how an epoch grows with images and parameters.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, data, folder, interleave, likeness, median, program, short } from './measure.mjs';
import { torch, train, trainArguments, WORKS } from './training.mjs';

/** @typedef {import('./measure.mjs').Row} Row */
/** @typedef {import('./measure.mjs').Settings} Settings */

// ---- memory ----

/** The most bytes that the program had resident. @param {string[]} args */
async function peakBytes(args) {
  const env = { ...process.env, LIKENESS_DATA: data };
  const child = spawn(program, args, { env, stdio: 'ignore' });
  let peak = 0;
  const look = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      // it has just ended
    }
  }, 5);
  const code = await new Promise((ended) => child.once('close', ended));
  clearInterval(look);
  if (code !== 0) throw new Error(`likeness ended with ${code}`);
  return peak;
}

/** Training D on as many images on both sides. @param {Settings} settings @returns {Promise<Row[]>} */
export async function memory({ peers, rounds }) {
  const args = [...trainArguments(WORKS.D), '--threads', '2'];
  const { figures, others } = await interleave(Math.min(rounds, 3), {
    ours: () => peakBytes(args),
    ...(peers
      ? {
          async peer() {
            const other = torch('D', 2);
            const { peak_bytes: peak } = await other.ask(2 * WORKS.D.images);
            await other.end();
            return peak;
          },
        }
      : {}),
  });
  const megabytes = (/** @type {number[]} */ values) => values?.map((bytes) => bytes / 1e6);
  return [
    {
      work: 'memory',
      what: 'train D, 2 threads: most that was resident',
      unit: 'MB',
      ours: megabytes(figures.ours),
      ...(peers ? { peer: megabytes(figures.peer), peerName: 'PyTorch' } : {}),
      less: true,
      goal: { ratio: 2 },
      others,
    },
  ];
}

// ---- start ----

/** From the call to the verdict on one image. @param {Settings} settings @returns {Promise<Row[]>} */
export async function start({ rounds }) {
  const model = join(folder, 'gate.safetensors');
  const brief = ['--limit', '12000', '--epochs', '1', '--gallery', '0'];
  likeness('train', 'gate', '--data', 'mnist', ...brief, '--out', model);
  const picture = join(folder, 'image.png'); // any will do
  likeness('reconstruct', model, '--data', 'mnist:test', '--limit', '1', '--out', picture);
  const { figures, others } = await interleave(Math.max(rounds, 20), {
    ours() {
      const before = performance.now();
      const { status } = spawnSync(program, ['score', model, picture], { stdio: 'ignore' });
      if (status !== 0) throw new Error(`likeness score ended with ${status}`);
      return performance.now() - before;
    },
  });
  return [
    {
      work: 'start',
      what: 'likeness score of one image by gate, model load included',
      unit: 'ms',
      ours: figures.ours,
      less: true,
      goal: { atMost: 15 },
      others,
    },
  ];
}

// ---- an epoch's cost ----

/** The line through points by least squares, and the share of the variance that it explains.
 * @param {[number, number][]} points */
function fit(points) {
  const mean = (/** @type {number[]} */ values) => values.reduce((a, b) => a + b) / values.length;
  const [mx, my] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const sum = (/** @type {(x: number, y: number) => number} */ f) =>
    points.reduce((total, [x, y]) => total + f(x - mx, y - my), 0);
  const slope = sum((x, y) => x * y) / sum((x) => x * x);
  const explained = (slope * sum((x, y) => x * y)) / sum((_, y) => y * y);
  return { slope, base: my - slope * mx, explained };
}

/** A chart of points and their line as SVG, at a place of the picture.
 * @param {string} title @param {string} unit @param {[number, number][]} points @param {number} left */
function chart(title, unit, points, left) {
  const { slope, base, explained } = fit(points);
  const [right, top] = [Math.max(...points.map(([x]) => x)), Math.max(...points.map(([, y]) => y))];
  const place = (/** @type {number} */ x, /** @type {number} */ y) =>
    `${(left + 60 + (300 * x) / right).toFixed(1)} ${(260 - (200 * y) / top).toFixed(1)}`;
  const dots = points.map(([x, y]) => `<circle r="4" transform="translate(${place(x, y)})"/>`);
  const text = (/** @type {string} */ where, /** @type {string} */ what, anchor = 'middle') =>
    `<text transform="translate(${where})" text-anchor="${anchor}">${what}</text>`;
  return [
    `<path d="M${place(0, top)} L${place(0, 0)} L${place(right, 0)}" fill="none" stroke="black"/>`,
    `<path d="M${place(0, base)} L${place(right, base + slope * right)}" stroke="grey"/>`,
    ...dots,
    text(`${left + 210} 30`, `${title}: R2 = ${explained.toFixed(4)}`),
    text(`${left + 210} 300`, `${unit}, to ${short(right)}`),
    text(`${left + 55} 65`, `${short(top)} s`, 'end'),
  ].join('\n');
}

/** Seconds of an epoch of dense networks by images and by parameters.
 * @param {Settings} settings @returns {Promise<Row[]>} */
export async function cost({ rounds }) {
  /** @param {number} images @param {number} latent */
  const epoch = (images, latent) => {
    const report = train(
      { ...WORKS.A, images, epochs: 2 },
      ...['--latent', String(latent), '--threads', '1'],
    );
    return { seconds: report.epochs.at(-1).seconds, parameters: latent * (2 * 784 + 1) + 784 };
  };
  /** @type {Record<string, {unit: string, points: [number, number][]}>} */
  const charts = {
    images: { unit: 'images', points: [] },
    parameters: { unit: 'parameters', points: [] },
  };
  const sizes = [1, 2, 3, 4].map((n) => n * 15_000);
  const widths = [1, 2, 3, 4].map((n) => n * 128);
  for (const images of sizes) {
    const { figures } = await interleave(rounds, { one: () => epoch(images, 64).seconds });
    charts.images.points.push([images, median(figures.one)]);
  }
  for (const latent of widths) {
    const { figures } = await interleave(rounds, { one: () => epoch(15_000, latent).seconds });
    charts.parameters.points.push([epoch(128, latent).parameters, median(figures.one)]);
  }
  const drawn = Object.entries(charts).map(([by, { unit, points }], i) =>
    chart(`an epoch by ${by}`, unit, points, 400 * i),
  );
  const file = join(build, 'epoch.svg');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="800" height="320" font-family="sans-serif" font-size="13">
<rect width="800" height="320" fill="white"/>
${drawn.join('\n')}
</svg>
`;
  writeFileSync(file, svg);
  console.log(`drawn: ${file}`);
  return Object.entries(charts).flatMap(([by, { unit, points }]) => {
    const { slope, base, explained } = fit(points);
    const rows = points.map(([x, seconds]) => ({
      work: 'cost',
      what: `an epoch of ${short(x)} ${unit}`,
      unit: 's',
      ours: [seconds],
      less: true,
    }));
    const straight = {
      work: 'cost',
      what: `by ${by}: ${short(slope * 1e6)} us each + ${short(base * 1e3)} ms; line explains`,
      unit: 'share',
      ours: [explained],
      goal: { atLeast: 0.98 },
    };
    return [...rows, straight];
  });
}
