import { interpreter } from '@hbnn/model';
import { useBackend } from '@hbnn/train';
import type * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { compared, conv, floatScores, head, L, loweredOwn, type OwnModel } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const shape: OwnModel['shape'] = [8, 8, 3];
const first = { inputShape: [...shape] };

describe('an activation at the end', () => {
  const ends: [string, () => tfl.layers.Layer[], number, RegExp][] = [
    ['softmax of the last layer', () => head({ activation: 'softmax' }), 4, /^out: its softmax/],
    ['a softmax layer', () => [...head(), L.softmax({ name: 's' })], 4, /^s: its softmax/],
    [
      'softmax, then dropout',
      () => [...head({ activation: 'softmax' }), L.dropout({ name: 'o', rate: 0.1 })],
      4,
      /^out: its softmax/,
    ],
    ['sigmoid of one', () => head({ units: 1, activation: 'sigmoid' }), 1, /^out: its sigmoid/],
    ['sigmoid of some', () => head({ activation: 'sigmoid' }), 4, /^out: its sigmoid/],
  ];
  it.each(ends)('is left out, and that is said: %s', async (_, end, classes, note) => {
    const layers = [conv('c1', 6, { ...first, activation: 'relu' }), ...end()];
    const lowered = await loweredOwn({ shape, layers, classes });
    expect(lowered.notes).toHaveLength(1);
    expect(lowered.notes[0]).toMatch(note);
    if (classes > 1) {
      expect((await compared(lowered)).agree).toBeGreaterThanOrEqual(0.95);
      return;
    }
    const probabilities = await floatScores(lowered.model, lowered.source);
    const scores = interpreter(lowered.integer).run(lowered.source.pixels);
    const alike = scores.filter((score, i) => score > 0 === probabilities[i] > 0.5).length;
    expect(alike).toBeGreaterThanOrEqual(0.95 * scores.length);
  });

  const others: [string, () => tfl.layers.Layer[], RegExp, number?][] = [
    ['tanh', () => head({ activation: 'tanh' }), /^out: .*tanh/],
    ['swish', () => head({ activation: 'swish' }), /^out: .*swish/],
    [
      'tanh within',
      () => [L.activation({ name: 't', activation: 'tanh' }), ...head()],
      /^t: .*tanh/,
    ],
    ['softplus of one score', () => head({ units: 1, activation: 'softplus' }), /^out: .*softplus/],
    ['softmax per place', () => [conv('c2', 4, { activation: 'softmax' })], /^c2: .*softmax/],
    ['softmax within', () => [L.softmax({ name: 's' }), ...head()], /^s: .*softmax/],
    [
      'one score for two classes',
      () => head({ units: 1, activation: 'sigmoid' }),
      /expected 1 class, one for each score .*got 2 in .*one class, for which a score above 0/,
      2,
    ],
  ];
  it.each(others)('is refused by name: %s', async (_, end, words, classes) => {
    const layers = [conv('c1', 6, { ...first, activation: 'relu' }), ...end()];
    await expect(loweredOwn({ shape, layers, classes })).rejects.toThrow(words);
  });
});
