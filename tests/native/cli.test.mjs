// The command line itself: help, slips, strict options, exit codes, and what happens to its output.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  ARCH,
  fails,
  folder,
  greyPng,
  ok,
  program,
  run,
  trainBars,
  write,
  writeBars,
} from './helpers.mjs';

const COMMANDS = [
  'data',
  'train',
  'eval',
  'audit',
  'calibrate',
  'score',
  'reconstruct',
  'encode',
  'decode',
  'sample',
  'interpolate',
  'neighbours',
  'pca',
  'cluster',
  'outliers',
  'map',
  'export',
  'families',
  'inspect',
  'bench',
  'doctor',
  'completion',
  'man',
  'help',
];

test('help lists every command, and every command explains itself', () => {
  const all = ok(['help']);
  assert.equal(ok(['--help']), all);
  for (const command of COMMANDS) {
    assert.match(all, new RegExp(`^  ${command} `, 'm'));
    const text = ok([command, '--help']);
    assert.equal(ok(['help', command]), text);
    assert.match(text, new RegExp(`^Usage: likeness ${command}`));
    assert.match(text, /--json/);
    const described = ok(['help', command, '--json']);
    assert.equal(described.command, command);
    assert.ok(described.options.some(({ option }) => option === 'json'));
  }
  assert.deepEqual(
    ok(['help', '--json']).map(({ command }) => command),
    COMMANDS,
  );
  // As wide as a terminal, but for a usage, and nothing is cut off.
  for (const { command, options } of ok(['help', '--json'])) {
    const [usage, ...lines] = ok(['help', command]).split('\n');
    for (const line of lines) assert.ok(line.length <= 80 && !/\s$/.test(line), line);
    assert.doesNotMatch(usage, /\s$/);
    const words = lines.join(' ').replace(/\s+/g, ' ');
    for (const { summary, default: fallback } of options) {
      assert.ok(words.includes(summary), `${command}: ${summary}`);
      if (fallback) assert.ok(words.includes(`(default: ${fallback})`), `${command}: ${fallback}`);
    }
  }
  const shape = ok(['help', 'train', '--json']).options.find(({ option }) => option === 'shape');
  assert.match(shape.default, /or that of small squares, grey or in colour$/);
  const train = ok(['help', 'train']);
  assert.match(train, /--epochs N .*\(default: 10, or the family's\)/);
  assert.match(train, /--batch N .*\(default: 64, or the family's\)/);
  assert.match(train, /--lr RATE .*\(default: 0.001\)/);
  const words = 'warmup decay fall weight-decay augment noise binarise draw from pretrain-epochs';
  for (const word of `${words} patience validation`.split(' '))
    assert.match(train, new RegExp(`\\n {2}--${word} [A-Z]+ +[a-z]`));
  assert.match(ok(['--version']), /^likeness \d+\.\d+\.\d+\n$/);
});

test('bash completes commands, options, their choices and families', (t) => {
  const script = ok(['completion']);
  assert.equal(ok(['completion', '--json']).bash, script);
  /** What is offered at the end of a line. */
  const offered = (line) => {
    const words = line.split(' ');
    const list = words.map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _likeness; echo "\${COMPREPLY[@]}"`;
    const done = spawnSync('bash', ['--norc', '-euc', `${script}\n${ask}`], { encoding: 'utf8' });
    if (done.error) return null;
    assert.equal(done.stderr, '', line);
    return done.stdout.trim().split(' ').filter(Boolean);
  };
  if (!offered('likeness ')) return t.skip('there is no bash');
  assert.deepEqual(offered('likeness '), COMMANDS);
  assert.deepEqual(offered('likeness sc'), ['score']);
  assert.deepEqual(offered('likeness help ex'), ['export']);
  assert.deepEqual(offered('likeness data v'), ['verify']);
  assert.deepEqual(offered('likeness train vae'), ['vae', 'vae-conv', 'vae-color']);
  assert.deepEqual(offered('likeness train ae --ep'), ['--epochs']);
  assert.deepEqual(offered('likeness train ae --init '), ['glorot', 'he']);
  assert.deepEqual(offered('likeness map m --method t'), ['tsne']);
  assert.deepEqual(offered('likeness score m --epochs'), []);
  assert.deepEqual(offered('likeness score m pict'), []); // bash's own: files
  for (const { command, options } of ok(['help', '--json']))
    assert.deepEqual(
      offered(`likeness ${command} --`),
      options.map(({ option }) => `--${option}`),
    );
});

test('the manual page has every command, option, family and exit status, and is sound roff', (t) => {
  const page = ok(['man']);
  assert.equal(ok(['man', '--json']).man, page);
  for (const line of page.split('\n')) // no text is taken for a request
    assert.match(line, /^(?!['.])|^\.(TH|SH|SS|TP)( |$)/);
  const shown = spawnSync('groff', ['-man', '-Tascii', '-ww', '-P-cbou', '-rLL=400n'], {
    encoding: 'utf8',
    input: page,
  });
  if (shown.error) return t.skip('there is no groff');
  assert.equal(shown.stderr, '');
  const words = shown.stdout.replace(/\s+/g, ' ');
  for (const { command, usage, summary, options } of ok(['help', '--json'])) {
    assert.ok(words.includes(` likeness ${command} ${usage}`.trimEnd()), command);
    for (const text of [summary, ...options.map(({ summary: each }) => each)])
      assert.ok(words.includes(text.replace(/\s+/g, ' ')), `${command}: ${text}`);
    for (const { option, value } of options)
      assert.ok(words.includes(` --${option} ${value ?? ''}`.trimEnd()), `${command}: ${option}`);
  }
  for (const { name, summary } of ok(['families', '--json'])) {
    assert.ok(words.includes(` ${name} `), name);
    assert.ok(words.includes(summary), name);
  }
  for (const code of [0, 2, 3, 4, 5, 6, 7, 10, 130])
    assert.match(words, new RegExp(` ${code} [a-z]`));
});

test('slips are usage errors that name a cure', (t) => {
  const path = folder(t);
  const cases = [
    [['trian'], /unknown command 'trian'; did you mean train\?/],
    [['neighbors'], /did you mean neighbours\?/],
    [['qqqqqq'], /unknown command 'qqqqqq'; see likeness help/],
    [['help', 'scroe'], /unknown command 'scroe'; did you mean score\?/],
    [['train', 'ae', '--epoch5', '3'], /no option '--epoch5'; did you mean --epochs\?/],
    [['train', '-q'], /no option '-q'/],
    [['inspect'], /usage: likeness inspect MODEL/],
    [['inspect', 'a', 'b'], /unexpected argument 'b'/],
    [['inspect', ''], /empty argument/],
    [['families', 'x'], /unexpected argument 'x'/],
    [['train', 'ea', '--data', 'x', '--out', 'y'], /unknown family 'ea'; did you mean ae\?/],
    [['train', 'ae', '--arch', ARCH, '--data', 'x', '--out', 'y'], /one of them/],
    [
      ['train', '--arch', ARCH, '--latent', '3', '--data', 'x', '--out', 'y'],
      /--arch already says/,
    ],
    [['train', 'ae', '--out', 'y'], /--data SPEC is needed/],
    [['train', 'ae', '--data', 'x'], /--out FILE is needed/],
    [['train', 'ae', '--data'], /--data wants a value: SPEC/],
    [['train', 'ae', '--data', '--out', 'y'], /--data wants SPEC, not '--out'/],
    [['train', 'ae', '--resume=yes'], /--resume takes no value/],
    [['train', 'ae', '--data', ''], /--data wants SPEC, not an empty text/],
  ];
  for (const [args, pattern] of cases) fails(args, 2, pattern, { path, options: { cwd: path } });
});

test('no command is a slip too', () => {
  const { code, stdout, stderr } = run([]);
  assert.deepEqual([code, stdout, stderr], [2, '', 'likeness: no command; see likeness help\n']);
});

test('numbers are taken strictly', (t) => {
  const path = folder(t);
  const bad = {
    epochs: [
      '',
      '0',
      '-1',
      '+1',
      ' 1',
      '1 ',
      '1.5',
      '1e3',
      '0x10',
      'ten',
      'NaN',
      '99999999999999999999999',
      '1000001',
    ],
    batch: ['0', '65537', '-5'],
    lr: ['', '0', '-0.1', 'NaN', 'nan', 'inf', '1e999', '0x1p3', '1.5.2', '1e', 'x', '10'],
    decay: ['-0.1', '1.01', 'nan'],
    seed: ['-1', '1.0', '18446744073709551616', ''],
    threads: ['0', '257', 'two'],
    holdout: ['-1', '4294967295'],
    simd: ['', 'avx', 'V3'],
    init: ['xavier'],
    shape: [
      '',
      '28',
      '28x28',
      '1x28x28x1',
      '2x28x28',
      '0x28x28',
      '1x0x28',
      '1x28x9000',
      '1xax28',
      '1x28x',
    ],
  };
  for (const [option, values] of Object.entries(bad))
    for (const value of values)
      fails(
        ['train', 'ae', '--data', 'x', '--out', 'y', `--${option}=${value}`],
        2,
        new RegExp(`--${option} wants .*, not`),
        { path, options: { cwd: path } },
      );
  for (const value of ['0', '1', '-1', 'NaN', ''])
    fails(
      ['score', 'model', 'x.png', '--alpha', value],
      2,
      /--alpha wants a number between 0 and 1/,
    );
  for (const value of ['0', '129']) fails(['neighbours', 'm', 'x', '--k', value], 2, /--k wants/);
});

test('files that cannot be read or written', (t) => {
  const path = folder(t);
  const data = writeBars(path, 60, 1);
  const out = join(path, 'm.safetensors');
  const train = (...more) => ['train', '--arch', ARCH, '--data', data, '--epochs', '1', ...more];
  mkdirSync(join(path, 'folder'));
  assert.equal(spawnSync('mkfifo', [join(path, 'fifo')]).status, 0);
  const cases = [
    [['inspect', join(path, 'absent')], 5, /cannot open: No such file/],
    [['inspect', path], 5, /a folder, not a file/],
    [['inspect', join(path, 'fifo')], 5, /not a regular file/],
    [['inspect', '/dev/zero'], 5, /not a regular file/],
    [['inspect', write(join(path, 'zero'), '')], 4, /./],
    [['inspect', write(join(path, 'short'), 'abc')], 4, /./],
    [['inspect', data], 4, /./],
    [['inspect', write(join(path, 'lie'), Buffer.alloc(64, 255))], 4, /./],
    [
      train('--out', join(path, 'no', 'm.safetensors')),
      5,
      /cannot write into folder .*no such folder/,
    ],
    [train('--out', join(path, 'folder')), 5, /a folder, not a file/],
    [train('--out', `${out}/`), 5, /a folder, not a file/],
    [train('--out', '/dev/full'), 5, /not a regular file/],
    [train('--out', join(path, 'fifo')), 5, /not a regular file/],
    [train('--out', join(path, 'x'.repeat(300))), 5, /File name too long|too long/],
    [train('--out', data), 2, /--out is the data/],
    [train('--out', out, '--log-jsonl', out), 2, /--log-jsonl is the same file/],
    [train('--out', out, '--log-jsonl', data), 2, /--log-jsonl is the data/],
    [train('--out', out, '--holdout', '60'), 2, /--holdout 60 leaves none/],
  ];
  for (const [args, code, pattern] of cases) {
    const { ms } = fails(args, code, pattern, { path });
    assert.ok(ms < 2000, args.join(' '));
  }
  fails(['train', '--arch', '1x8x8 > dense', '--data', data, '--out', out], 2, /./, { path });
  fails(
    ['train', '--arch', '1x9x9 > dense 4 | dense 81 > mse > bce', '--data', data, '--out', out],
    2,
    /./,
    { path },
  );
});

test('standard output that is full, closed or gone is reported', (t) => {
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  const done = spawnSync(program, ['families', '--json'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  assert.equal(done.status, 5);
  assert.match(done.stderr, /^likeness: standard output: cannot write: No space left on device\n$/);

  const path = folder(t);
  const data = writeBars(path, 60, 1);
  const out = join(path, 'm.safetensors');
  const args = ['train', '--arch', ARCH, '--data', data, '--out', out, '--epochs', '1'];
  const closed = spawnSync('sh', ['-c', 'exec "$0" "$@" >&-', program, ...args], {
    encoding: 'utf8',
  });
  assert.equal(closed.status, 5);
  assert.match(closed.stderr, /^likeness: standard output: is closed\n$/);
  assert.throws(() => readFileSync(out));

  const gone = spawnSync('sh', ['-c', '(sleep 0.2; "$0" families; echo $? >&2) | true', program], {
    encoding: 'utf8',
  });
  assert.match(gone.stderr, /cannot write: Broken pipe\n5\n$/);
  // A closed standard error is no reason to fail, nor to write into a file that is open.
  const silent = spawnSync('sh', ['-c', 'exec "$0" "$@" 2>&-', program, ...args], {
    encoding: 'utf8',
  });
  assert.equal(silent.status, 0);
});

test('a disk that is full leaves nothing behind', (t) => {
  const path = folder(t);
  const data = writeBars(path, 200, 1);
  const before = readdirSync(path);
  // A file may grow to 8 blocks of 512 bytes, which a model does not fit into.
  const args = ['train', '--arch', ARCH, '--data', data, '--out', join(path, 'm'), '--epochs', '1'];
  const done = spawnSync('sh', ['-c', 'ulimit -f 8; exec "$0" "$@"', program, ...args], {
    encoding: 'utf8',
  });
  assert.equal(done.status, 5);
  assert.match(done.stderr, /\nlikeness: [^\n]*cannot write: File too large\n$/);
  assert.deepEqual(readdirSync(path), before);
});

test('families, doctor, inspect and bench have their shapes', (t) => {
  const families = ok(['families', '--json']);
  const ae = families.find(({ name }) => name === 'ae');
  assert.equal(ae.parameters, 784 * 64 + 64 + 64 * 784 + 784);
  assert.equal(ae.latent, 64);
  assert.match(ae.arch, /^1x28x28 > dense 64 relu \| dense 784 sigmoid > bce$/);
  const deep = families.find(({ name }) => name === 'deep');
  const sizes = [784, 1000, 500, 250, 30, 250, 500, 1000, 784];
  assert.equal(
    deep.parameters,
    sizes.slice(1).reduce((sum, n, i) => sum + n * (sizes[i] + 1), 0),
  );
  assert.ok(families.some(({ name }) => name === 'pca'));
  assert.equal(ae.training, null);
  const gate = families.find(({ name }) => name === 'gate');
  const way = { batch: 128, steps: 4000, decay: 0.5, init: 'he', augment: 'shift 2', half: true };
  assert.deepEqual(gate.training, way);
  const line =
    /for 4000 steps or more: --batch 128 --decay 0\.5 --init he --augment 'shift 2' --half\n/g;
  assert.equal([...ok(['families']).matchAll(line)].length, 3);

  const doctor = ok(['doctor', '--json']);
  assert.ok(doctor.simd.includes('scalar') && doctor.simd.includes(doctor.best_simd));
  assert.ok(doctor.threads >= 1);
  assert.equal(doctor.data.length, 4);

  const path = folder(t);
  const { model, report } = trainBars(path);
  const inspect = ok(['inspect', model, '--json']);
  assert.equal(inspect.arch, ARCH);
  assert.equal(inspect.weights_sha256, report.weights_sha256);
  assert.deepEqual(inspect.shape, [1, 8, 8]);
  assert.equal(inspect.bytes, readFileSync(model).length);
  assert.ok(inspect.calibration.image.images >= 20);
  assert.match(ok(['inspect', model]), /^arch +1x8x8/m);

  const bench = ok(['bench', '--json']);
  for (const variant of doctor.simd) assert.ok(bench.some((row) => row.variant === variant));
  for (const row of bench) {
    assert.deepEqual(Object.keys(row), ['kernel', 'variant', 'gflops']);
    assert.ok(row.gflops > 0);
  }
  assert.ok(bench.some((row) => row.kernel === 'D conv 32-32 dW'));
  const some = ok(['bench', 'adam', '--json']);
  assert.deepEqual(new Set(some.map((row) => row.kernel)), new Set(['adam 65536']));
  fails(['bench', 'nothing'], 2, /no kernel's name has 'nothing' in it/);
});

test('results are written through links, and replace the old file whole', (t) => {
  const path = folder(t);
  const { model } = trainBars(path);
  const real = write(join(path, 'real.npy'), 'old');
  const link = join(path, 'link.npy');
  symlinkSync(real, link);
  const picture = write(
    join(path, 'x.png'),
    greyPng(
      8,
      Array.from({ length: 64 }, (_, i) => i),
    ),
  );
  ok(['encode', model, picture, '--out', link]);
  assert.equal(readFileSync(real).subarray(1, 6).toString(), 'NUMPY');
  writeFileSync(link, 'again');
  assert.equal(readFileSync(real, 'utf8'), 'again');
});

test('colours and escapes never reach a pipe', (t) => {
  const path = folder(t);
  const { model } = trainBars(path);
  const picture = write(
    join(path, 'x\x1b[31m.png'),
    greyPng(
      8,
      Array.from({ length: 64 }, (_, i) => i),
    ),
  );
  const { stdout, stderr, code } = run(['score', model, picture]);
  assert.equal(code, 0, stderr);
  assert.ok(!(stdout + stderr).includes('\x1b'), 'escapes');
});
