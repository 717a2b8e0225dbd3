import { writeFileSync } from 'node:fs';
import { parseMix } from '@hbnn/core';
import { openDataset } from '@hbnn/datasets';
import { encodeModel } from '@hbnn/model';
import { useBackend } from '@hbnn/train';
import { loadModel } from '@hbnn/wasm';
import { pixelsOf } from './src/hardware/classifier/images.ts';
import { integerClassifier } from './src/hardware/classifier/integers.ts';
import { trainClassifier } from './src/hardware/classifier/training.ts';

const [thr, hidden, mixes, epochs, limit, out] = process.argv.slice(2);
await useBackend({ prefer: 'wasm' });
const data = await openDataset('fashion-mnist', {
  from: '/usr/share/datasets/fashion-mnist',
  ...(Number(limit) > 0 && { limit: Number(limit) }),
});
const train = await pixelsOf(data.train),
  test = await pixelsOf(data.test);
const spec = {
  encoding: { thresholds: thr.split(',').map(Number) },
  hidden: hidden.split(',').map(Number),
  mixes: mixes.split(',').map((m) => parseMix(m)),
  epochs: Number(epochs),
  seed: 1,
};
const start = performance.now();
const layers = await trainClassifier(spec, train, 10, (e, l) =>
  console.log(e, l.toFixed(3), ((performance.now() - start) / 1000).toFixed(1)),
);
const model = integerClassifier(
  'classifier',
  [28, 28, 1],
  spec.encoding,
  layers,
  data.test.classes,
);
const fast = await loadModel(model);
for (const [n, s] of [
  ['train', train],
  ['test', test],
] as const) {
  let right = 0;
  const m = Math.min(s.count, 10000);
  const scores = fast.run(s.pixels.subarray(0, m * 784));
  for (let i = 0; i < m; i++) {
    const row = scores.subarray(10 * i, 10 * i + 10);
    let b = 0;
    row.forEach((v, j) => {
      if (v > row[b]) b = j;
    });
    if (b === s.labels[i]) right++;
  }
  console.log(n, right / m);
}
if (out) writeFileSync(out, encodeModel(model));
