// Training: the same bits whatever the threads, the instruction set and the interruptions.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  ARCH,
  fails,
  folder,
  interrupted,
  ok,
  program,
  readSafetensors,
  run,
  start,
  trainBars,
  write,
  writeBars,
} from './helpers.mjs';

test('a report has its shape, and a training does train', (t) => {
  const path = folder(t);
  const { model, report } = trainBars(path, ['--title', 'bars', '--log-jsonl', join(path, 'log')]);
  assert.equal(report.model, model);
  assert.equal(report.family, null);
  assert.equal(report.arch, ARCH);
  assert.equal(report.parameters, 64 * 32 + 32 + 32 * 4 + 4 + 4 * 32 + 32 + 32 * 64 + 64);
  assert.equal(report.epochs.length, 8);
  report.epochs.forEach((epoch, i) => {
    assert.equal(epoch.epoch, i + 1);
    for (const key of ['loss', 'validation_loss', 'seconds']) assert.ok(epoch[key] > 0);
  });
  assert.ok(report.epochs[7].loss < 0.8 * report.epochs[0].loss);
  assert.ok(Math.abs(report.validation_loss - report.epochs[7].validation_loss) < 1e-12);
  assert.equal(report.holdout, 100); // a sixth of 600
  assert.equal(report.images, 500);
  assert.equal(report.gallery, 500);
  assert.match(report.weights_sha256, /^[0-9a-f]{64}$/);
  assert.ok(report.images_per_second > 0 && report.seconds > 0 && report.threads >= 1);
  const log = readFileSync(join(path, 'log'), 'utf8')
    .trim()
    .split('\n')
    .map((l) => JSON.parse(l));
  assert.deepEqual(log, report.epochs);
  const files = [
    'bars-images-idx3-ubyte',
    'bars-labels-idx1-ubyte',
    'bars.gallery.safetensors',
    'bars.report.json',
    'bars.safetensors',
    'log',
  ];
  assert.deepEqual(readdirSync(path).sort(), files);
  assert.equal(statSync(model).mode & 0o777, 0o666 & ~process.umask());
});

