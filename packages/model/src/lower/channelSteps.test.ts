import { describe, expect, it } from 'vitest';
import type { TrainedLayer } from '../trainedModel.ts';
import { channelSteps } from './channelSteps.ts';

/** Largest values of two channels; the layer's is 1, so that its step is 1 / 255. */
const largestValues = [1, 0.01];
const step = 1 / 255;

/** A ReLU, and layers that read it one after the other. */
const stepsBefore = (...behind: TrainedLayer[]): number | Float64Array => {
  const layers: TrainedLayer[] = [{ kind: 'relu', name: 'r', ceiling: 1 }, ...behind];
  const readers = layers.map((_, i) => (i + 1 < layers.length ? [i + 1] : []));
  return channelSteps(step, 1, largestValues, layers, readers, 0);
};

const dense = (...weights: number[]): TrainedLayer => ({
  kind: 'dense',
  name: 'd',
  weights: { kind: 'float', tensor: { shape: [1, 2], data: Float32Array.from(weights) } },
});

const affine = (...scales: number[]): TrainedLayer => ({
  kind: 'affine',
  name: 'n',
  scales: Float64Array.from(scales),
  offsets: new Float64Array(scales.length),
});

describe('channels behind a ReLU', () => {
  it('share a step where what reads them leaves small ones small', () => {
    expect(stepsBefore(dense(1, 1))).toBe(step);
    expect(stepsBefore(affine(1, 1), dense(1, 1))).toBe(step);
  });

  it('get steps of their own, twice their largest over 255, where that makes them large again', () => {
    const wanted = [step, 0.02 * step];
    for (const steps of [
      stepsBefore(dense(1, 100)),
      stepsBefore(affine(1, 100), dense(1, 1)),
      stepsBefore(affine(1, -100), { kind: 'flatten', name: 'f' }, dense(1, 1)),
    ]) {
      expect(steps).toBeInstanceOf(Float64Array);
      [...(steps as Float64Array)].forEach((each, c) => {
        expect(each).toBeCloseTo(wanted[c], 12);
      });
    }
  });

  it('share a step where something else than float weights reads them', () => {
    expect(stepsBefore({ kind: 'relu', name: 's', ceiling: 1 }, dense(1, 100))).toBe(step);
    expect(stepsBefore()).toBe(step);
  });
});
