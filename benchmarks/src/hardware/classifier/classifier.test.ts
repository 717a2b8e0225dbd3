import { unrolledDesign } from '@hbnn/circuit';
import { parseMix, random } from '@hbnn/core';
import { interpreter } from '@hbnn/model';
import { useBackend } from '@hbnn/train';
import { verify, verilogFiles } from '@hbnn/verilog';
import { beforeAll, expect, it } from 'vitest';
import { type LabelledPixels, levelsOf } from './images.ts';
import { integerClassifier } from './integers.ts';
import { namedClassifiers } from './specs.ts';
import { type ClassifierSpec, trainClassifier } from './training.ts';

const seed = 3;
const side = 6;
const classes = ['left', 'right', 'none'];

/** Noisy images: bright on the left, on the right, or nowhere. */
function halves(count: number): LabelledPixels {
  const pixels = new Uint8Array(count * side * side);
  for (let image = 0; image < count; image++) {
    const rng = random(seed, 'image', image);
    for (let p = 0; p < side * side; p++) {
      const half = p % side < side / 2 ? 0 : 1;
      pixels[image * side * side + p] = rng.below(120) + (half === image % 3 ? 120 : 0);
    }
  }
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  return { pixels, labels, count, size: side * side };
}

const spec: ClassifierSpec = {
  encoding: { thresholds: [40, 100, 160] },
  hidden: [8],
  mixes: [parseMix('0:0.5/1:0.3/2:0.2'), parseMix('0:0.25/1:0.75')],
  epochs: 6,
  seed,
};

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

it('numbers the levels of a pixel evenly', () => {
  const one = levelsOf({ thresholds: [32] });
  expect([one[0], one[31], one[32], one[255]]).toEqual([-1, -1, 1, 1]);
  const two = levelsOf({ thresholds: [16, 96, 176] });
  expect([two[15], two[16], two[96], two[176]]).toEqual([-3, -1, 1, 3]);
});

it('trains, keeps what it learned in whole numbers, and becomes a circuit that is equal', async () => {
  const images = halves(1200);
  const layers = await trainClassifier(spec, images, classes.length);
  const model = integerClassifier('halves', [side, side, 1], spec.encoding, layers, classes);
  const scores = interpreter(model).run(images.pixels);
  const right = images.labels.filter((label, i) => {
    const row = scores.subarray(3 * i, 3 * i + 3);
    return row.indexOf(Math.max(...row)) === label;
  });
  expect(right.length / images.count).toBeGreaterThan(0.95);
  const dense = model.layers.filter((layer) => layer.kind === 'dense');
  const bits = dense.map(({ weights }) => (weights.kind === 'planes' ? [...weights.bits] : []));
  const shares = [0, 1, 2].map((b) => bits[0].filter((each) => each === b).length / bits[0].length);
  expect(shares.map((share) => Number(share.toFixed(1)))).toEqual([0.5, 0.3, 0.2]);
  const design = unrolledDesign(model, { style: 'xc7', maxLevels: 8 });
  const { equal } = await verify(model, design, verilogFiles(design), { images: 64 });
  expect(equal).toBe(true);
});

it('gives the same weights for the same seed', async () => {
  const images = halves(300);
  const [hidden] = await trainClassifier({ ...spec, epochs: 1 }, images, classes.length);
  const again = await trainClassifier({ ...spec, epochs: 1 }, images, classes.length);
  expect(again[0].weights).toEqual(hidden.weights);
  expect(again[0].turns).toEqual(hidden.turns);
});

it('has a mix for each layer of each network', () => {
  for (const { hidden, mixes, encoding } of namedClassifiers) {
    expect(mixes.length).toBe(hidden.length + 1);
    expect([1, 3]).toContain(encoding.thresholds.length);
  }
});
