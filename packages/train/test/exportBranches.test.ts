import { type CheckedModel, lower } from '@hbnn/model';
import { exportModel, useBackend } from '@hbnn/train';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  bn,
  compared,
  conv,
  L,
  loweredOwn,
  meet,
  type OwnModel,
  pixelSource,
  relu,
  type Tensor,
  through,
} from './ownModels.ts';

beforeAll(async () => {
  await useBackend({ prefer: 'wasm' });
});

const shape: OwnModel['shape'] = [8, 8, 3];
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
    'sums beside values of 8 bits',
    (x) => {
      const both = concat(
        'cat',
        through(x, conv('c0', 3), bn('n0')),
        through(x, conv('c1', 3), bn('n1'), relu('r1')),
      );
      return through(both, L.flatten({ name: 'f' }), L.dense({ name: 'out', units: 4 }));
    },
  ],
  [
    'sums beside the pixels',
    (x) => {
      const both = concat('cat', through(x, conv('c0', 3), bn('n0')), x);
      return through(both, L.flatten({ name: 'f' }), L.dense({ name: 'out', units: 4 }));
    },
  ],
  [
    'the average and the largest of each channel',
    (x) => {
      const a = through(x, conv('c0', 4), bn('n0'), relu('r0'));
      const mean = through(a, L.globalAveragePooling2d({ name: 'g' }));
      const both = concat('cat', mean, through(a, L.globalMaxPooling2d({ name: 'm' })));
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

/** Notes of a network whose inputs are binarized at 1 bit. */
const notesOf = async (layers: (x: Tensor) => Tensor): Promise<readonly string[]> =>
  (await loweredOwn({ shape, layers, skip: [] })).notes;

const dense = (x: Tensor): Tensor =>
  through(x, L.flatten({ name: 'f' }), L.dense({ name: 'out', units: 4 }));

describe('a note says what may turn levels behind', () => {
  const sums = (x: Tensor, name: string): Tensor => through(x, conv(name, 3));
  const summed = (x: Tensor, name: string): Tensor => through(x, conv(name, 3), bn(`${name}_n`));
  const ties = (names: string): RegExp => new RegExp(`^out_input: .*exactly 0 .*${names} may`);

  it.each<[string, (x: Tensor) => Tensor, RegExp]>([
    [
      'a concatenation of sums that may be 0',
      (x) => dense(concat('cat', sums(x, 'a'), summed(x, 'b'))),
      ties('a'),
    ],
    ['a sum of such sums', (x) => dense(add('sum', sums(x, 'a'), sums(x, 'b'))), ties('a, b')],
    [
      'an average of such sums and of zeros',
      (x) =>
        dense(
          through(
            sums(x, 'a'),
            L.zeroPadding2d({ name: 'z' }),
            L.averagePooling2d({ name: 'mean' }),
          ),
        ),
      ties('a'),
    ],
    [
      'an average of rounded values and of zeros',
      (x) =>
        dense(
          through(
            summed(x, 'a'),
            relu('r'),
            L.zeroPadding2d({ name: 'z' }),
            L.averagePooling2d({ name: 'mean' }),
          ),
        ),
      /^layer 'out_input' binarizes values that layer 'r' rounded before/,
    ],
    [
      'a ReLU of the pixels that a layer and a sum read',
      (x) => {
        const a = through(x, relu('r0'));
        return dense(add('sum', a, through(summed(a, 'b'), relu('r1'))));
      },
      /^layer 'out_input' binarizes values that layers? .*'r1'.* rounded before/,
    ],
    [
      'windows that hang over the edge of the image',
      (x) =>
        dense(
          through(
            x,
            L.zeroPadding2d({ name: 'z' }),
            L.averagePooling2d({ name: 'mean', strides: 1 }),
          ),
        ),
      /^layer 'out_input' binarizes sums of windows that hang over the edge of the image/,
    ],
  ])('%s', async (_, layers, note) => {
    expect(await notesOf(layers)).toEqual(
      expect.arrayContaining([expect.stringMatching(note) as string]),
    );
  });

  it('nothing where batch norms decide sums and the edge is that of sums', async () => {
    const layers = (x: Tensor): Tensor =>
      dense(add('sum', summed(through(summed(x, 'c'), bn('n')), 'a'), summed(x, 'b')));
    expect(await notesOf(layers)).toEqual([]);
  });
});

it('windows that lie wholly beyond the edge of the image add up to exactly 0', async () => {
  const lowered = await loweredOwn({
    shape,
    skip: [],
    layers: (x) =>
      dense(
        through(
          x,
          L.zeroPadding2d({ name: 'z', padding: 2 }),
          L.averagePooling2d({ name: 'mean', strides: 1 }),
        ),
      ),
  });
  const { difference } = await compared(lowered);
  expect(difference).toBeLessThan(0.05);
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
