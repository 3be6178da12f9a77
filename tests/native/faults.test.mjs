// Every system call on files and every allocation made to fail in turn, and the program killed at
// each: the result is whole or the old one stands. Needs strace, and leave to use it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ARCH, bars, folder, greyPng, ok, program, run, trainBars, write } from './helpers.mjs';

// A sanitized program does not run under strace at all.
const usable = spawnSync('strace', ['-qq', '-o', '/dev/null', program, 'doctor']).status === 0;
const skip = !usable && 'strace cannot be used here';
const LAST = 40; // calls of one kind that a run makes at most, those of the loader included

/** Runs the program while the n-th call of this kind is tampered with. */
function tampered(call, how, n, args) {
  const inject = `inject=${call}:${how}:when=${n}`;
  const words = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject, program];
  return spawnSync('strace', [...words, ...args], { encoding: 'utf8' });
}

function prepare(t) {
  const path = folder(t);
  const { data, model } = trainBars(path);
  const args = ['calibrate', model, '--data', data, '--limit', '60', '--threads', '1'];
  const old = readFileSync(model);
  ok(args);
  return { path, model, args, old, fresh: readFileSync(model), files: readdirSync(path).sort() };
}

test('a call that fails is one line and exit code 5, and the old file stands', { skip }, (t) => {
  const { path, model, args, old, fresh, files } = prepare(t);
  for (const call of ['openat', 'read', 'write', 'fsync', 'rename', 'fchmod']) {
    let failed = 0;
    for (let n = 1; n <= LAST; n++) {
      writeFileSync(model, old);
      const { status, stdout, stderr } = tampered(call, 'error=EIO', n, args);
      const what = `${call} ${n}: ${status} ${stderr}`;
      assert.deepEqual(readdirSync(path).sort(), files, what);
      if (status === 127) continue; // the loader's own
      const written = readFileSync(model);
      if (status === 0) {
        assert.deepEqual(written, fresh, what);
        continue;
      }
      failed++;
      assert.equal(status, 5, what);
      assert.match(
        stderr,
        call === 'write' ? /^(likeness: [^\n]*\n)?$/ : /^likeness: [^\n]*Input\/output error\n$/,
        what,
      );
      assert.ok(call === 'write' || stdout === '', what);
      // The new file may stand already where only the folder's sync or the report failed.
      assert.ok(written.equals(old) || written.equals(fresh), what);
    }
    assert.ok(failed > 0, `${call} was never reached`);
  }
});

test('a training puts model, gallery and report in place together, or none of them', {
  skip,
}, (t) => {
  const path = folder(t);
  const { data, model } = trainBars(path);
  const of = (ending) => model.replace('.safetensors', ending);
  const outputs = [model, of('.gallery.safetensors'), of('.report.json')];
  const args = ['train', '--arch', ARCH, '--data', data, '--limit', '60', '--epochs', '1'];
  args.push('--no-calibrate', '--threads', '1', '--seed', '7', '--out', model);
  const old = outputs.map((file) => readFileSync(file));
  const names = readdirSync(path).sort();
  ok(args);
  const fresh = outputs.map((file) => readFileSync(file));
  // What came of it; reports tell how long it took, so no two are the same.
  const isNew = (bytes, i) =>
    i === 2 ? JSON.parse(String(bytes)).seed === 7 : bytes.equals(fresh[i]);
  for (const call of ['write', 'fsync', 'fchmod', 'renameat2']) {
    let failed = 0;
    for (let n = 1; n <= LAST; n++) {
      for (const [i, file] of outputs.entries()) writeFileSync(file, old[i]);
      const { status, stderr } = tampered(call, 'error=ENOSPC', n, args);
      if (status === 127) continue;
      const what = `${call} ${n}: ${status} ${stderr}`;
      assert.deepEqual(readdirSync(path).sort(), names, what);
      const written = outputs.map((file) => readFileSync(file));
      const whole = written.every((bytes, i) => bytes.equals(old[i])) || written.every(isNew);
      assert.ok(whole, what);
      if (status === 0) continue;
      assert.equal(status, 5, what);
      failed++;
    }
    assert.ok(failed > 0, `${call} was never reached`);
  }

  const others = names.filter((name) => !outputs.includes(join(path, name)));
  for (let n = 1; n <= 3; n++) {
    for (const file of outputs) rmSync(file, { force: true });
    const { status, stderr } = tampered('rename', 'error=EIO', n, args);
    assert.equal(status, 5, `rename ${n}: ${stderr}`);
    assert.deepEqual(readdirSync(path).sort(), others, `rename ${n}: none was there`);
  }
  for (const [i, file] of outputs.entries()) writeFileSync(file, old[i]);
  const { status, stderr } = tampered('renameat2', 'error=EINVAL', '1+', args);
  assert.equal(status, 0, `a file system that cannot exchange names: ${stderr}`);
  assert.ok(outputs.map((file) => readFileSync(file)).every(isNew));
  assert.deepEqual(readdirSync(path).sort(), names);
});

