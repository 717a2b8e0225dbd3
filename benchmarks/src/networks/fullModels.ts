import { type Random, random } from '@hbnn/core';
import {
  type CheckedModel,
  checkModel,
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type IntegerWeights,
  treeSize,
} from '@hbnn/model';

/** Average bits of weights and of inputs. */
export type AverageBits = 1 | 1.4 | 2;

/** Random bitwidths, and the scales of their planes. */
interface BitDraw {
  readonly rng: Random;
  readonly multiples: readonly number[];
  width(): number;
}

/** Draw bitwidths: for 1.4 bits 1, 2 or 3 of them with the shares 0.7, 0.2 and 0.1. */
function draws(rng: Random, bits: AverageBits): BitDraw {
  if (bits === 1) return { rng, multiples: [1], width: () => 1 };
  if (bits === 2) return { rng, multiples: [2, 1], width: () => 2 };
  const width = (): number => {
    const tenth = rng.below(10);
    return tenth < 7 ? 1 : tenth < 9 ? 2 : 3;
  };
  return { rng, multiples: [4, 2, 1], width };
}

/** AlexNet-BN at the paper's size as `lower` makes it, with random weights, maps and thresholds. */
export function alexNetModel(seed: number, bits: AverageBits = 1.4): CheckedModel {
  const rng = random(seed, 'alexNetModel');
  const draw = draws(rng, bits);
  return network('alexnet-bn-full', [224, 224, 3], 1000, [
    conv('conv1', int8Weights(rng, [96, 11, 11, 3]), 4, [4, 4, 3, 3]),
    pool('pool1', 3),
    threshold(draw, 'bits2', [27, 27, 96]),
    conv('conv2', planeWeights(draw, [256, 5, 5, 96]), 1, [2, 2, 2, 2]),
    pool('pool2', 3),
    threshold(draw, 'bits3', [13, 13, 256]),
    conv('conv3', planeWeights(draw, [384, 3, 3, 256]), 1, [1, 1, 1, 1]),
    threshold(draw, 'bits4', [13, 13, 384]),
    conv('conv4', planeWeights(draw, [384, 3, 3, 384]), 1, [1, 1, 1, 1]),
    threshold(draw, 'bits5', [13, 13, 384]),
    conv('conv5', planeWeights(draw, [256, 3, 3, 384]), 1, [1, 1, 1, 1]),
    pool('pool5', 3),
    threshold(draw, 'bits6', [6, 6, 256]),
    { kind: 'dense', name: 'dense6', weights: planeWeights(draw, [4096, 9216]) },
    threshold(draw, 'bits7', [1, 1, 4096]),
    { kind: 'dense', name: 'dense7', weights: planeWeights(draw, [4096, 4096]) },
    requantize('relu7', 4096),
    { kind: 'dense', name: 'dense8', weights: int8Weights(rng, [1000, 4096]) },
  ]);
}

/** Outputs and stride of MobileNet's depthwise-pointwise blocks. */
export const mobileNetBlocks: readonly (readonly [number, number])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  ...Array.from({ length: 5 }, () => [512, 1] as const),
  [1024, 2],
  [1024, 1],
];

/** MobileNet 1.0-224: pointwise convolutions of few bits, the rest of 8. */
export function mobileNetModel(seed: number, bits: AverageBits = 1.4): CheckedModel {
  const rng = random(seed, 'mobileNetModel');
  const draw = draws(rng, bits);
  const layers: IntegerLayer[] = [
    conv('conv1', int8Weights(rng, [32, 3, 3, 3]), 2, [0, 0, 1, 1]),
    requantize('relu1', 32),
  ];
  let channels = 32;
  let size = 112;
  mobileNetBlocks.forEach(([outputs, stride], i) => {
    const name = `block${i + 1}`;
    const padding = stride === 2 ? ([0, 0, 1, 1] as const) : ([1, 1, 1, 1] as const);
    size /= stride;
    layers.push(
      {
        kind: 'depthwise',
        name: `${name}/depthwise`,
        strides: [stride, stride],
        padding,
        weights: int8Weights(rng, [channels, 3, 3, 1]),
      },
      threshold(draw, `${name}/bits`, [size, size, channels]),
      conv(`${name}/pointwise`, planeWeights(draw, [outputs, 1, 1, channels]), 1, [0, 0, 0, 0]),
      requantize(`${name}/relu`, outputs),
    );
    channels = outputs;
  });
  layers.push(
    { kind: 'sumPool', name: 'average', size: [7, 7], strides: [1, 1] },
    requantize('mean', 1024),
    { kind: 'dense', name: 'dense', weights: int8Weights(rng, [1000, 1024]) },
  );
  return network('mobilenet-full', [224, 224, 3], 1000, layers);
}

