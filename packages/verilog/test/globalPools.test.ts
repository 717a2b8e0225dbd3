import {
  type AccumulateUnit,
  type FoldedDesign,
  type FoldedOptions,
  foldedDesign,
} from '@hbnn/circuit';
import { random } from '@hbnn/core';
import { type CheckedModel, checkModel, type IntegerLayer, type Pair } from '@hbnn/model';
import { prove, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

const channels = 2;

function weights(shape: readonly number[]) {
  const rng = random(1, 'global pools');
  const count = shape.reduce((product, n) => product * n, 1);
  return {
    kind: 'planes' as const,
    shape,
    bits: Uint8Array.from({ length: count }, (_, i) => 1 + (i % 2)),
    signs: Uint8Array.from({ length: count }, (_, i) => rng.below(i % 2 === 0 ? 2 : 4)),
    scalePer: 'tensor' as const,
    mapPer: 'element' as const,
    multiples: [Uint8Array.of(2), Uint8Array.of(1)],
  };
}

/** What the pool adds up: sums of a convolution, or planes that some places lack, of scales that are no powers of two. */
const before = {
  numbers: (): IntegerLayer[] => [],
  planes: ([height, width]: Pair): IntegerLayer[] => [
    {
      kind: 'threshold',
      name: 'values',
      multiples: Uint8Array.of(7, 3),
      bits: Uint8Array.from({ length: height * width * channels }, (_, i) => 1 + ((i >> 1) % 2)),
      thresholds: Int32Array.from({ length: 3 * channels }, (_, i) => 5 * (i % 3) - 4),
      flips: Uint8Array.of(0, 1),
    },
  ],
} as const;

/** @param padding of the convolution before the pool: with 0 rows an image takes no longer than its pixels */
function network(kind: keyof typeof before, [height, width]: Pair, padding = 1): CheckedModel {
  const side = 1 + 2 * padding;
  return checkModel({
    name: 'global',
    input: { shape: [height, width, 2], zeros: Int32Array.of(0, 128) },
    layers: [
      {
        kind: 'conv',
        name: 'conv',
        strides: [1, 1],
        padding: [padding, padding, padding, padding],
        weights: weights([channels, side, side, 2]),
      },
      ...before[kind]([height, width]),
      { kind: 'sumPool', name: 'average', size: [height, width], strides: [1, 1] },
      { kind: 'dense', name: 'dense', weights: weights([2, channels]) },
    ],
    scoreFactor: 1,
    scoreOffsets: Int32Array.of(1, -2),
    classes: ['a', 'b'],
  });
}

const folds = { conv: { pe: 1, simd: 9 }, dense: { pe: 1, simd: 1 } };

const sumsOf = ({ layers }: FoldedDesign): AccumulateUnit | undefined =>
  layers.flatMap(({ units }) => units).find((unit) => unit.kind === 'accumulate');

describe('a sum pool over the whole map', () => {
  const cases: [keyof typeof before, Pair, FoldedOptions][] = [
    ['numbers', [3, 2], { style: 'gates' }],
    ['planes', [2, 3], { style: 'xc7', maxLevels: 4 }],
  ];
  it.each(cases)('adds up %s of %j as they come, with %j', async (kind, size, o) => {
    const model = network(kind, size);
    const design = foldedDesign(model, { ...o, folds });
    expect(sumsOf(design)?.pixels).toBe(6);
    const files = verilogFiles(design);
    expect((await verify(model, design, files, { images: 16 })).equal).toBe(true);
    const { proved, layers } = await prove(model, design, files);
    const average = layers.find(({ layer }) => layer === 'average');
    expect(average).toMatchObject({ method: 'adders', proved: channels });
    expect(proved).toBe(true);
  });

  it('finds a sum that does not start from 0', async () => {
    const model = network('numbers', [2, 2]);
    const design = foldedDesign(model, { folds });
    const files = { ...verilogFiles(design) };
    files['average.v'] = files['average.v'].replace('!aresetn | give', '!aresetn');
    expect((await verify(model, design, files, { images: 4 })).equal).toBe(false);
    expect((await prove(model, design, files)).proved).toBe(false);
  });

  it('stays a window where its pixels alone would take longest', () => {
    const design = foldedDesign(network('numbers', [3, 2], 0), {
      folds: { conv: 'constant', dense: 'constant' },
    });
    expect(sumsOf(design)).toBeUndefined();
    expect(design.cyclesPerImage).toBe(6);
  });
});
