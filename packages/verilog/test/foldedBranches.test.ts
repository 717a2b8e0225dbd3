import {
  type FoldedDesign,
  type FoldedOptions,
  type FoldTable,
  foldedDesign,
  layerBuffers,
} from '@hbnn/circuit';
import { random } from '@hbnn/core';
import {
  type CheckedModel,
  checkModel,
  type FeatureShape,
  type IntegerLayer,
  type IntegerWeights,
} from '@hbnn/model';
import { simulate, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';
import { testImages } from '../src/verify/verify.ts';

function weights(seed: number, shape: readonly number[]): IntegerWeights {
  const rng = random(seed, 'folded branches');
  const count = shape.reduce((product, n) => product * n, 1);
  return {
    kind: 'planes',
    shape,
    bits: Uint8Array.from({ length: count }, (_, i) => 1 + (i % 2)),
    signs: Uint8Array.from({ length: count }, (_, i) => rng.below(i % 2 === 0 ? 2 : 4)),
    scalePer: 'tensor',
    mapPer: 'element',
    multiples: [Uint8Array.of(2), Uint8Array.of(1)],
  };
}

const threshold = (name: string, [height, width, channels]: FeatureShape): IntegerLayer => ({
  kind: 'threshold',
  name,
  multiples: Uint8Array.of(3, 1),
  // Places differ in their planes, so that streams have bases by place.
  bits: Uint8Array.from({ length: height * width * channels }, (_, i) => 1 + (i % 2)),
  thresholds: Int32Array.from({ length: 3 * channels }, (_, i) => 5 * (i % 3) - 4),
  flips: Uint8Array.from({ length: channels }, (_, c) => c % 2),
});

const conv = (
  name: string,
  shape: readonly number[],
  { stride = 1, from }: { stride?: number; from?: string } = {},
): IntegerLayer => {
  const side = (shape[1] - 1) / 2;
  return {
    kind: 'conv',
    name,
    ...(from !== undefined && { from }),
    strides: [stride, stride],
    padding: [side, side, side, side],
    weights: weights(name.length, shape),
  };
};

function network(name: string, shape: FeatureShape, layers: IntegerLayer[]): CheckedModel {
  return checkModel({
    name,
    input: { shape, zeros: new Int32Array(shape[2]).fill(128) },
    layers,
    scoreOffsets: Int32Array.of(3, -2),
    scoreFactor: 1,
    classes: ['a', 'b'],
  });
}

/** A block whose input goes past two convolutions, and one that projects it with a stride. */
const residual = network(
  'residual',
  [6, 5, 2],
  [
    threshold('stem', [6, 5, 2]),
    conv('a', [2, 3, 3, 2]),
    threshold('bits', [6, 5, 2]),
    conv('b', [2, 3, 3, 2]),
    {
      kind: 'add',
      name: 'sum',
      inputs: ['b', 'stem'],
      multipliers: [Int16Array.of(1, -3), Int16Array.of(5, 2)],
    },
    threshold('bits2', [6, 5, 2]),
    conv('deep', [3, 3, 3, 2], { stride: 2 }),
    conv('side', [3, 1, 1, 2], { stride: 2, from: 'bits2' }),
    {
      kind: 'add',
      name: 'sum2',
      inputs: ['deep', 'side'],
      multipliers: [Int16Array.of(1, 2, 3), Int16Array.of(4, -5, 6)],
    },
    { kind: 'sumPool', name: 'average', size: [3, 3], strides: [1, 1] },
    { kind: 'dense', name: 'dense', weights: weights(9, [2, 3]) },
  ],
);

/** Blocks within a block, one stream read four times, and a layer read twice by a join. */
const nested = network(
  'nested',
  [4, 4, 1],
  [
    threshold('bits', [4, 4, 1]),
    conv('a', [1, 3, 3, 1]),
    threshold('bits2', [4, 4, 1]),
    conv('inner', [1, 3, 3, 1]),
    { kind: 'concat', name: 'both', inputs: ['inner', 'bits2', 'bits'] },
    conv('outer', [2, 3, 3, 3]),
    { kind: 'concat', name: 'all', inputs: ['bits', 'outer', 'both', 'bits'] },
    { kind: 'maxPool', name: 'pool', size: [2, 2], strides: [2, 2], padding: [0, 0, 0, 0] },
    { kind: 'dense', name: 'dense', weights: weights(3, [2, 28]) },
  ],
);

const lanes = (model: CheckedModel, pe: number, simd: number): FoldTable =>
  Object.fromEntries(
    model.checkedLayers.flatMap(({ layer }) => {
      if (!('weights' in layer)) return [];
      const [outputs, ...rest] = layer.weights.shape;
      const inputs = rest.reduce((a, b) => a * b, 1);
      return [
        [layer.name, { pe: outputs % pe === 0 ? pe : 1, simd: inputs % simd === 0 ? simd : 1 }],
      ];
    }),
  );

const depthsOf = ({ layers }: FoldedDesign): number[] =>
  layers.flatMap((layer) => layerBuffers(layer).map(({ depth }) => depth));

const designs: [string, CheckedModel, FoldedOptions][] = [
  ['residual blocks, one lane per layer', residual, {}],
  ['residual blocks, several lanes', residual, { folds: lanes(residual, 2, 9) }],
  [
    'residual blocks, a constant layer beside a slow one',
    residual,
    { folds: { ...lanes(residual, 2, 9), side: 'constant', b: 'constant' }, style: 'xc7' },
  ],
  [
    'blocks within a block, with a prefix and a mark on the last pixel',
    nested,
    {
      folds: lanes(nested, 1, 9),
      prefix: 'net1',
      inputLast: true,
      memories: { rom: 'hex' },
    },
  ],
];

/** `pnpm --filter @hbnn/verilog designs`: all of them. */
const all = process.env.HBNN_DESIGNS === 'all';

describe('a folded network with branches', () => {
  it.each(all ? designs : designs.slice(2))(
    'computes the scores and keeps its pace: %s',
    async (_, model, options) => {
      const design = foldedDesign(model, options);
      const files = verilogFiles(design);
      const simulation = await simulate(model, design, files, { pauses: false });
      simulation.run(testImages(model, 6, 1));
      expect(simulation.cyclesPerImage?.()).toBe(design.cyclesPerImage);
      expect(design.cyclesPerImage).toBeLessThanOrEqual(1.01 * design.scheduledCycles);
      // Both ends wait now and then.
      expect((await verify(model, design, files, { images: 8 })).difference).toBeUndefined();
    },
  );

  it('has deep buffers where a branch waits for a longer one, and not elsewhere', () => {
    const design = foldedDesign(residual, { folds: lanes(residual, 2, 9) });
    const { sources } = design.layers.find(({ layer }) => layer === 'sum') ?? { sources: [] };
    // Two windows of 3 × 3 hold back more than two rows of 5 pixels.
    expect(sources[1].buffer?.depth).toBeGreaterThan(10);
    expect(sources[0].buffer).toBeUndefined();
    expect(Math.max(...depthsOf(design))).toBeLessThan(30);
  });

  it('is refused with buffers that would let branches wait for each other for ever', () => {
    expect(() => foldedDesign(residual, { balanced: false })).toThrow(
      /^balanced: expected true .* got false: .*; leave balanced out$/,
    );
  });
});

describe('faults of branches are found', () => {
  const design = foldedDesign(residual, { folds: lanes(residual, 2, 9) });
  const files = verilogFiles(design);
  const top = `${design.top}.v`;
  const edited = async (file: string, from: RegExp, to: string) => {
    const text = files[file].replace(from, to);
    expect(text).not.toBe(files[file]);
    return verify(residual, design, { ...files, [file]: text }, { images: 8 });
  };

  it('a buffer that is not deep enough, which stops', async () => {
    const depth = /counted == (\d+)'d\d+;/;
    expect(files['sum.v']).toMatch(depth);
    const { difference } = await edited('sum.v', depth, "counted == $1'd3;");
    expect(JSON.stringify(difference)).toMatch(/nothing moved/);
  });

  it.each([
    ['branches in another order', top, /= \{(stem\w*|sum_\w+), (b_tdata)\};/, '= {$2, $1};'],
    [
      'a beat that one of two layers gets twice',
      top,
      /(assign m_axis_tvalid\[0\] = s_axis_tvalid) & m_axis_tready\[1\];/,
      '$1;',
    ],
    ['a join that waits for one branch alone', 'sum.v', /&s_axis_tvalid;/, 's_axis_tvalid[1];'],
  ])('%s', async (_, file, from, to) => {
    expect((await edited(file, from, to)).equal).toBe(false);
  });
});
