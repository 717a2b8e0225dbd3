import { type FoldedDesign, type FoldTable, foldedDesign } from '@hbnn/circuit';
import { parseMix, random } from '@hbnn/core';
import {
  type CheckedModel,
  checkModel,
  type FeatureShape,
  type IntegerLayer,
  type IntegerWeights,
  randomModel,
} from '@hbnn/model';
import { simulate, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';
import { testImages } from '../src/verify/verify.ts';

function weights(seed: number, shape: readonly number[]): IntegerWeights {
  const rng = random(seed, 'occupancy');
  const count = shape.reduce((product, n) => product * n, 1);
  return {
    kind: 'planes',
    shape,
    bits: new Uint8Array(count).fill(1),
    signs: Uint8Array.from({ length: count }, () => rng.below(2)),
    scalePer: 'tensor',
    mapPer: 'element',
    multiples: [Uint8Array.of(1)],
  };
}

const threshold = (name: string, [height, width, channels]: FeatureShape): IntegerLayer => ({
  kind: 'threshold',
  name,
  multiples: Uint8Array.of(1),
  bits: new Uint8Array(height * width * channels).fill(1),
  thresholds: new Int32Array(channels),
  flips: new Uint8Array(channels),
});

const conv = (
  name: string,
  seed: number,
  shape: readonly number[],
  padding: readonly [number, number, number, number] = [0, 0, 0, 0],
): IntegerLayer => ({
  kind: 'conv',
  name,
  strides: [1, 1],
  padding,
  weights: weights(seed, shape),
});

const network = (name: string, shape: FeatureShape, layers: IntegerLayer[]): CheckedModel =>
  checkModel({
    name,
    input: { shape, zeros: new Int32Array(shape[2]).fill(128) },
    layers,
    scoreOffsets: new Int32Array(2),
    scoreFactor: 1,
    classes: ['a', 'b'],
  });

/** Convolutions without padding, a pool and dense layers, as in CNV. */
const cnv = network(
  'like cnv',
  [12, 12, 1],
  [
    conv('conv1', 1, [4, 3, 3, 1]),
    threshold('bits1', [10, 10, 4]),
    conv('conv2', 2, [4, 3, 3, 4]),
    { kind: 'maxPool', name: 'pool', size: [2, 2], strides: [2, 2], padding: [0, 0, 0, 0] },
    threshold('bits2', [4, 4, 4]),
    conv('conv3', 3, [4, 3, 3, 4]),
    threshold('bits3', [2, 2, 4]),
    { kind: 'dense', name: 'dense', weights: weights(4, [2, 16]) },
  ],
);

/** Depthwise and pointwise convolutions with strides and padding, and a sum over all places, as in MobileNet. */
const mobileNet = network(
  'like mobilenet',
  [12, 12, 2],
  [
    {
      kind: 'depthwise',
      name: 'depthwise1',
      strides: [1, 1],
      padding: [1, 1, 1, 1],
      weights: weights(5, [2, 3, 3, 1]),
    },
    threshold('bits1', [12, 12, 2]),
    conv('pointwise1', 6, [4, 1, 1, 2]),
    threshold('bits2', [12, 12, 4]),
    {
      kind: 'depthwise',
      name: 'depthwise2',
      strides: [2, 2],
      padding: [0, 0, 1, 1],
      weights: weights(7, [4, 3, 3, 1]),
    },
    threshold('bits3', [6, 6, 4]),
    conv('pointwise2', 8, [4, 1, 1, 4]),
    threshold('bits4', [6, 6, 4]),
    { kind: 'sumPool', name: 'average', size: [6, 6], strides: [1, 1] },
    { kind: 'dense', name: 'dense', weights: weights(9, [2, 4]) },
  ],
);

const folds: [string, CheckedModel, FoldTable][] = [
  [
    'CNV, its first layer the slowest',
    cnv,
    { conv2: { pe: 4, simd: 36 }, conv1: { pe: 2, simd: 9 }, conv3: { pe: 1, simd: 12 } },
  ],
  [
    'CNV, all layers about as slow',
    cnv,
    {
      conv1: { pe: 2, simd: 3 },
      conv2: { pe: 2, simd: 9 },
      conv3: { pe: 1, simd: 3 },
      dense: { pe: 1, simd: 1 },
    },
  ],
  [
    'CNV, constants before lanes',
    cnv,
    { conv1: 'constant', conv2: { pe: 4, simd: 12 }, conv3: { pe: 1, simd: 6 } },
  ],
  [
    'MobileNet, all layers about as slow',
    mobileNet,
    {
      depthwise1: { pe: 2, simd: 3 },
      pointwise1: { pe: 2, simd: 2 },
      depthwise2: { pe: 1, simd: 3 },
      pointwise2: { pe: 1, simd: 2 },
    },
  ],
  [
    'MobileNet, one of the last layers the slowest',
    mobileNet,
    { depthwise1: 'constant', pointwise1: 'constant', depthwise2: { pe: 4, simd: 3 } },
  ],
];

const depthsOf = ({ layers }: FoldedDesign): number[] =>
  layers.flatMap(({ buffer }) => (buffer === undefined ? [] : [buffer.depth]));

/** `pnpm --filter @hbnn/verilog simulators`: all folds and more random networks. */
const all = process.env.HBNN_SIMULATORS === 'all';

describe('cycles per image of a folded design', () => {
  it.each(all ? folds : folds.filter((_, i) => i % 2 === 1))(
    'are those of its Verilog: %s',
    async (_, model, table) => {
      const design = foldedDesign(model, { folds: table });
      const files = verilogFiles(design);
      const simulation = await simulate(model, design, files, { pauses: false });
      simulation.run(testImages(model, 6, 1));
      expect(simulation.cyclesPerImage?.()).toBe(design.cyclesPerImage);
      expect(design.cyclesPerImage).toBeLessThanOrEqual(1.01 * design.scheduledCycles);
      const result = await verify(model, design, files, { images: 8 });
      expect(result.difference).toBeUndefined();
    },
  );

  const more = all ? [3, 36, 81, 100, 101, 102] : [];
  it.each([9, 15, ...more])('are those of the Verilog of random network %i', async (seed) => {
    const model = randomModel(seed);
    const design = foldedDesign(model);
    const simulation = await simulate(model, design, verilogFiles(design), { pauses: false });
    simulation.run(testImages(model, 6, 1));
    expect(simulation.cyclesPerImage?.()).toBe(design.cyclesPerImage);
  });

  it('would be more with two places in each buffer', async () => {
    const [, model, table] = folds[1];
    const deep = foldedDesign(model, { folds: table });
    const flat = foldedDesign(model, { folds: table, balanced: false });
    const simulation = await simulate(model, flat, verilogFiles(flat), { pauses: false });
    simulation.run(testImages(model, 6, 1));
    expect(Math.max(...depthsOf(flat))).toBe(2);
    expect(Math.max(...depthsOf(deep))).toBeGreaterThan(2);
    expect(simulation.cyclesPerImage?.()).toBeGreaterThan(1.01 * deep.cyclesPerImage);
  });

  it('are found without stepping through each of many', () => {
    const model = randomModel(1, { layer: 'conv:16x16x64,k3x3,o64', mix: parseMix('1') });
    const start = performance.now();
    expect(foldedDesign(model).cyclesPerImage).toBe(14 * 14 * 64 * 576);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});