test('a batch larger than the data takes no more memory than the data do', (t) => {
  const path = folder(t);
  const data = writeBars(path, 60, 1);
  const arch = '1x8x8 > dense 1024 relu > dense 4 | dense 64 sigmoid > bce';
  const args = ['train', '--arch', arch, '--data', data, '--epochs', '1', '--threads', '1'];
  args.push('--batch', '65536', '--out', join(path, 'm'));
  const limited = ['-c', 'ulimit -v 300000; exec "$@"', 'sh', program, ...args];
  const { status, stderr } = spawnSync('sh', limited, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});

test('threads and instruction sets never change a bit; the seed does', (t) => {
  const path = folder(t);
  const data = writeBars(path, 300, 1);
  const train = (...more) =>
    ok([
      'train',
      '--arch',
      ARCH,
      '--data',
      data,
      '--out',
      join(path, 'm'),
      '--epochs',
      '2',
      '--json',
      ...more,
    ]);
  const first = train('--threads', '1', '--simd', 'scalar');
  const bytes = readFileSync(join(path, 'm'));
  for (const simd of ok(['doctor', '--json']).simd) {
    for (const threads of ['1', '2', '3']) {
      const other = train('--threads', threads, '--simd', simd);
      assert.equal(other.weights_sha256, first.weights_sha256, `${simd}, ${threads} threads`);
      assert.deepEqual(readFileSync(join(path, 'm')), bytes);
    }
  }
  assert.notEqual(train('--seed', '2').weights_sha256, first.weights_sha256);
});

test('--half writes weights of 16 bits, which stay so; families for verdicts do it unasked', (t) => {
  const path = folder(t);
  const { data, model, report } = trainBars(path, ['--half', '--no-calibrate']);
  const weights = 2 * report.parameters;
  const size = statSync(model).size;
  assert.ok(size > weights && size < weights + 2000, `${size} bytes`);
  const whole = trainBars(path, ['--no-calibrate']);
  const saved = statSync(model).size - size; // headers are of whole 64 bytes
  assert.ok(Math.abs(saved - weights) <= 64, `${saved} bytes less`);
  assert.notEqual(whole.report.weights_sha256, report.weights_sha256);
  assert.ok(Math.abs(whole.report.loss - report.loss) < 1e-4 * whole.report.loss);

  const gate = join(path, 'gate.safetensors');
  const small = ['train', 'gate', '--data', data, '--epochs', '1', '--out', gate, '--json'];
  const trained = ok(small);
  const types = () =>
    new Set(
      Object.entries(readSafetensors(gate).header).flatMap(([name, { dtype }]) =>
        name.startsWith('layers.') ? [dtype] : [],
      ),
    );
  assert.deepEqual([...types()], ['F16']);
  ok(['calibrate', gate, '--data', data, '--out', gate, '--alpha', '0.1', '--json']);
  assert.deepEqual([...types()], ['F16']);
  assert.equal(ok(['inspect', gate, '--json']).weights_sha256, trained.weights_sha256);
});

test('pca is solved: the components explain what they should', (t) => {
  const path = folder(t);
  const data = writeBars(path, 300, 1);
  const out = join(path, 'pca.safetensors');
  const report = ok(['train', 'pca', '--latent', '3', '--data', data, '--out', out, '--json']);
  assert.equal(report.family, 'pca');
  assert.deepEqual(report.epochs, []);
  assert.equal(report.explained.length, 3);
  assert.ok(
    report.explained[0] >= report.explained[1] && report.explained[1] >= report.explained[2],
  );
  assert.ok(report.explained[2] > 0 && report.explained[0] < 1);
  assert.equal(report.images_per_second > 0, true);
  assert.equal(ok(['inspect', out, '--json']).family, 'pca');
});

test('without held-out images there is no calibration, and it says so', (t) => {
  const path = folder(t);
  const data = writeBars(path, 100, 1);
  const out = join(path, 'm.safetensors');
  const args = ['train', '--arch', ARCH, '--data', data, '--out', out, '--epochs', '1', '--json'];
  const few = run(args); // a sixth of 100 is 16
  assert.equal(few.code, 0, few.stderr);
  assert.match(few.stderr, /16 held-out images are fewer than 20: no calibration/);
  assert.deepEqual(few.json.calibration, {});
  const none = ok([...args, '--holdout', '0', '--gallery', '0']);
  assert.equal(none.holdout, 0);
  assert.equal(none.validation_loss, null);
  assert.ok(!existsSync(join(path, 'm.gallery.safetensors')));
  fails(['score', out, 'x.png'], 4, /not calibrated for image/);
  assert.deepEqual(ok([...args, '--holdout', '20', '--no-calibrate']).calibration, {});
  assert.deepEqual(Object.keys(ok([...args, '--holdout', '20', '--ink']).calibration), [
    'image',
    'ink',
  ]);
});

// Long enough to be interrupted in the middle on any machine.
function longTraining(t) {
  const path = folder(t);
  const data = writeBars(path, 6000, 1);
  const args = (out, ...more) => [
    'train',
    '--arch',
    ARCH,
    '--data',
    data,
    '--batch',
    '16',
    '--epochs',
    '12',
    '--decay',
    '0.5',
    '--out',
    join(path, out),
    '--json',
    ...more,
  ];
  return { path, args };
}

test('Ctrl-C saves a checkpoint, and --resume goes on to the same bits', async (t) => {
  const { path, args } = longTraining(t);
  const whole = ok(args('whole', '--threads', '1'));
  for (const [n, signal] of [
    [1, 'SIGINT'],
    [5, 'SIGTERM'],
  ]) {
    const out = `cut-${n}`;
    const how = args(out, '--threads', '2', '--log-jsonl', join(path, 'log'));
    const cut = await interrupted(path, how, `epoch ${n}/`, signal);
    assert.equal(cut.code, 130, cut.stderr);
    assert.ok(cut.ms < 2000);
    assert.match(cut.stderr, /interrupted after step \d+; go on with --resume from [^\n]*\n$/);
    assert.equal(cut.stdout, '');
    assert.ok(existsSync(join(path, `${out}.checkpoint`)));
    assert.ok(!existsSync(join(path, out)) && !existsSync(join(path, `${out}.lock`)));
    const resumed = ok(args(out, '--threads', '1', '--resume', '--log-jsonl', join(path, 'log')));
    assert.equal(resumed.weights_sha256, whole.weights_sha256);
    const losses = (report) =>
      report.epochs.map(({ epoch, loss, validation_loss }) => ({ epoch, loss, validation_loss }));
    assert.deepEqual(losses(resumed), losses(whole));
    assert.deepEqual(readFileSync(join(path, out)), readFileSync(join(path, 'whole')));
    const log = readFileSync(join(path, 'log'), 'utf8')
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l).epoch);
    assert.deepEqual(
      log,
      whole.epochs.map(({ epoch }) => epoch),
    );
    assert.ok(!existsSync(join(path, `${out}.checkpoint`)));
  }
  assert.deepEqual(
    readdirSync(path).filter((name) => /lock|checkpoint|\.[A-Za-z0-9]{6}$/.test(name)),
    [],
  );
});

