// The real data sets, where they are: a short training already tells digits from garments.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { folder, ok } from './helpers.mjs';

const absent = ok(['data', 'list', '--json'])
  .filter(({ found }) => !found)
  .map(({ name, part }) => `${name}:${part}`);
const skip = absent.length > 0 && `no data set ${absent.join(', ')}`;

test('digits against garments', { skip }, (t) => {
  const model = join(folder(t), 'digits.safetensors');
  const report = ok([
    'train',
    'ae',
    '--data',
    'mnist',
    '--limit',
    '18000',
    '--epochs',
    '4',
    '--gallery',
    '2000',
    '--out',
    model,
    '--json',
  ]);
  assert.equal(report.family, 'ae');
  assert.equal(report.parameters, 101200);
  assert.equal(report.holdout, 3000);
  assert.deepEqual(Object.keys(report.calibration), ['image', 'ink']);
  assert.equal(ok(['inspect', model, '--json']).title, 'digits');
  const found = ok([
    'eval',
    model,
    '--data',
    'mnist',
    '--limit',
    '2000',
    '--ood',
    'fashion=fashion:test',
    '--json',
  ]);
  assert.equal(found.ood[0].images, 2000);
  assert.ok(found.ood[0].auroc > 0.99, `AUROC ${found.ood[0].auroc}`);
  assert.ok(found.neighbours.cosine_1nn > 0.85 && found.neighbours.pixel_1nn > 0.85);
  for (const { alpha, rate } of found.false_alarms)
    assert.ok(rate < 2.5 * alpha, `${rate} at ${alpha}`);
});