test('an interrupted call is made again', { skip }, (t) => {
  const { model, args, old, fresh } = prepare(t);
  for (const call of ['read', 'write']) {
    for (let n = 1; n <= 20; n++) {
      writeFileSync(model, old);
      const { status } = tampered(call, 'error=EINTR', n, args);
      if (status === 127) continue;
      assert.equal(status === 0 || call === 'write', true, `${call} ${n}`);
      if (status === 0) assert.deepEqual(readFileSync(model), fresh);
    }
  }
});

test('killed at any call, the file is the old one or the new one', { skip }, (t) => {
  const { model, args, old, fresh } = prepare(t);
  for (const call of ['openat', 'write', 'fsync', 'rename']) {
    for (let n = 1; n <= LAST; n += call === 'openat' ? 3 : 1) {
      writeFileSync(model, old);
      const { status } = tampered(call, 'signal=KILL', n, args);
      const written = readFileSync(model);
      assert.ok(written.equals(old) || written.equals(fresh), `${call} ${n}`);
      if (status === 0) break; // the run has no such call any more
    }
  }
});

test('every allocation that fails ends with 6 and one line', (t) => {
  const path = folder(t);
  const library = join(path, 'failing_alloc.so');
  const source = fileURLToPath(new URL('failing_alloc.c', import.meta.url));
  const compiled = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl']);
  const preload = { LD_PRELOAD: library };
  // A program under a sanitizer has its own allocator and does not start with this one.
  if (compiled.status !== 0 || run(['doctor'], { env: preload }).code !== 0)
    return t.skip('the failing allocator cannot be preloaded');
  const { data, model } = trainBars(path, ['--holdout', '100']);
  const picture = write(join(path, 'pictures', 'x.png'), greyPng(8, bars(1, 1).pixels));
  const out = (name) => ['--out', join(path, name)];
  const conditioned = join(path, 'conditioned.safetensors');
  const links = 'dense 4 | classify 2 0.5 > embed 2 > dense 64 sigmoid > bce';
  ok([
    'train',
    '--arch',
    `1x8x8 > ${links}`,
    '--data',
    data,
    '--epochs',
    '1',
    '--out',
    conditioned,
  ]);
  const codes = join(path, 'codes.npy');
  ok(['encode', model, picture, '--out', codes]);
  const lines = Array.from({ length: 150 }, (_, i) => `${i % 7},${i % 5},${i % 3 ? 'x' : 'y'}\n`);
  const table = write(join(path, 'table.csv'), `a,b,class\n${lines.join('')}`);
  const rows = join(path, 'rows.safetensors');
  ok(['train', '--data', `${table}:label=class`, '--epochs', '1', '--out', rows]);
  const said = ['cow hay', 'cow barn', 'ship sea', 'sea ship'].map(
    (text, i) => `{"text": "${text}", "label": ${i >> 1}}\n`,
  );
  const texts = write(join(path, 'texts.jsonl'), said.join(''));
  const words = join(path, 'words.safetensors');
  const learn = ['train', 'text', '--data', texts, '--latent', '2', '--epochs', '1'];
  ok([...learn, '--holdout', '0', '--out', words]);
  const commands = [
    ['data', 'list'],
    ['data', 'info', data],
    ['data', 'verify', data],
    ['families'],
    ['data', 'info', join(path, 'pictures')],
    ['inspect', model],
    [
      'train',
      '--arch',
      ARCH,
      '--data',
      data,
      ...out('a.safetensors'),
      '--epochs',
      '1',
      '--limit',
      '200',
    ],
    ['train', 'pca', '--latent', '3', '--data', data, ...out('b.safetensors'), '--limit', '200'],
    [
      ...['train', '--arch', '1x8x8 > dense 32 relu | dense 2 > ce', '--from', model],
      ...['--data', data, '--limit', '80', '--draw', '20', '--patience', '1', '--epochs', '1'],
      ...['--augment', 'shift 1', ...out('d.safetensors')],
    ],
    [
      ...['train', 'stacked', '--latent', '3', '--data', data, '--limit', '40', '--epochs', '1'],
      ...['--noise', 'mask 0.2', ...out('e.safetensors')],
    ],
    ['eval', model, '--data', data, '--limit', '20', '--ood', `same=${data}`],
    ['eval', conditioned, '--data', data, '--limit', '9', '--train', data, '--corrupt', 'mask 0.5'],
    ['audit', model, '--data', data, '--limit', '40', '--train', data, '--in', `same=${data}`],
    ['calibrate', model, '--data', data, '--limit', '40', ...out('c.safetensors')],
    ['export', conditioned, '--onnx', out('c.onnx')[1]],
    ['score', model, picture],
    ['score', model, picture, '--explain', out('why.png')[1], '--classifier', conditioned],
    ['calibrate', model, '--alpha', '0.05', ...out('alpha.safetensors')],
    ['score', model, '--data', data, '--limit', '9'],
    ['encode', model, picture, ...out('z.npy')],
    ['reconstruct', model, picture, ...out('x.png')],
    ['decode', model, codes, ...out('y.png')],
    ['sample', model, '--count', '3', ...out('y.npy')],
    ['interpolate', model, picture, picture, ...out('y.png')],
    ['score', conditioned, picture],
    ['neighbours', model, picture],
    ['data', 'info', `${data}+${data}`, '--limit', '9'],
    [
      ...['pca', picture, '--data', data, '--limit', '30', '--components', '3', ...out('p.png')],
      ...['--reconstruct', out('r.png')[1]],
    ],
    [
      ...['cluster', model, '--data', data, '--limit', '30', '--k', '2', '--by', 'pca:2'],
      ...['--gaussians', ...out('c.csv'), '--centres', out('c.png')[1], '--restarts', '1'],
    ],
    [
      ...['cluster', '--pixels', '--data', data, '--limit', '30', '--k', '2', '--by', 'umap:3'],
      ...[...out('c.npy'), '--restarts', '1'],
    ],
    [
      ...['cluster', '--pixels', '--data', data, '--limit', '30', '--k', '2', '--by', 'graph:3'],
      ...['--restarts', '1'],
    ],
    [
      ...['outliers', model, '--data', data, '--limit', '20', '--ood', `same=${data}`],
      ...[...out('h.svg'), '--worst', out('w.png')[1]],
    ],
    ['map', model, '--data', data, '--limit', '30', '--place', data, ...out('m.svg')],
    ['map', '--pixels', '--data', data, '--limit', '30', '--method', 'pca', ...out('m.png')],
    ['data', 'info', `${table}:label=class:only=x`],
    ['train', '--data', `${table}:label=class`, '--epochs', '1', ...out('t.safetensors')],
    ['score', rows, '--data', `${table}:label=class`, '--limit', '3'],
    ['eval', rows, '--data', `${table}:label=class`, '--limit', '5'],
    [...learn, '--holdout', '0', ...out('w.safetensors')],
    ['eval', words, '--data', `${texts}:only=0+${texts}:only=1`, '--train', texts],
    ['neighbours', words, texts, '--train', texts, '--k', '2'],
    ['encode', words, texts, ...out('w.npy')],
    ['inspect', words],
    ['map', model, '--data', data, '--limit', '20', '--method', 'umap', ...out('u.csv')],
  ];
  for (const command of commands) {
    let code;
    // An audit allocates thousands of times.
    for (let n = 1; code !== 0; n += command[0] === 'audit' ? 37 : 1) {
      assert.ok(n < 10000, 'it goes on for ever');
      const once = n % 2 ? { FAIL_ONCE: '1' } : {};
      const done = run(command, { env: { ...preload, ...once, FAIL_AT: String(n) } });
      code = done.code;
      const what = `likeness ${command.join(' ')}, call ${n}: ${code} ${done.stderr}`;
      assert.ok(code === 0 || code === 6, what);
      if (code) assert.match(done.stderr, /(^|\n)likeness: [^\n]*memory\n$/, what);
      if (code) assert.equal(done.stdout, '', what);
    }
  }
});
