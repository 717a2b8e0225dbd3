import { type FoldTable, foldedDesign } from '@hbnn/circuit';
import { distFromAverage, parseMix } from '@hbnn/core';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { estimateRtl } from './estimateRtl.ts';
import { foldsWithinLuts } from './rtlFolds.ts';

const design = (model: CheckedModel, folds: FoldTable = {}) =>
  foldedDesign(model, { style: 'xc7', folds });

/**
 * What `hbnn synth --target xc7 --yosys native` (Yosys 0.23) counts of designs that no coefficient was fitted to: LUTs,
 * flip-flops, block RAMs and tables of distributed RAM.
 */
const measured: readonly (readonly [
  name: string,
  model: () => CheckedModel,
  folds: FoldTable,
  counts: readonly [number, number, number, number],
])[] = [
  ['three dense layers', () => randomModel(103), {}, [4903, 6787, 0, 0]],
  [
    'a dense layer on one lane, thresholds and a pool',
    () => randomModel(107),
    {},
    [1485, 4793, 0, 0],
  ],
  ['depthwise, requantized', () => randomModel(112), {}, [872, 962, 0, 48]],
  ['branches', () => randomModel(8, { branches: true }), {}, [2561, 4498, 0, 72]],
  [
    '1.4 bits, dense',
    () => randomModel(1, { layer: 'dense:144x16', mix: parseMix('0.7/0.2/0.1') }),
    { layer: { pe: 4, simd: 12 } },
    [1792, 2228, 0, 0],
  ],
  [
    '1 bit, padded convolution',
    () =>
      randomModel(2, {
        layer: 'conv:8x8x16,k3x3,o16,p1',
        mix: distFromAverage(1),
        mapPer: 'position',
      }),
    { layer: { pe: 4, simd: 16 } },
    [849, 1647, 0, 24],
  ],
];

describe('estimateRtl', () => {
  it.each(measured)('%s: is within its bands', (_, model, folds, counts) => {
    const { luts, flipFlops, blockRams, memoryLuts } = estimateRtl(design(model(), folds), 'xc7');
    const found = [luts, flipFlops, blockRams, memoryLuts];
    counts.forEach((count, i) => {
      expect(found[i].low).toBeLessThanOrEqual(count);
      expect(found[i].high).toBeGreaterThanOrEqual(count);
    });
  });

  it('says an energy from cycles, tables and blocks, where powers of the family are known', () => {
    const made = design(measured[0][1](), measured[0][2]);
    const { luts, memoryLuts, blockRams, energyPerImageJ, unknown } = estimateRtl(made, 'xc7');
    const { lutJ, blockJ } = { lutJ: 0.39e-12, blockJ: 18.5e-12 };
    const perCycle = (luts.value + memoryLuts.value) * lutJ + (blockRams.value / 2) * blockJ;
    expect(energyPerImageJ?.value).toBeCloseTo(made.cyclesPerImage * perCycle, 15);
    expect(energyPerImageJ?.source).toBe('unverified');
    expect(energyPerImageJ?.low).toBeLessThan(0.5 * (energyPerImageJ?.value ?? 0));
    expect(unknown).toEqual({});
  });

  it('counts each layer, so that the layers add up to the whole', () => {
    const { layers, luts, flipFlops } = estimateRtl(design(randomModel(103)), 'xc7');
    expect(layers.map(({ layer }) => layer)).toEqual([
      'layer1',
      'layer2',
      'layer3',
      'layer4',
      'layer5',
      'layer6',
      'scores',
    ]);
    expect(layers.reduce((sum, layer) => sum + layer.luts, 0)).toBeCloseTo(luts.value, 6);
    expect(layers.reduce((sum, layer) => sum + layer.flipFlops, 0)).toBe(flipFlops.value);
  });

  it('counts a layer of many classes, whose scores follow each other', () => {
    const model = randomModel('5', { layer: 'dense:144x100', mix: parseMix('0.7/0.2/0.1') });
    const { luts, flipFlops } = estimateRtl(design(model, { layer: { pe: 4, simd: 18 } }), 'xc7');
    // hbnn synth counts 1,140 LUTs and 1,022 flip-flops.
    expect(Math.abs(luts.value / 1140 - 1)).toBeLessThan(0.05);
    expect(Math.abs(flipFlops.value / 1022 - 1)).toBeLessThan(0.01);
  });

  it('refuses a family that nothing was synthesized for, and a design in another style', () => {
    const plain = foldedDesign(randomModel(112));
    expect(() => estimateRtl(plain, 'gowin')).toThrow(
      'expected a family whose Verilog was synthesized (xc7, ecp5, ice40), got gowin',
    );
    expect(() => estimateRtl(plain, 'xc7')).toThrow("style 'xc7' for xc7, got 'gates'");
  });
});

describe('foldsWithinLuts', () => {
  const model = randomModel(1, { layer: 'dense:144x16', mix: parseMix('0.7/0.2/0.1') });
  const estimated = (folds: FoldTable): number => {
    const { luts, memoryLuts } = estimateRtl(design(model, folds), 'xc7');
    return luts.value + memoryLuts.value;
  };

  it('fills what is asked for by the estimate, and never goes beyond', () => {
    const folds = [1800, 2400].map((luts) => {
      const found = foldsWithinLuts(model, luts, 'xc7');
      expect(found.luts).toBe(estimated(found.folds));
      expect(found.luts).toBeLessThanOrEqual(luts);
      return found;
    });
    for (const [i, { cyclesPerImage }] of folds.entries())
      if (i > 0) expect(cyclesPerImage).toBeLessThanOrEqual(folds[i - 1].cyclesPerImage);
  });

  it('refuses what no design that was tried keeps to, with the smallest', () => {
    expect(() => foldsWithinLuts(model, 100, 'xc7', '--luts')).toThrow(
      /^--luts: expected at least \d+, the LUTs that the smallest design is estimated to take, got 100; give \d+ or more$/,
    );
  });
});
