import type { CheckedModel } from '@hbnn/model';
import { useBackend } from '@hbnn/train';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { compared, L, loweredOwn, meet, type OwnModel, type Tensor, through } from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const shape: OwnModel['shape'] = [8, 8, 3];
const conv = (name: string, filters: number, o: object = {}): tfl.layers.Layer =>
  L.conv2d({ name, filters, kernelSize: 3, padding: 'same', useBias: false, ...o });
const bn = (name: string): tfl.layers.Layer => L.batchNormalization({ name });
const relu = (name: string, o: object = {}): tfl.layers.Layer => L.reLU({ name, ...o });
const add = (name: string, ...inputs: Tensor[]): Tensor => meet(L.add({ name }), ...inputs);
const concat = (name: string, ...inputs: Tensor[]): Tensor =>
  meet(L.concatenate({ name }), ...inputs);
const out = (x: Tensor): Tensor =>
  through(
    x,
    bn('last'),
    L.globalAveragePooling2d({ name: 'average' }),
    L.dense({ name: 'out', units: 4, useBias: false }),
  );

/** A ResNet block: two convolutions, and the input beside them, projected where its shape is another. */
function block(x: Tensor, name: string, filters: number, strides: number): Tensor {
  const main = through(
    x,
    conv(`${name}_c1`, filters, { strides }),
    bn(`${name}_n1`),
    relu(`${name}_r1`),
    conv(`${name}_c2`, filters),
    bn(`${name}_n2`),
  );
  const side =
    strides === 1
      ? x
      : through(x, conv(`${name}_p`, filters, { strides, kernelSize: 1 }), bn(`${name}_np`));
  return through(add(`${name}_add`, main, side), relu(`${name}_r2`));
}

/** An inverted bottleneck of MobileNetV2: wide, depthwise, narrow, with the input beside it. */
function bottleneck(x: Tensor, name: string, filters: number): Tensor {
  const main = through(
    x,
    conv(`${name}_wide`, 3 * filters, { kernelSize: 1 }),
    bn(`${name}_n1`),
    relu(`${name}_r1`, { maxValue: 6 }),
    L.depthwiseConv2d({ name: `${name}_d`, kernelSize: 3, padding: 'same', useBias: false }),
    bn(`${name}_n2`),
    relu(`${name}_r2`, { maxValue: 6 }),
    conv(`${name}_narrow`, filters, { kernelSize: 1 }),
    bn(`${name}_n3`),
  );
  return add(`${name}_add`, main, x);
}

const networks: [string, (x: Tensor) => Tensor][] = [
  [
    'residual blocks with and without projection',
    (x) => {
      const stem = through(x, conv('c0', 6), bn('n0'), relu('r0'));
      return out(block(block(stem, 'a', 6, 1), 'b', 8, 2));
    },
  ],
  [
    'inverted bottlenecks',
    (x) => {
      const stem = through(x, conv('c0', 4, { strides: 2 }), bn('n0'), relu('r0'));
      return out(bottleneck(bottleneck(stem, 'a', 4), 'b', 4));
    },
  ],
  [
    'dense blocks of concatenations',
    (x) => {
      const a = through(x, conv('c0', 4), bn('n0'), relu('r0'));
      const b = concat('cat1', a, through(a, conv('c1', 3), bn('n1'), relu('r1')));
      const c = concat('cat2', b, through(b, conv('c2', 3), bn('n2'), relu('r2')), a);
      return out(through(c, conv('c3', 5), bn('n3'), relu('r3')));
    },
  ],
  [
    'the pixels beside a convolution',
    (x) => {
      const a = add('sum', x, through(x, conv('c0', 3), bn('n0')));
      return out(through(a, relu('r0'), conv('c1', 5)));
    },
  ],
  [
    'the pixels behind a convolution’s channels',
    (x) => out(through(concat('cat', through(x, conv('c0', 4)), x), bn('n'), conv('c1', 5))),
  ],
  [
    'max pooling of both signs on one of two branches',
    (x) => {
      const a = through(x, conv('c0', 6), bn('n0'));
      const pooled = through(a, L.maxPooling2d({ name: 'max', poolSize: 2 }));
      const mean = through(a, L.averagePooling2d({ name: 'mean', poolSize: 2 }));
      return out(add('sum', pooled, mean, through(a, conv('c1', 6, { strides: 2 }))));
    },
  ],
  [
    'flattened branches that meet in a concatenation',
    (x) => {
      const a = through(x, conv('c0', 3, { strides: 2 }), bn('n0'), relu('r0'));
      const flat = through(a, L.flatten({ name: 'f' }));
      const both = concat('cat', flat, through(a, L.globalAveragePooling2d({ name: 'g' })));
      return through(both, L.dense({ name: 'out', units: 4 }));
    },
  ],
  [
    'scores as a sum of two layers',
    (x) => {
      const a = through(x, conv('c0', 4), bn('n0'), relu('r0'), L.flatten({ name: 'f' }));
      return add(
        'sum',
        through(a, L.dense({ name: 'd1', units: 4 })),
        through(a, L.dense({ name: 'd2', units: 4 })),
      );
    },
  ],
  [
    'a network within a network, and layers that do nothing',
    (x) => {
      const input = tfl.input({ shape: [8, 8, 4] });
      const dropped = through(input, L.dropout({ name: 'drop', rate: 0.5 }));
      const inner = tfl.model({
        inputs: input,
        outputs: add('inner_sum', dropped, through(dropped, conv('inner_c', 4), bn('inner_n'))),
      });
      const a = through(x, conv('c0', 4), bn('n0'));
      return out(through(concat('cat', inner.apply(a) as Tensor, a), relu('r'), conv('c1', 4)));
    },
  ],
];

/** Binarized weights and inputs of 1 bit: sums of branches keep scales within 2^−10 of the largest output. */
const branchStep = 0.02;
/** Float weights and activations of 8 bits. */
const eightBits = 0.03;

const joinsOf = ({ layers }: CheckedModel): string[] =>
  layers.flatMap(({ kind, name }) => (kind === 'add' || kind === 'concat' ? [name] : []));

describe('a network with branches', () => {
  it.each(networks)('float: %s', async (_, layers) => {
    const lowered = await loweredOwn({ shape, layers });
    const { difference, agree } = await compared(lowered);
    expect(joinsOf(lowered.integer).length).toBeGreaterThan(0);
    expect(difference).toBeLessThan(eightBits);
    expect(agree).toBeGreaterThanOrEqual(0.97);
  });

  it.each(networks)('binarized: %s', async (_, layers) => {
    const lowered = await loweredOwn({ shape, layers, skip: [] });
    const { difference, agree } = await compared(lowered);
    expect(joinsOf(lowered.integer).length).toBeGreaterThan(0);
    expect(difference).toBeLessThan(branchStep);
    expect(agree).toBeGreaterThanOrEqual(0.97);
  });
});
