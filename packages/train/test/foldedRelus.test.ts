import { useBackend } from '@hbnn/train';
import type * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { compared, L, loweredOwn, meet, type OwnModel, type Tensor, through } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const shape = [10, 9, 2] as const;
const convolution = (name: string, more: object = {}): tfl.layers.Layer =>
  L.conv2d({ name, filters: 5, kernelSize: 3, activation: 'relu', ...more });
const first = (): tfl.layers.Layer => convolution('c1', { inputShape: [...shape] });
const norm = (name = 'n'): tfl.layers.Layer => L.batchNormalization({ name });
const pool = (): tfl.layers.Layer => L.maxPooling2d({ name: 'pool', poolSize: 2 });
const scores = (): tfl.layers.Layer[] => [
  L.flatten({ name: 'flat' }),
  L.dense({ name: 'out', units: 4 }),
];
const branches =
  (join: (start: Tensor, side: Tensor) => Tensor) =>
  (input: Tensor): Tensor => {
    const start = through(input, convolution('c1'));
    return join(start, through(start, convolution('c2', { padding: 'same' })));
  };
const concat = (...inputs: Tensor[]): Tensor =>
  meet(L.concatenate({ name: 'both', axis: -1 }), ...inputs);

/** Networks with something between a ReLU and the binarization behind it that keeps or turns round the order of values. */
const exact: readonly [string, OwnModel['layers']][] = [
  ['batch norm', [first(), norm(), convolution('c2'), ...scores()]],
  ['batch norm and max pooling', [first(), norm(), pool(), convolution('c2'), ...scores()]],
  ['max pooling and batch norm', [first(), pool(), norm(), convolution('c2'), ...scores()]],
  [
    'relu6, batch norm and another ReLU',
    [
      convolution('c1', { inputShape: [...shape], activation: 'relu6' }),
      norm(),
      L.reLU({ name: 'r', maxValue: 0.5 }),
      norm('n2'),
      pool(),
      ...scores(),
    ],
  ],
  ['batch norm of a flattened map', [first(), L.flatten({ name: 'f' }), norm(), scores()[1]]],
  [
    'concatenation of flattened maps',
    branches((start, side) =>
      through(
        concat(
          through(start, L.flatten({ name: 'f1' })),
          through(side, pool(), L.flatten({ name: 'f2' })),
        ),
        scores()[1],
      ),
    ),
  ],
  [
    'concatenation with values that no ReLU has cut off',
    branches((start, side) =>
      through(concat(through(side, norm()), start), pool(), convolution('c3'), ...scores()),
    ),
  ],
];

/** Scores are binarized sums with biases: float32 rounding is all that is left. */
const tolerance = 1e-3;

describe('a ReLU is taken into thresholds through what keeps the order of values', () => {
  it.each(exact)('%s', async (_, layers) => {
    const lowered = await loweredOwn({ shape, layers, skip: [] });
    expect(lowered.integer.layers.map(({ kind }) => kind)).not.toContain('requantize');
    const { difference, agree } = await compared(lowered);
    expect(difference).toBeLessThan(tolerance);
    expect(agree).toBe(1);
    expect(lowered.notes.filter((note) => /rounded before/.test(note))).toEqual([]);
  });
});

describe('lower says where a binarization reads rounded values', () => {
  const average = (): tfl.layers.Layer => L.averagePooling2d({ name: 'average', poolSize: 2 });
  it.each<[string, OwnModel['layers'], string, string]>([
    [
      'average pooling behind a ReLU',
      [first(), average(), norm(), ...scores()],
      'out_input',
      "'c1_activation'",
    ],
    [
      'a sum behind a ReLU',
      branches((start, side) =>
        through(meet(L.add({ name: 'sum' }), start, side), pool(), ...scores()),
      ),
      'out_input',
      "'c1_activation', 'c2_activation'",
    ],
  ])('%s', async (_, layers, reader, rounding) => {
    const { notes } = await loweredOwn({ shape, layers, skip: [] });
    const rounded = notes.filter((note) => /rounded before/.test(note));
    expect(rounded).toHaveLength(1);
    expect(rounded[0]).toContain(`layer '${reader}' binarizes values that`);
    expect(rounded[0]).toContain(`${rounding} rounded before`);
  });

  it('but not of sums that are averaged, or of the pixels', async () => {
    const layers = (input: Tensor): Tensor => {
      const side = through(input, convolution('c1', { activation: 'linear', padding: 'same' }));
      return through(concat(side, input), average(), L.reLU({ name: 'r' }), norm(), ...scores());
    };
    const { notes } = await loweredOwn({ shape, layers, skip: [] });
    expect(notes.filter((note) => /rounded before/.test(note))).toEqual([]);
  });
});
