import { describe, expect, it } from 'vitest';
import type { TrainedModel } from '../trainedModel.ts';
import { checkTrained } from './checkTrained.ts';

const withCeiling = (ceiling: number): TrainedModel => ({
  name: 'net',
  input: { shape: [1, 1, 2], mean: [0, 0], deviation: [1, 1] },
  layers: [{ kind: 'relu', name: 'relu1', ceiling }],
  classes: ['a', 'b'],
});

it.each([0, 6])('takes %d as the largest value of a ReLU', (ceiling) => {
  expect(() => checkTrained(withCeiling(ceiling))).not.toThrow();
});

it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])(
  'refuses %d as the largest value of a ReLU',
  (ceiling) => {
    expect(() => checkTrained(withCeiling(ceiling))).toThrow(/^(layer ')?relu1/);
  },
);

describe('checkTrained', () => {
  const net = withCeiling(1);
  const affine = { kind: 'affine', name: 'norm', scales: Float64Array.of(1, 2) } as const;

  it.each([[[]], [[0]], [[0, 0, 0]]])('refuses offsets %j beside two scales', (offsets) => {
    const layers = [{ ...affine, offsets: Float64Array.from(offsets) }];
    expect(() => checkTrained({ ...net, layers })).toThrow(
      `layer 'norm': expected 2 offsets, one for each scale, got ${offsets.length}; give one for each, 0 where nothing is added`,
    );
  });

  it.each(['gelu', 'maxpool', undefined])('refuses a layer of kind %s by name', (kind) => {
    const layers = [{ kind, name: 'act' }] as unknown as TrainedModel['layers'];
    expect(() => checkTrained({ ...net, layers })).toThrow(
      new RegExp(`^layer 'act': expected one of the kinds conv, .*, got '${kind}'; `),
    );
  });

  it.each([0, -1, 1e-30, 50, Number.NaN])('refuses a deviation of %d', (deviation) => {
    const input = { ...net.input, deviation: [1, deviation] };
    expect(() => checkTrained({ ...net, input })).toThrow(
      `lower: input of net: expected normalization.deviation from 0.000001 to 1, as pixels from 0 to 1 have, got ${deviation} for channel 1; `,
    );
  });

  it.each([-0.5, 127, Number.NaN])('refuses a mean of %d', (mean) => {
    const input = { ...net.input, mean: [0, mean] };
    expect(() => checkTrained({ ...net, input })).toThrow(
      `lower: input of net: expected normalization.mean from 0 to 1, as pixels from 0 to 1 have, got ${mean} for channel 1; `,
    );
  });
});

it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])(
  'refuses %d as the largest output of a layer',
  (largest) => {
    const { layers, ...model } = withCeiling(6);
    const measured = layers.map((layer) => ({ ...layer, largest }));
    expect(() => checkTrained({ ...model, layers: measured })).toThrow(/relu1.*largest output/);
  },
);
