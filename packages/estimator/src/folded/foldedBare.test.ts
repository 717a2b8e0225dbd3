import { parseMix } from '@hbnn/core';
import { census, randomModel } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { device } from '../devices.ts';
import { estimateFolded, largestFolded } from './folded.ts';
import { bareCoefficients } from './foldedBare.ts';
import { foldedLayers } from './folding.ts';

/**
 * `hbnn random --seed SEED --layer … --mix … --input-mix …`, `hbnn verilog --style folded` with that PE and SIMD, and
 * LUTs and flip-flops of `hbnn synth --target ice40`; Yosys 0.55.
 */
const fitted = [
  ['dense:8x4', '1', '1', 1, 1, 129, 143],
  ['dense:8x4', '1', '1', 4, 4, 178, 157],
  ['dense:72x8', '0.7/0.2/0.1', '1', 4, 9, 1336, 960],
  ['dense:72x8', '1', '1', 4, 9, 763, 725],
  ['dense:48x4', '1', '1', 2, 12, 459, 378],
  ['dense:144x16', '1', '1', 8, 36, 2257, 1956],
  ['dense:64x16', '1', '0/1', 4, 16, 1260, 1763],
  ['conv:4x5x4,k3x3,o6,s1,p1', '1', '1', 2, 4, 510, 504],
  ['conv:8x8x8,k3x3,o16,s1,p1', '0.7/0.2/0.1', '1', 4, 18, 2100, 1956],
  ['conv:8x8x8,k3x3,o16,s1,p1', '1', '1', 4, 18, 1192, 1370],
  ['conv:6x6x4,k3x3,o8,s1,p0', '1', '0/1', 2, 12, 622, 730],
  ['conv:10x10x8,k3x3,o8,s1,p1', '1', '1', 8, 24, 1349, 932],
] as const;
/** Weights of more than a block: tables where `hbnn synth` counts, blocks in the estimate. */
const inBlocks = [
  ['dense:144x16', '0.7/0.2/0.1', '1', 4, 12, 3005, 2342],
  ['dense:144x16', '0/1', '1', 4, 36, 2385, 2106],
] as const;
/** A design of seed 305, made after the coefficients. */
const others = [
  ['dense:96x12', '1', '1', 4, 24, 1170, 1175],
  ['dense:60x10', '0.7/0.2/0.1', '0/1', 2, 20, 1613, 1675],
  ['conv:6x10x6,k3x3,o12,s1,p1', '0/1', '1', 3, 18, 1155, 1110],
  ['dense:36x6', '0/1', '1', 6, 6, 642, 532],
] as const;

const hx8k = device('hx8k');
const layersOf = (seed: number, layer: string, mix: string, inputMix: string) =>
  foldedLayers(
    census(randomModel(seed, { layer, mix: parseMix(mix), inputMix: parseMix(inputMix) })),
  );

describe('folded designs without a platform', () => {
  it.each([
    ...fitted.map((row) => [201, ...row] as const),
    ...others.map((row) => [305, ...row] as const),
  ])('seed %i, %s, %s bits, inputs %s, on %i x %i are as synthesized', (...row) => {
    const [seed, layer, mix, inputMix, pe, simd, luts, flipFlops] = row;
    const found = estimateFolded(layersOf(seed, layer, mix, inputMix), [{ pe, simd }], hx8k, 12e6);
    expect(Math.abs(found.luts.value / luts - 1)).toBeLessThan(0.3);
    expect(Math.abs(found.flipFlops.value / flipFlops - 1)).toBeLessThan(0.25);
    for (const [{ low, high }, counted] of [
      [found.luts, luts],
      [found.flipFlops, flipFlops],
    ] as const)
      expect(low <= counted && counted <= high).toBe(true);
    expect(found).toMatchObject({ fits: true, dsps: { value: 0, source: 'counted' } });
    expect(found.memoryBlocks.value).toBe(0);
    expect(found.luts.from).toContain('without a platform');
    expect(found.unknown.platform).toContain('not in the figures');
  });

  it.each(inBlocks)('%s, %s bits, inputs %s, on %i x %i have weights in blocks', (...row) => {
    const [layer, mix, inputMix, pe, simd, luts, flipFlops] = row;
    const layers = layersOf(201, layer, mix, inputMix);
    const found = estimateFolded(layers, [{ pe, simd }], hx8k, 12e6);
    const [{ matrixWidth, matrixHeight, weightBits }] = layers;
    const weights = matrixWidth * matrixHeight * weightBits;
    const wide = Math.ceil((pe * simd * weightBits) / 16);
    expect(found.memoryBlocks.value).toBe(Math.max(Math.ceil(weights / 4096), wide));
    // With the same weights as tables, as synthesis has them.
    const tables = found.luts.value + bareCoefficients.lutsPerWeightBit * weights;
    expect(Math.abs(tables / luts - 1)).toBeLessThan(0.3);
    expect(Math.abs(found.flipFlops.value / flipFlops - 1)).toBeLessThan(0.25);
  });

  it.each(['up5k', 'hx8k', 'ecp5'])('are found as large as %s allows', (name) => {
    const small = largestFolded(layersOf(1, 'dense:8x4', '1', '1'), device(name), 12e6);
    expect(small).toMatchObject({ fits: true, folds: [{ pe: 4, simd: 8 }] });
    const large = largestFolded(layersOf(1, 'dense:144x32', '1', '1'), device(name), 12e6);
    expect(large.fits).toBe(true);
    expect(large.occupancy.luts).toBeGreaterThan(0.05);
  });
});
