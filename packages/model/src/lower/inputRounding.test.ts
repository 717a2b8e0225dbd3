import { binarize, floatTensor, parseMix, random, selectBits } from '@hbnn/core';
import { expect, it } from 'vitest';
import type { TrainedLayer, TrainedModel, TrainedWeights } from '../trainedModel.ts';
import { lower } from './lower.ts';

/** A dense layer of 2-bit weights, of which the first scale is `ratio` times the second. */
function withScales(ratio: number): TrainedModel {
  const rng = random(ratio, 'scales');
  const data = Float32Array.from(
    { length: 64 },
    () => (rng.below(2) ? 1 : -1) * (ratio + (rng.below(2) ? 1 : -1)),
  );
  const weights = floatTensor(data, [2, 32]);
  const residual = binarize(
    weights,
    selectBits(weights, { mix: parseMix('0/1'), select: 'random' }),
  );
  return {
    name: 'net',
    input: { shape: [1, 1, 32], mean: new Array(32).fill(0), deviation: new Array(32).fill(1) },
    layers: [{ kind: 'dense', name: 'sums', weights: { kind: 'residual', residual } }],
    classes: ['a', 'b'],
  };
}

const notesOf = (ratio: number, scaleBits: number): string[] => {
  const notes: string[] = [];
  lower(withScales(ratio), { scaleBits, onNote: (note) => notes.push(note) });
  return notes;
};

it('says where whole numbers of few bits miss scales by 1 % or more, and the way out', () => {
  const [note, ...others] = notesOf(40, 4);
  expect(others).toEqual([]);
  expect(note).toMatch(
    /^the weight scales of layer 'sums' are [\d.]+ % off as whole numbers of 4 bits/,
  );
  expect(note).toContain('--scale-bits');
});

it('says nothing where they are met', () => {
  expect(notesOf(40, 8)).toEqual([]);
  expect(notesOf(3, 4)).toEqual([]);
});

/** Notes on two sums of float weights, one of which is `ratio` times the largest of the others. */
function floatNotes(ratio: number, isBinarized: boolean): string[] {
  const inputs = 512;
  const rng = random(`${ratio}`, 'floats');
  const data = Float32Array.from({ length: 2 * inputs }, (_, i) =>
    i === 5 ? ratio : rng.uniform() * 2 - 1,
  );
  const float = (values: Float32Array, shape: number[]): TrainedWeights => ({
    kind: 'float',
    tensor: floatTensor(values, shape),
  });
  const behind: TrainedLayer[] = [
    {
      kind: 'binarize',
      name: 'levels',
      map: 'static',
      bits: new Uint8Array(2).fill(1),
      scales: Float32Array.of(1),
    },
    { kind: 'dense', name: 'scores', weights: float(Float32Array.of(1, -1, -1, 1), [2, 2]) },
  ];
  const notes: string[] = [];
  lower(
    {
      name: 'net',
      input: {
        shape: [1, 1, inputs],
        mean: new Array(inputs).fill(0),
        deviation: new Array(inputs).fill(1),
      },
      layers: [
        { kind: 'dense', name: 'sums', weights: float(data, [2, inputs]) },
        ...(isBinarized ? behind : []),
      ],
      classes: ['a', 'b'],
    },
    { onNote: (note) => notes.push(note) },
  );
  return notes;
}

it('says where 8 bits miss float weights because a few are much larger than the rest', () => {
  const off = /^the float weights of layer 'sums' are [\d.]+ % off as weights of 8 bits/;
  expect(floatNotes(30, false)).toEqual([expect.stringMatching(off)]);
  expect(floatNotes(4.5, false)).toEqual([]);
  expect(floatNotes(4.5, true)).toEqual([expect.stringContaining('change levels and with them')]);
  expect(floatNotes(1, true)).toEqual([]);
});
