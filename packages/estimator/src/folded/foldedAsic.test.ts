import { readFileSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { readLiberty } from '../cells/liberty/liberty.ts';
import { builtInTechnology, libertyTechnology } from '../cells/technology.ts';
import type { Quantity } from '../quantity.ts';
import { finnNetworks } from './finnNetworks.ts';
import { estimateFoldedAsic } from './foldedAsic.ts';
import type { FoldedLayer } from './folding.ts';

const cells = builtInTechnology(45);
const [cnv] = finnNetworks;

/** fJ per operation: XNORBIN (65 nm, 0.8 V), XNE (22 nm, 0.4 V), BrainTTA binary. */
const published = [10.5, 21.6, 35];

describe('folded designs in cells', () => {
  it('lie in the band of published binary silicon, CNV at 45 nm', () => {
    const { energyPerOperationJ } = estimateFoldedAsic(cnv.layers, cnv.folds, cells, 2e8);
    const femto = 1e15 * (energyPerOperationJ?.value ?? 0);
    expect(femto).toBeGreaterThan(Math.min(...published));
    expect(femto).toBeLessThan(Math.max(...published));
  });

  it('bracket XNORBIN at its own process and voltage', () => {
    const at65 = builtInTechnology(65, 0.8);
    const { energyPerOperationJ, logicPerFrameJ, energyPerFrameJ } = estimateFoldedAsic(
      cnv.layers,
      cnv.folds,
      at65,
      2e8,
    );
    const whole = 1e15 * (energyPerOperationJ?.value ?? 0);
    const logic = (whole * logicPerFrameJ.value) / (energyPerFrameJ?.value ?? 1);
    // It keeps its weights where they are used: between logic alone and weights read for every place.
    expect(logic).toBeLessThan(published[0]);
    expect(whole).toBeGreaterThan(published[0]);
  });

  it.each(finnNetworks)('have every figure above 0 in its band, $name', ({ layers, folds }) => {
    const found = estimateFoldedAsic(layers, folds, cells, 1e8);
    const figures = Object.values(found).filter(
      (one): one is Quantity => typeof one === 'object' && 'from' in one,
    );
    expect(figures.length).toBeGreaterThanOrEqual(10);
    for (const { value, low, high, from } of figures) {
      expect(value).toBeGreaterThan(0);
      expect([low <= value, value <= high, from.length > 0]).toEqual([true, true, true]);
    }
  });

  it('say so where a library has no flip-flop that registers are built of', () => {
    const text = readFileSync(new URL('../../test/small.lib', import.meta.url), 'utf8');
    const scan = text.replace('"D"', '"SE SI + !SE D"').replace('pin (D)', 'pin (D, SI, SE)');
    expect(scan).not.toBe(text);
    const fromOf = (library: string): string => {
      const technology = libertyTechnology([readLiberty(library, 'l.lib')]);
      return estimateFoldedAsic(cnv.layers, cnv.folds, technology, 1e8).gates.from;
    };
    expect(fromOf(text)).not.toContain('flip-flops of');
    expect(fromOf(scan)).toContain('flip-flops of 5.7 GE, as in open libraries: small has none');
  });

  it('take more with width, bits and parallelism', () => {
    const [, layer] = cnv.layers;
    const of = (change: Partial<FoldedLayer>, pe = 8, simd = 8): number =>
      estimateFoldedAsic([{ ...layer, ...change }], [{ pe, simd }], cells, 1e8).areaUm2?.value ?? 0;
    expect(of({ weightBits: 2 })).toBeGreaterThan(of({}));
    expect(of({ inputBits: 2 })).toBeGreaterThan(of({}));
    expect(of({ matrixWidth: 2 * layer.matrixWidth })).toBeGreaterThan(of({}));
    expect(of({}, 16)).toBeGreaterThan(of({}));
    expect(of({}, 8, 16)).toBeGreaterThan(of({}));
  });

  it('say that memories of a cell library are unknown', () => {
    const text = readFileSync(new URL('../../test/small.lib', import.meta.url), 'utf8');
    const own = libertyTechnology([readLiberty(text, 'small.lib')]);
    const found = estimateFoldedAsic(cnv.layers, cnv.folds, own, 1e8);
    expect(found.logicUm2.value).toBe(found.gates.value * own.gateUm2.value);
    expect(found.energyPerFrameJ).toBeUndefined();
    expect(found.unknown.memory).toContain('no memories');
  });

  it('refuse a fold and a clock that are none', () => {
    const at = (pe: number, clockHz: number) => () =>
      estimateFoldedAsic([cnv.layers[0]], [{ pe, simd: 3 }], cells, clockHz);
    expect(at(5, 1e8)).toThrow(HbnnError);
    expect(at(4, 0)).toThrow(/clock/);
  });
});