/** VGG-8 (FINN's CNV) for 32x32 images. */
export function vgg8Model(seed: number, bits: AverageBits = 1.4): CheckedModel {
  const rng = random(seed, 'vgg8Model');
  const draw = draws(rng, bits);
  const next = (name: string, inputs: number, outputs: number) =>
    conv(name, planeWeights(draw, [outputs, 3, 3, inputs]), 1, [0, 0, 0, 0]);
  return network('vgg8-full', [32, 32, 3], 10, [
    conv('conv1', int8Weights(rng, [64, 3, 3, 3]), 1, [0, 0, 0, 0]),
    threshold(draw, 'bits2', [30, 30, 64]),
    next('conv2', 64, 64),
    pool('pool2', 2),
    threshold(draw, 'bits3', [14, 14, 64]),
    next('conv3', 64, 128),
    threshold(draw, 'bits4', [12, 12, 128]),
    next('conv4', 128, 128),
    pool('pool4', 2),
    threshold(draw, 'bits5', [5, 5, 128]),
    next('conv5', 128, 256),
    threshold(draw, 'bits6', [3, 3, 256]),
    next('conv6', 256, 256),
    threshold(draw, 'bits7', [1, 1, 256]),
    { kind: 'dense', name: 'dense7', weights: planeWeights(draw, [512, 256]) },
    threshold(draw, 'bits8', [1, 1, 512]),
    { kind: 'dense', name: 'dense8', weights: planeWeights(draw, [512, 512]) },
    requantize('relu8', 512),
    { kind: 'dense', name: 'dense9', weights: int8Weights(rng, [10, 512]) },
  ]);
}

function network(
  name: string,
  shape: FeatureShape,
  classes: number,
  layers: readonly IntegerLayer[],
): CheckedModel {
  return checkModel({
    name: `${name}, random`,
    input: { shape, zeros: Int32Array.of(124, 116, 104) },
    layers,
    scoreOffsets: new Int32Array(classes),
    scoreFactor: 1,
    classes: Array.from({ length: classes }, (_, k) => `class ${k}`),
  });
}

function planeWeights(
  { rng, multiples, width }: BitDraw,
  shape: readonly number[],
): IntegerWeights {
  const bits = new Uint8Array(shape.reduce((product, n) => product * n, 1));
  for (let i = 0; i < bits.length; i++) bits[i] = width();
  const signs = bits.map((w) => rng.below(1 << w));
  return {
    kind: 'planes',
    shape,
    bits,
    signs,
    scalePer: 'tensor',
    mapPer: 'element',
    multiples: multiples.map((k) => Uint8Array.of(k)),
  };
}

function int8Weights(rng: Random, shape: readonly number[]): IntegerWeights {
  const values = new Int8Array(shape.reduce((product, n) => product * n, 1));
  for (let i = 0; i < values.length; i++) values[i] = rng.below(255) - 127;
  return { kind: 'int8', shape, values };
}

const conv = (
  name: string,
  weights: IntegerWeights,
  stride: number,
  padding: readonly [number, number, number, number],
): IntegerLayer => ({ kind: 'conv', name, strides: [stride, stride], padding, weights });

const pool = (name: string, size: number): IntegerLayer => ({
  kind: 'maxPool',
  name,
  size: [size, size],
  strides: [2, 2],
  padding: [0, 0, 0, 0],
});

/** Maps per channel. */
function threshold(
  { rng, multiples, width }: BitDraw,
  name: string,
  shape: FeatureShape,
): IntegerLayer {
  const channels = shape[2];
  const widths = Uint8Array.from({ length: channels }, () => width());
  return {
    kind: 'threshold',
    name,
    multiples: Uint8Array.from(multiples),
    bits: Uint8Array.from({ length: featureCount(shape) }, (_, i) => widths[i % channels]),
    thresholds: Int32Array.from(
      { length: channels * treeSize(multiples.length) },
      () => rng.below(201) - 100,
    ),
    flips: Uint8Array.from({ length: channels }, () => rng.below(2)),
  };
}

const requantize = (name: string, channels: number): IntegerLayer => ({
  kind: 'requantize',
  name,
  minimum: 0,
  maximum: 255,
  multipliers: new Int16Array(channels).fill(1000),
  offsets: new Float64Array(channels),
  shifts: new Uint8Array(channels).fill(10),
});
