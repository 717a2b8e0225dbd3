import { type Random, random } from '@hbnn/core';
import { type CheckedModel, checkModel } from '@hbnn/model';

/** Channels of a layer: with one multiplying unit per output, each pixel comes in so many groups. */
const channels = 24;

/** Random weights from −7 to 7. */
const weights = (rng: Random, shape: readonly number[]) => ({
  kind: 'int8' as const,
  shape,
  values: Int8Array.from(
    { length: shape.reduce((product, n) => product * n, 1) },
    () => rng.below(15) - 7,
  ),
});

/**
 * A small network whose circuit works group by group where it has few multiplying units: a convolution, thresholds of 2
 * bits, a dense layer, scaling to 8 bits, and a dense layer of 3 scores.
 */
export function groupedModel(seed: number): CheckedModel {
  const rng = random(seed, 'grouped network');
  return checkModel({
    name: `grouped ${seed}`,
    input: { shape: [2, 3, 2], zeros: Int32Array.of(128, 100) },
    layers: [
      {
        kind: 'conv',
        name: 'first',
        strides: [1, 1],
        padding: [0, 0, 0, 0],
        weights: weights(rng, [channels, 2, 2, 2]),
      },
      {
        kind: 'threshold',
        name: 'bits',
        multiples: Uint8Array.of(2, 1),
        bits: Uint8Array.from({ length: 2 * channels }, (_, i) => 1 + (i & 1)),
        thresholds: Int32Array.from({ length: 3 * channels }, () => rng.below(1800) - 900),
        flips: Uint8Array.from({ length: channels }, (_, c) => c & 1),
      },
      { kind: 'dense', name: 'second', weights: weights(rng, [channels, 2 * channels]) },
      {
        kind: 'requantize',
        name: 'relu',
        multipliers: Int16Array.from({ length: channels }, () => rng.below(200) - 60),
        offsets: Float64Array.from({ length: channels }, () => rng.below(90_000) - 20_000),
        shifts: Uint8Array.from({ length: channels }, (_, c) => 8 + (c % 2)),
        minimum: 0,
        maximum: 255,
      },
      { kind: 'dense', name: 'last', weights: weights(rng, [3, channels]) },
    ],
    scoreOffsets: Int32Array.of(5, -7, 0),
    scoreFactor: 1,
    classes: ['a', 'b', 'c'],
  });
}
