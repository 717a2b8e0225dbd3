import { type Random, random } from '@hbnn/core';
import {
  type AddLayer,
  checkModel,
  type FeatureShape,
  type IntegerLayer,
  type Padding4,
  type PlaneWeights,
  type RequantizeLayer,
} from '@hbnn/model';
import { conv, dense, int8Weights, type ModelCase, planeWeights, threshold } from './cases.ts';

const tails = [1, 3, 4, 5, 15, 17, 33];

/** Models with branches: sums and concatenations of values of every form, read by layers of every kind. */
export function branchedCases(): ModelCase[] {
  return [
    ...[20, 1, 0].map(small),
    empty(),
    ...tails.flatMap((channels) => [mixed(channels), words(channels)]),
    equal(),
    pooled(),
    edges(),
    residual('ResNet-8', 1, [4, 6, 8]),
    residual('ResNet-18', 2, [3, 5, 7, 9]),
    bottlenecks(),
  ];
}

function branched(
  name: string,
  shape: FeatureShape,
  layers: (rng: Random) => readonly IntegerLayer[],
): ModelCase {
  return {
    name,
    make: () => {
      const built = layers(random('case', name));
      const last = built[built.length - 1];
      const classes = last.kind === 'dense' ? last.weights.shape[0] : 0;
      return checkModel({
        name,
        input: { shape, zeros: new Int32Array(shape[2]).fill(90) },
        layers: built,
        scoreFactor: 1,
        scoreOffsets: Int32Array.from({ length: classes }, (_, k) => 4 * k - 7),
        classes: Array.from({ length: classes }, (_, k) => `${k}`),
      });
    },
  };
}

const add = (
  rng: Random,
  name: string,
  channels: number,
  inputs: readonly string[],
  largest = 20,
): AddLayer => ({
  kind: 'add',
  name,
  inputs,
  multipliers: inputs.map(() =>
    Int16Array.from({ length: channels }, () => rng.below(2 * largest + 1) - largest),
  ),
});

const requantize = (name: string, channels: number): RequantizeLayer => ({
  kind: 'requantize',
  name,
  minimum: -128,
  maximum: 127,
  multipliers: Int16Array.from({ length: channels }, (_, c) => 300 - 7 * c),
  offsets: new Float64Array(channels).fill(5000),
  shifts: new Uint8Array(channels).fill(15),
});

const same = [1, 1, 1, 1] as const;

/** What hardware takes few gates for: bits, sums and rounded values that meet, with multipliers up to a size. */
function small(largest: number): ModelCase {
  return branched(`small branches, multipliers up to ${largest}`, [2, 1, 2], (rng) => [
    threshold(rng, 'bits', [2, 1, 2], { planes: 2, bits: (i) => 1 + (i % 2) }),
    conv('a', planeWeights(rng, [2, 1, 1, 2])),
    { ...conv('b', planeWeights(rng, [2, 2, 1, 2]), [0, 0, 1, 0]), from: 'bits' },
    { ...requantize('q', 2), minimum: 0, maximum: 3, from: 'a' },
    add(rng, 'sum', 2, ['b', 'q', 'bits', 'b'], largest),
    { kind: 'concat', name: 'all', inputs: ['sum', 'bits', 'a'] },
    { kind: 'maxPool', name: 'm', size: [2, 1], strides: [1, 1], padding: [0, 0, 0, 0] },
    threshold(rng, 'codes', [1, 1, 6], { at: (r) => r.below(9) - 4 }),
    add(rng, 'last', 6, ['codes', 'm'], 1),
    dense('d', planeWeights(rng, [2, 6])),
  ]);
}

/** Branches of no bits beside one that has some. */
function empty(): ModelCase {
  return branched('branches of no bits', [1, 2, 2], (rng) => [
    threshold(rng, 'bits', [1, 2, 2], { planes: 1 }),
    { ...threshold(rng, 'none', [1, 2, 2], { bits: () => 0 }), from: 'bits' },
    { ...threshold(rng, 'nothing', [1, 2, 2], { planes: 0 }), from: 'bits' },
    add(rng, 'sum', 2, ['none', 'bits', 'nothing'], 2),
    { kind: 'concat', name: 'all', inputs: ['nothing', 'sum', 'none'] },
    dense('d', planeWeights(rng, [2, 12])),
  ]);
}

