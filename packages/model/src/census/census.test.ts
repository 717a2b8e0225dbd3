import { HbnnError, parseMix } from '@hbnn/core';
import { describe, expect, it } from 'vitest';
import { type CheckedLayer, type CheckedModel, checkModel } from '../checkModel.ts';
import { type FeatureShape, featureCount } from '../integerModel.ts';
import { randomModel } from '../randomModel.ts';
import { census } from './census.ts';
import type { Operations } from './operations.ts';

const seeds = Array.from({ length: 120 }, (_, seed) => seed);
type Bits = readonly number[] | 'number';

/** A place of the window over the input, or undefined in the padding. */
type Visit = (o: number, y: number, x: number, weight: number, input: number) => void;

/** Walk every product as the interpreter's loops do. */
function eachProduct({ layer, input, output }: CheckedLayer, visit: Visit): void {
  if (layer.kind === 'dense') {
    const [outputs, inputs] = layer.weights.shape;
    for (let o = 0; o < outputs; o++)
      for (let i = 0; i < inputs; i++) visit(o, 0, 0, o * inputs + i, i);
    return;
  }
  if (layer.kind !== 'conv' && layer.kind !== 'depthwise') return;
  const [outputs, kh, kw, inputs] = layer.weights.shape;
  const each = outputs / input[2];
  for (let y = 0; y < output[0]; y++)
    for (let x = 0; x < output[1]; x++)
      for (let o = 0; o < outputs; o++)
        for (let i = 0; i < kh; i++)
          for (let j = 0; j < kw; j++)
            for (let c = 0; c < inputs; c++) {
              const inY = y * layer.strides[0] + i - layer.padding[0];
              const inX = x * layer.strides[1] + j - layer.padding[1];
              if (inY < 0 || inY >= input[0] || inX < 0 || inX >= input[1]) continue;
              const channel = layer.kind === 'conv' ? c : Math.floor(o / each);
              const at = (inY * input[1] + inX) * input[2] + channel;
              visit(o, y, x, ((o * kh + i) * kw + j) * inputs + c, at);
            }
}

function countProducts(plan: CheckedLayer, bits: Bits): { operations: Operations; macs: number } {
  const n = { xnor: 0, popcount: 0, add: 0, compare: 0, multiply: 0 };
  if (!('weights' in plan.layer)) throw new Error('no products');
  const { weights } = plan.layer;
  const widest = new Map<string, { weight: number; input: number }>();
  let macs = 0;
  eachProduct(plan, (o, y, x, weight, input) => {
    macs++;
    const w = weights.kind === 'planes' ? weights.bits[weight] : undefined;
    const b = bits === 'number' ? undefined : bits[input];
    for (let p = 0; p < (w ?? 1); p++)
      for (let q = 0; q < (b ?? 1); q++) {
        if (w !== undefined && b !== undefined) {
          n.xnor++;
          n.popcount++;
        } else if (w === undefined && b === undefined) {
          n.multiply++;
          n.add++;
        } else n.add++;
      }
    if (w === undefined || b === undefined) return;
    const key = `${o} ${y} ${x}`;
    const seen = widest.get(key) ?? { weight: 0, input: 0 };
    // The circuit has the planes of all of an output's weights, those over padding too.
    const row = weights.kind === 'planes' ? weights.bits.length / weights.shape[0] : 0;
    const all = weights.kind === 'planes' ? weights.bits.slice(o * row, (o + 1) * row) : [];
    widest.set(key, { weight: Math.max(...all), input: Math.max(seen.input, b) });
  });
  for (const { weight, input } of widest.values()) n.add += Math.max(0, weight * input - 1);
  return { operations: n, macs };
}

/** The values of a pooling window at each output, as indices of inputs. */
function windows({ layer, input, output }: CheckedLayer): number[][] {
  if (layer.kind !== 'maxPool' && layer.kind !== 'sumPool') throw new Error('no pool');
  const [top, left] = layer.kind === 'maxPool' ? layer.padding : [0, 0];
  const found: number[][] = [];
  for (let y = 0; y < output[0]; y++)
    for (let x = 0; x < output[1]; x++)
      for (let c = 0; c < output[2]; c++) {
        const window: number[] = [];
        for (let i = 0; i < layer.size[0]; i++)
          for (let j = 0; j < layer.size[1]; j++) {
            const inY = y * layer.strides[0] + i - top;
            const inX = x * layer.strides[1] + j - left;
            if (inY >= 0 && inY < input[0] && inX >= 0 && inX < input[1])
              window.push((inY * input[1] + inX) * input[2] + c);
          }
        found.push(window);
      }
  return found;
}

