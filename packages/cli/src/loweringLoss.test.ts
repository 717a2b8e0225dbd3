import { binarize, floatTensor, parseMix, selectBits } from '@hbnn/core';
import type { TrainedLayer } from '@hbnn/model';
import { describe, expect, it } from 'vitest';
import { layersWithoutNorm, lossNote } from './loweringLoss.ts';

const tensor = floatTensor(Float32Array.of(1, -2, 3, -4), [2, 2]);
const residual = binarize(tensor, selectBits(tensor, { mix: parseMix('0/1'), select: 'top-down' }));
const binary = (name: string, from?: string): TrainedLayer => ({
  kind: 'dense',
  name,
  weights: { kind: 'residual', residual },
  ...(from !== undefined && { from }),
});
const affine = (name: string, scale: number, from?: string): TrainedLayer => ({
  kind: 'affine',
  name,
  scales: Float64Array.of(scale, 1),
  offsets: Float64Array.of(0, 1),
  ...(from !== undefined && { from }),
});
const relu = (name: string): TrainedLayer => ({ kind: 'relu', name });

describe('layersWithoutNorm', () => {
  it('names binarized layers with a bias alone behind them, but not the last one', () => {
    const layers = [
      binary('a'),
      affine('a_bias', 1),
      relu('r'),
      binary('b'),
      relu('s'),
      affine('norm', 0.5),
      binary('c'),
    ];
    expect(layersWithoutNorm(layers)).toEqual(['a']);
  });

  it('follows branches', () => {
    const layers: TrainedLayer[] = [
      binary('a'),
      binary('b', 'a'),
      affine('norm', 2, 'a'),
      { kind: 'add', name: 'sum', inputs: ['b', 'norm'] },
      binary('scores'),
    ];
    expect(layersWithoutNorm(layers)).toEqual(['b']);
  });

  it('leaves layers of float weights out', () => {
    const float: TrainedLayer = { kind: 'dense', name: 'f', weights: { kind: 'float', tensor } };
    expect(layersWithoutNorm([float, binary('scores')])).toEqual([]);
  });
});

describe('lossNote', () => {
  const layers = [binary('a'), binary('scores')];
  const accuracy = { top1Before: 0.9, top1After: 0.854, images: 500 };
  const change = { otherClass: 31, meanDifference: 0.084, largestDifference: 0.452, image: 17 };

  it('names what lowering costs, the layers and the ways out', () => {
    expect(lossNote(accuracy, change, layers, 4)).toBe(
      "the integer model has top-1 85.4 % on 500 images, 4.6 points below the trained network's 90.0 %, and gives 31 of 500 images another class than the trained network, with scores that are 8.4 % of the largest off in the mean and up to 45.2 %; put a batch norm behind the binarized layers that have none ('a'), whose sums lie close to thresholds without it, and fine-tune the network, or lower it with --scale-bits 8, or see with 'hbnn compare' which layer differs first",
    );
  });

  it('names no finer scales where they are the finest, and no batch norm where each layer has one', () => {
    expect(lossNote(accuracy, change, [binary('scores')], 8)).toMatch(
      /45\.2 %; see with 'hbnn compare' which layer differs first$/,
    );
  });

  it('names classes that change where gains make up for losses', () => {
    expect(lossNote({ ...accuracy, top1After: 0.9 }, change, layers, 4)).toMatch(
      /^the integer model gives 31 of 500 images another class than the trained network, with scores/,
    );
  });

  it('names one score that is far off, where no class changes', () => {
    expect(
      lossNote({ ...accuracy, top1After: 0.9 }, { ...change, otherClass: 0 }, layers, 4),
    ).toMatch(/^the integer model gives 0 of 500 images another class .* and up to 45\.2 %;/);
  });

  it('says nothing of a small loss, or of a gain, where scores stay about the same', () => {
    const few = { ...change, otherClass: 9, largestDifference: 0.128 };
    expect(lossNote({ ...accuracy, top1After: 0.885 }, few, layers, 4)).toBeUndefined();
    expect(lossNote({ ...accuracy, top1After: 1 }, few, layers, 4)).toBeUndefined();
  });
});