/** Thresholds that a product, a sum and a concatenation read; sums of int16 and int32 values. */
function mixed(channels: number): ModelCase {
  const [height, width]: FeatureShape = [3, 4, 3];
  return branched(`branches of ${channels} channels, bits and sums`, [height, width, 3], (rng) => [
    conv('a', int8Weights(rng, [channels, 3, 3, 3]), same),
    threshold(rng, 'bits', [height, width, channels], { planes: 2, bits: (i) => i % 3 }),
    conv('b', planeWeights(rng, [channels, 3, 3, channels]), same),
    { ...requantize('q', channels), from: 'a' },
    add(rng, 'sum', channels, ['b', 'q', 'bits']),
    { kind: 'concat', name: 'all', inputs: ['sum', 'bits', 'q', 'a'] },
    { ...requantize('r', 4 * channels) },
    dense('d', planeWeights(rng, [7, height * width * 4 * channels])),
  ]);
}

/** Branches of int16 alone, one of them read twice by one layer. */
function words(channels: number): ModelCase {
  return branched(`branches of ${channels} channels, values of 16 bits`, [2, 5, 3], (rng) => [
    conv('a', int8Weights(rng, [channels, 1, 1, 3])),
    requantize('q', channels),
    threshold(rng, 'bits', [2, 5, channels], { planes: 3, bits: (i) => i % 4 }),
    { kind: 'concat', name: 'all', inputs: ['bits', 'q', 'bits'] },
    conv('b', planeWeights(rng, [channels, 2, 3, 3 * channels]), [1, 1, 0, 1]),
    { ...requantize('s', channels) },
    add(rng, 'sum', channels, ['s', 'q', 's'], 30000),
    threshold(rng, 'last', [2, 5, channels]),
    dense('d', planeWeights(rng, [5, 10 * channels])),
  ]);
}

/** Sums of windows beyond the edges, from which a part of those inside is taken off: as average pools are lowered. */
function edges(): ModelCase {
  const hot = (shape: readonly number[], place?: number): PlaneWeights => {
    const size = shape[1] * shape[2];
    const bits = Uint8Array.from({ length: shape[0] * size }, (_, i) =>
      place === undefined || i % size === place ? 1 : 0,
    );
    const multiples = [Uint8Array.of(1)];
    const signs = bits.slice();
    return { kind: 'planes', shape, bits, signs, multiples, scalePer: 'tensor', mapPer: 'element' };
  };
  const depthwise = (name: string, weights: PlaneWeights, padding: Padding4): IntegerLayer => ({
    kind: 'depthwise',
    name,
    strides: [1, 1],
    padding,
    weights,
  });
  const multipliers = [3, -1].map((factor) => new Int16Array(2).fill(factor));
  return branched('edges of sums weighed by more', [4, 3, 2], (rng) => [
    threshold(rng, 'bits', [4, 3, 2], { planes: 2 }),
    depthwise('sums', hot([2, 3, 3, 1]), same),
    depthwise('inside', hot([2, 3, 1, 1], 1), [0, 0, 0, 0]),
    depthwise('laid', hot([2, 1, 1, 1]), [1, 0, 1, 0]),
    { kind: 'add', name: 'rows', inputs: ['sums', 'laid'], multipliers },
    threshold(rng, 'codes', [4, 3, 2], { planes: 2, at: (r) => r.below(60) - 30 }),
    dense('d', planeWeights(rng, [3, 24])),
  ]);
}

/** Two products that read the bits of one threshold layer, and nothing else does. */
function equal(): ModelCase {
  return branched('two products of the same bits', [4, 4, 6], (rng) => [
    threshold(rng, 'bits', [4, 4, 6], { planes: 2, bits: (i) => 1 + (i % 2) }),
    conv('a', planeWeights(rng, [8, 3, 3, 6]), same),
    { ...conv('b', planeWeights(rng, [8, 1, 1, 6])), from: 'bits' },
    add(rng, 'sum', 8, ['a', 'b'], 1),
    dense('d', int8Weights(rng, [3, 128])),
  ]);
}

/** A block that halves the map, with a pool beside its convolution, twice. */
function pooled(): ModelCase {
  const block = (rng: Random, n: number, from: string, inputs: number, outputs: number) =>
    [
      { ...conv(`c${n}`, int8Weights(rng, [outputs, 3, 3, inputs]), same, [2, 2]), from },
      requantize(`q${n}`, outputs),
      {
        kind: 'maxPool',
        name: `m${n}`,
        from,
        size: [2, 2],
        strides: [2, 2],
        padding: [0, 0, 0, 0],
      },
      { kind: 'concat', name: `j${n}`, inputs: [`q${n}`, `m${n}`] },
    ] as const;
  return branched('blocks with pools beside convolutions', [8, 8, 3], (rng) => [
    conv('c0', int8Weights(rng, [5, 1, 1, 3])),
    requantize('q0', 5),
    ...block(rng, 1, 'q0', 5, 6),
    ...block(rng, 2, 'j1', 11, 4),
    { kind: 'sumPool', name: 'mean', size: [2, 2], strides: [2, 2] },
    dense('d', int8Weights(rng, [10, 15])),
  ]);
}