test('a killed training goes on from its last checkpoint to the same bits', async (t) => {
  const { path, args } = longTraining(t);
  const whole = ok(args('whole'));
  const how = args('killed', '--checkpoint-every', '1');
  const killed = await interrupted(path, how, 'epoch 4/', 'SIGKILL');
  assert.equal(killed.signal, 'SIGKILL');
  const resumed = run(args('killed', '--resume'));
  assert.match(resumed.stderr, /resuming after step/);
  assert.equal(resumed.json.weights_sha256, whole.weights_sha256);
  const anew = run(args('killed', '--resume')); // nothing is left to resume
  assert.match(anew.stderr, /no checkpoint yet/);
  assert.equal(anew.json.weights_sha256, whole.weights_sha256);
});

test('a checkpoint of other data, options or bytes is refused', async (t) => {
  const { path, args } = longTraining(t);
  const cut = await interrupted(path, args('m'), 'epoch 1/');
  assert.equal(cut.code, 130, cut.stderr);
  const checkpoint = join(path, 'm.checkpoint');
  const saved = readFileSync(checkpoint);
  fails(
    args('m', '--resume', '--seed', '2').filter((a) => a !== '--json'),
    2,
    /m\.checkpoint: begun with --seed 1, it cannot be resumed with --seed 2\n$/,
    { path },
  );
  fails(
    args('m', '--resume', '--lr', '0.5').filter((a) => a !== '--json'),
    2,
    /begun with --lr 0\.\d+, it cannot be resumed with --lr 0\.5\n/,
    { path },
  );
  fails(
    args('m', '--resume', '--limit', '900').filter((a) => a !== '--json'),
    2,
    /begun without --limit, it cannot be resumed with --limit 900\n/,
    { path },
  );
  const data = join(path, 'bars-images-idx3-ubyte');
  const bytes = readFileSync(data);
  bytes[bytes.length - 1] ^= 1;
  writeFileSync(data, bytes);
  fails(
    args('m', '--resume').filter((a) => a !== '--json'),
    2,
    /the checkpoint is of other data\n/,
    { path },
  );
  const noted = /\\"epochs\\":\[.*?\],(?=\\"options)/;
  assert.match(saved.toString('latin1'), noted);
  const other = (/** @type {string} */ found) => '\\"epochs\\":0,'.padEnd(found.length);
  const strange = Buffer.from(saved.toString('latin1').replace(noted, other), 'latin1');
  writeFileSync(checkpoint, strange);
  fails(
    args('m', '--resume').filter((a) => a !== '--json'),
    4,
    /m\.checkpoint: its note is not that of a training\n$/,
    { path },
  );
  for (const bytes of [
    '',
    'garbage',
    saved.subarray(0, saved.length - 5),
    Buffer.concat([saved, Buffer.from('x')]),
  ]) {
    writeFileSync(checkpoint, bytes);
    fails(
      args('m', '--resume').filter((a) => a !== '--json'),
      4,
      /m\.checkpoint: /,
      { path },
    );
  }
});

test('a second training of the same file is refused', async (t) => {
  const { path, args } = longTraining(t);
  let second;
  const first = start(args('m', '--epochs', '1000'), (line, child) => {
    if (second || !line.startsWith('epoch 1/')) return;
    second = run(args('m').filter((a) => a !== '--json'));
    child.kill('SIGINT');
  });
  const { code } = await first.ended;
  assert.equal(code, 130);
  assert.equal(second.code, 5);
  assert.match(second.stderr, /^likeness: [^\n]*m: another process is writing it\n$/);
  assert.ok(!existsSync(join(path, 'm.lock')));
});

test('a second Ctrl-C ends at once', async (t) => {
  const { path, args } = longTraining(t);
  const { ended } = start(args('m', '--epochs', '1000'), (line, child) => {
    if (!line.startsWith('epoch 1/')) return;
    child.kill('SIGINT');
    child.kill('SIGTERM');
  });
  assert.equal((await ended).code, 130);
  assert.ok(!existsSync(join(path, 'm.lock')));
  assert.ok(!existsSync(join(path, 'm')));
});

test('a loss that is not finite ends with 7 and writes nothing', (t) => {
  const path = folder(t);
  const data = writeBars(path, 200, 1);
  const chain = `1x8x8 > dense 64 | ${'dense 64 > '.repeat(40)}mse`;
  const out = join(path, 'm.safetensors');
  fails(
    ['train', '--arch', chain, '--data', data, '--lr', '9.9', '--batch', '8', '--out', out],
    7,
    /not finite/,
    { path },
  );
  assert.ok(!existsSync(out));
});

test('images are brought to the shape that is asked for', (t) => {
  const path = folder(t);
  const { data } = trainBars(path);
  const found = ok(['data', 'info', data, '--json']);
  assert.equal(found.images, 600);
  const report = ok([
    'train',
    'ae',
    '--data',
    data,
    '--latent',
    '5',
    '--shape',
    '1x6x6',
    '--epochs',
    '1',
    '--out',
    write(join(path, 'm'), ''),
    '--json',
  ]);
  assert.match(report.arch, /^1x6x6 > dense 5 relu/);
});