/** The operations of every layer, counted one by one. */
function naive(model: CheckedModel): { operations: Operations; macs: number }[] {
  let bits: Bits = 'number';
  return model.checkedLayers.map((plan) => {
    const { layer, output } = plan;
    const none = { xnor: 0, popcount: 0, add: 0, compare: 0, multiply: 0 };
    const before: Bits = bits;
    if (layer.kind === 'threshold') {
      bits = [...layer.bits];
      return {
        operations: { ...none, compare: bits.reduce((a: number, b: number) => a + b, 0) },
        macs: 0,
      };
    }
    if (layer.kind === 'maxPool') {
      const places = windows(plan);
      if (before !== 'number') {
        const widths = places.map((window) => new Set(window.map((i) => before[i])));
        bits = widths.every(({ size }) => size === 1) ? widths.map(([b]) => b) : 'number';
      }
      const compare = places.reduce((sum, window) => sum + window.length - 1, 0);
      return { operations: { ...none, compare }, macs: 0 };
    }
    bits = 'number';
    if (layer.kind === 'sumPool') {
      const add = windows(plan).reduce((sum, window) => sum + window.length - 1, 0);
      return { operations: { ...none, add }, macs: 0 };
    }
    if (layer.kind === 'requantize') {
      const n = featureCount(output);
      return { operations: { ...none, multiply: n, add: n, compare: 2 * n }, macs: 0 };
    }
    return countProducts(plan, before);
  });
}

describe('census', () => {
  it('counts what a walk over every product, window and value counts', () => {
    const kinds = new Set<string>();
    for (const seed of seeds) {
      const model = randomModel(seed);
      const steps = census(model).steps.slice(1, -1);
      expect(
        steps.map(({ operations, macs }) => ({ operations, macs })),
        `seed ${seed}`,
      ).toEqual(naive(model));
      for (const { kind } of steps) kinds.add(kind);
    }
    expect([...kinds].sort()).toEqual(
      ['conv', 'dense', 'depthwise', 'maxPool', 'requantize', 'sumPool', 'threshold'].sort(),
    );
  });

  it('adds up its steps, and names the pixels and the scores', () => {
    for (const seed of seeds.slice(0, 20)) {
      const model = randomModel(seed);
      const { steps, total } = census(model);
      expect(steps[0].operations.add).toBe(featureCount(model.input.shape));
      expect(steps.at(-1)?.operations.add).toBe(model.scoreOffsets.length);
      for (const name of ['xnor', 'popcount', 'add', 'compare', 'multiply'] as const)
        expect(total[name]).toBe(steps.reduce((sum, step) => sum + step.operations[name], 0));
      expect(total.bitsMoved).toBeGreaterThan(total.bitsStored);
    }
  });

  it('counts a dense layer by hand: 70/20/10 % of 1/2/3 bits over 144 x 16 weights, 1-bit inputs', () => {
    const model = randomModel(1, { layer: 'dense:144x16', mix: parseMix('0.7/0.2/0.1') });
    const layer = census(model).steps[2];
    const weights = 144 * 16;
    const layerBits = model.layers[1];
    if (layerBits.kind !== 'dense' || layerBits.weights.kind !== 'planes') throw new Error('dense');
    const bits = layerBits.weights.bits.reduce((a, b) => a + b, 0);
    expect(bits / weights).toBeCloseTo(1.4, 2);
    expect(layer.operations).toEqual({
      xnor: bits,
      popcount: bits,
      compare: 0,
      multiply: 0,
      add: 16 * (3 * 1 - 1),
    });
    expect(layer.macs).toBe(weights);
    // A sign per bit, and three multiples of 8 bits.
    expect(layer.bitsStored).toBe(bits + 3 * 8);
    expect(layer.widths).toMatchObject({ input: 1, weight: 3 });
    expect(layer.bitsMoved).toBe(144 + layer.bitsStored + 16 * layer.widths.sum);
  });

  it('refuses an unsound model, naming the layer', () => {
    const model = randomModel(3, { layer: 'dense:8x4' });
    const shape: FeatureShape = [1, 1, 9];
    const broken = { ...model, input: { shape, zeros: new Int32Array(9) } };
    expect(() => census(checkModel(broken))).toThrow(HbnnError);
    expect(() => census(checkModel(broken))).toThrow(/input/);
  });
});