/** Sums of the main branch and of what goes past it, which keeps its size from block to block. */
const residualSum = (
  rng: Random,
  name: string,
  channels: number,
  inputs: [string, string],
): AddLayer => ({
  kind: 'add',
  name,
  inputs,
  multipliers: [
    Int16Array.from({ length: channels }, () => rng.below(41) - 20),
    new Int16Array(channels).fill(1),
  ],
});

/** The shape of a residual network on small images: blocks of two binary convolutions; strides project the input. */
function residual(name: string, blocks: number, stages: readonly number[]): ModelCase {
  return branched(`the shape of ${name}`, [12, 10, 3], (rng) => {
    let map: FeatureShape = [12, 10, stages[0]];
    let from = 'stem';
    const layers: IntegerLayer[] = [
      conv('stem', int8Weights(rng, [stages[0], 3, 3, 3]), same),
      requantize('stem8', stages[0]),
    ];
    from = 'stem8';
    const bits = (at: string, shape: FeatureShape, read: string): IntegerLayer => ({
      ...threshold(rng, at, shape, { planes: 2, bits: (i) => 1 + (i % 2) }),
      from: read,
    });
    stages.forEach((channels, stage) => {
      for (let n = 0; n < blocks; n++) {
        const id = `${stage + 1}_${n + 1}`;
        const stride = stage > 0 && n === 0 ? 2 : 1;
        const [height, width, inputs] = map;
        const out: FeatureShape = [Math.ceil(height / stride), Math.ceil(width / stride), channels];
        layers.push(
          bits(`bits${id}a`, map, from),
          conv(`conv${id}a`, planeWeights(rng, [channels, 3, 3, inputs]), same, [stride, stride]),
          bits(`bits${id}b`, out, `conv${id}a`),
          conv(`conv${id}b`, planeWeights(rng, [channels, 3, 3, channels]), same),
        );
        let side = from;
        if (stride === 2) {
          side = `project${id}`;
          const weights = int8Weights(rng, [channels, 1, 1, inputs]);
          layers.push(
            { ...requantize(`round${id}`, inputs), from },
            conv(side, weights, undefined, [2, 2]),
          );
        }
        layers.push(residualSum(rng, `sum${id}`, channels, [`conv${id}b`, side]));
        from = `sum${id}`;
        map = out;
      }
    });
    const [height, width, channels] = map;
    return [
      ...layers,
      requantize('relu', channels),
      { kind: 'sumPool', name: 'average', size: [height, width], strides: [1, 1] },
      dense('scores', int8Weights(rng, [10, channels])),
    ];
  });
}

/** The shape of MobileNetV2: wide, depthwise and narrow again, with the input beside. */
function bottlenecks(): ModelCase {
  const [height, width]: FeatureShape = [8, 6, 3];
  return branched('the shape of MobileNetV2', [height, width, 3], (rng) => {
    const layers: IntegerLayer[] = [
      conv('stem', int8Weights(rng, [5, 3, 3, 3]), same),
      requantize('stem8', 5),
    ];
    let from = 'stem8';
    for (const id of ['1', '2', '3']) {
      layers.push(
        { ...threshold(rng, `bits${id}a`, [height, width, 5], { planes: 2 }), from },
        conv(`wide${id}`, planeWeights(rng, [15, 1, 1, 5])),
        requantize(`round${id}`, 15),
        { ...conv(`depthwise${id}`, int8Weights(rng, [15, 3, 3, 1]), same), kind: 'depthwise' },
        threshold(rng, `bits${id}b`, [height, width, 15], { planes: 3, bits: (i) => i % 4 }),
        conv(`narrow${id}`, planeWeights(rng, [5, 1, 1, 15])),
        residualSum(rng, `sum${id}`, 5, [`narrow${id}`, from]),
      );
      from = `sum${id}`;
    }
    return [
      ...layers,
      { kind: 'sumPool', name: 'average', size: [height, width], strides: [1, 1] },
      dense('scores', planeWeights(rng, [10, 5])),
    ];
  });
}
