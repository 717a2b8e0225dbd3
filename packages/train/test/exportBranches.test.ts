import { type CheckedModel, lower } from '@hbnn/model';
import { exportModel, useBackend } from '@hbnn/train';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  compared,
  L,
  loweredOwn,
  meet,
  type OwnModel,
  pixelSource,
  type Tensor,
  through,
} from './ownModels.ts';

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
        name: 'inner',
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

/** What is wrong with a network, said by `exportModel`. */
async function refusal(layers: (x: Tensor) => Tensor): Promise<string> {
  const input = tfl.input({ shape: [...shape] });
  const model = tfl.model({ inputs: input, outputs: layers(input) });
  const scores = (model.outputs[0].shape.slice(1) as number[]).reduce((a, b) => a * b, 1);
  return exportModel(model, pixelSource(shape, scores)).then(
    () => '',
    (error) => String(error),
  );
}

describe('what is no branch of an integer model is refused by name', () => {
  it.each<[string, (x: Tensor) => Tensor, string]>([
    [
      'a concatenation of rows',
      (x) => {
        const rows = meet(L.concatenate({ name: 'rows', axis: 1 }), through(x, conv('a', 3)), x);
        return out(rows);
      },
      'rows: exportModel expected a concatenation of channels, got axis 1 of [8, 8, 3]; make it with axis -1',
    ],
    [
      'a sum of maps of unequal shapes',
      (x) => {
        const one = through(
          x,
          L.globalAveragePooling2d({ name: 'g' }),
          L.reshape({ targetShape: [1, 1, 3] }),
        );
        return out(add('sum', x, one));
      },
      'sum: exportModel expected inputs of one shape, got [8, 8, 3] and [1, 1, 3]',
    ],
    [
      'channels put side by side after they were laid flat place by place',
      (x) => {
        const flat = (name: string, filters: number): Tensor =>
          through(x, conv(name, filters), L.reshape({ targetShape: [64, filters] }));
        const both = concat('both', flat('a', 5), flat('b', 4));
        return through(both, L.flatten({}), L.dense({ name: 'out', units: 4 }));
      },
      'both: exportModel expected a concatenation of feature maps or of flat values, got [64, 5]',
    ],
    [
      'a product of branches',
      (x) => out(meet(L.multiply({ name: 'product' }), x, through(x, conv('a', 3)))),
      'product: exportModel expected sums and comparisons of values, got Multiply',
    ],
    [
      'padding before a sum',
      (x) => {
        const padded = (name: string): Tensor => through(x, L.zeroPadding2d({ name, padding: 1 }));
        return out(add('sum', padded('z'), padded('y')));
      },
      'sum: exportModel expected a convolution or max pooling behind zero padding',
    ],
    [
      'a softmax on one branch',
      (x) => {
        const a = through(x, conv('a', 3), L.softmax({ name: 'soft' }));
        return out(add('sum', a, x));
      },
      'soft: expected ReLU or no activation, got softmax',
    ],
  ])('%s', async (_, layers, message) => {
    expect(await refusal(layers)).toContain(message);
  });
});

describe('a trained model with branches', () => {
  it('is refused where a layer is unread, or a name is unknown or taken twice', async () => {
    const input = tfl.input({ shape: [...shape] });
    const main = through(input, conv('a', 3));
    const model = tfl.model({
      inputs: input,
      outputs: out(add('sum', main, through(main, conv('b', 3)))),
    });
    const trained = await exportModel(model, pixelSource(shape, 4));
    const changed =
      (name: string, change: object): (() => unknown) =>
      () =>
        lower({
          ...trained,
          layers: trained.layers.map((layer) =>
            layer.name === name ? { ...layer, ...change } : layer,
          ),
        });
    expect(lower(trained).layers.map(({ what }) => what)).toContain('branch scales');
    expect(changed('sum', { inputs: ['a', 'a'] })).toThrow(
      "layer 'b': expected a layer that another one reads, got one that none reads",
    );
    expect(changed('sum', { inputs: ['a', 'c'] })).toThrow(
      "sum: expected to read a layer before it, got 'c'",
    );
    expect(changed('sum', { inputs: ['b'] })).toThrow('sum: expected 2 to 64 inputs, got 1');
    const twice = trained.layers.map((layer) => {
      if (layer.name === 'b') return { ...layer, name: 'a', from: 'a' };
      return layer.name === 'sum' ? { ...layer, inputs: ['a', 'a'] } : layer;
    });
    expect(() => lower({ ...trained, layers: twice })).toThrow(
      "layer 'a': expected each layer name once where a network has branches",
    );
  });
});
