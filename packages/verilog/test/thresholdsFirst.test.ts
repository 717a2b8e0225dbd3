import { type FoldedDesign, foldedDesign, unrolledDesign } from '@hbnn/circuit';
import { random } from '@hbnn/core';
import {
  type CheckedModel,
  checkModel,
  type FeatureShape,
  featureCount,
  type IntegerLayer,
} from '@hbnn/model';
import { prove, verify, verilogFiles } from '@hbnn/verilog';
import { describe, expect, it } from 'vitest';

/** `pnpm --filter @hbnn/verilog designs`: unrolled hardware of every kind of pool in both styles. */
const all = process.env.HBNN_DESIGNS === 'all';
const styles = ['gates', 'xc7'] as const;

interface Pool {
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: readonly [number, number, number, number];
}

type Planes = 'the same everywhere' | 'per channel' | 'per element';

/** A convolution, a max pool and thresholds with any tree, some turned round, and a dense layer that reads the planes. */
function pooled(seed: number, pool: Pool, multiples: readonly number[], by: Planes): CheckedModel {
  const rng = random(seed, 'pooled');
  const channels = 4;
  const weights = (outputs: number, rest: readonly number[]): IntegerLayer & { kind: 'dense' } => {
    const shape = [outputs, ...rest];
    const count = shape.reduce((product, n) => product * n, 1);
    const values = Int8Array.from({ length: count }, () => rng.below(7) - 3);
    return { kind: 'dense', name: 'dense', weights: { kind: 'int8', shape, values } };
  };
  const along = (axis: 0 | 1): number => {
    const padded = 6 - axis + pool.padding[axis] + pool.padding[axis + 2];
    return 1 + Math.floor((padded - pool.size[axis]) / pool.strides[axis]);
  };
  const shape: FeatureShape = [along(0), along(1), channels];
  const planes = multiples.length;
  const own = Uint8Array.from({ length: featureCount(shape) }, () => rng.below(planes + 1));
  const bits = own.map((n, i) =>
    by === 'per element' ? n : by === 'per channel' ? own[i % channels] : planes,
  );
  return checkModel({
    name: `pooled ${seed}`,
    input: { shape: [6, 5, 2], zeros: Int32Array.of(128, 100) },
    layers: [
      {
        kind: 'conv',
        name: 'conv',
        strides: [1, 1],
        padding: [0, 0, 0, 0],
        weights: weights(channels, [1, 1, 2]).weights,
      },
      { kind: 'maxPool', name: 'pool', ...pool },
      {
        kind: 'threshold',
        name: 'bits',
        multiples: Uint8Array.from(multiples),
        bits,
        thresholds: Int32Array.from(
          { length: channels * (2 ** planes - 1) },
          () => rng.below(600) - 300,
        ),
        flips: Uint8Array.from({ length: channels }, (_, c) => (c + seed) & 1),
      },
      weights(3, [featureCount(shape)]),
    ],
    scoreOffsets: new Int32Array(3),
    scoreFactor: 1,
    classes: ['a', 'b', 'c'],
  });
}

const square: Pool = { size: [2, 2], strides: [2, 2], padding: [0, 0, 0, 0] };
const overlapping: Pool = { size: [3, 2], strides: [1, 1], padding: [0, 0, 0, 0] };
const padded: Pool = { size: [3, 3], strides: [2, 2], padding: [1, 1, 1, 1] };

const cases: readonly [string, CheckedModel][] = [
  ['one plane', pooled(1, square, [1], 'the same everywhere')],
  ['two planes, windows that overlap', pooled(2, overlapping, [2, 1], 'per channel')],
  ['three planes of any order, padding', pooled(3, padded, [1, 5, 2], 'per channel')],
  ['planes per element, padding', pooled(4, padded, [4, 2, 1], 'per element')],
  ['planes per element, equal factors', pooled(5, overlapping, [1, 1], 'per element')],
];

const orderOf = ({ layers }: FoldedDesign): string[] => layers.map(({ layer }) => layer);

describe('thresholds behind a max pool', () => {
  it.each(cases)('are before it in folded hardware: %s', async (name, model) => {
    const at = cases.findIndex(([other]) => other === name);
    for (const style of all ? styles : [styles[at % 2]]) {
      const design = foldedDesign(model, { style });
      expect(orderOf(design)).toEqual(['conv', 'bits', 'pool', 'dense']);
      const result = await verify(model, design, verilogFiles(design), { images: 128 });
      expect(result.difference).toBeUndefined();
      expect(result.equal).toBe(true);
    }
  });

  it('stay behind it where a plane counts for nothing, as codes lack it', () => {
    const design = foldedDesign(pooled(6, square, [2, 0, 1], 'the same everywhere'));
    expect(orderOf(design)).toEqual(['conv', 'pool', 'bits', 'dense']);
  });

  it('are before it in unrolled hardware where that takes less and codes are in order, and are proved', async () => {
    const more = [
      [pooled(9, square, [2, 1], 'the same everywhere'), true],
      [pooled(3, padded, [1, 5, 2], 'per channel'), false],
      [pooled(4, padded, [4, 2, 1], 'per element'), false],
    ] as const;
    const ways = [
      [pooled(1, square, [1], 'the same everywhere'), true],
      [pooled(8, square, [4, 2, 1], 'the same everywhere'), false],
      ...(all ? more : []),
    ] as const;
    for (const [model, first] of ways)
      for (const style of all ? styles : (['gates'] as const)) {
        const design = unrolledDesign(model, { style });
        expect(design.layers.map(({ layer }) => layer).indexOf('bits'), model.name).toBe(
          first ? 1 : 2,
        );
        const files = verilogFiles(design);
        expect(files['bits.v'].includes('// Thresholds before the max pool')).toBe(first);
        const result = await verify(model, design, files, { images: 128 });
        expect(result.difference).toBeUndefined();
        expect(result.equal).toBe(true);
        if (!first || style === 'xc7') continue;
        const proof = await prove(model, design, files);
        expect(proof).toMatchObject({ proved: true });
        const broken = files['pool.v'].replace(/assign y = \{/, 'assign y = ~{');
        expect(broken).not.toBe(files['pool.v']);
        const disproof = await prove(model, design, { ...files, 'pool.v': broken });
        expect(disproof.disproof).toMatchObject({ layer: 'pool' });
      }
  });

  it('are named where they are wrong, and so is the pool', async () => {
    const [, model] = cases[0];
    const design = foldedDesign(model);
    const files = verilogFiles(design);
    const broken = async (name: string, from: RegExp, to: string) => {
      const text = files[name].replace(from, to);
      expect(text).not.toBe(files[name]);
      return verify(model, design, { ...files, [name]: text }, { images: 64 });
    };
    expect(await broken('bits.v', /assign y = \{/, 'assign y = ~{')).toMatchObject({
      difference: { layer: 'bits' },
    });
    expect(await broken('pool.v', /assign y = \{/, 'assign y = ~{')).toMatchObject({
      difference: { layer: 'pool' },
    });
  });
});
