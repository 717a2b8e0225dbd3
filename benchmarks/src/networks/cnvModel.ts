import type { Fold } from '@hbnn/circuit';
import { distFromAverage, type MapPer, type Random, random } from '@hbnn/core';
import {
  type CheckedModel,
  checkModel,
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  randomModel,
} from '@hbnn/model';

/** Bits of weights and of inputs, on average, and what a map of the weights' bits is kept per. */
export interface NetworkBits {
  readonly weights: number;
  readonly inputs: number;
  readonly mapPer: MapPer;
}

/** FINN's folds of CNV, PE × SIMD, in the order of its layers with weights; the last has 10 outputs and not 64. */
const cnvFolds = {
  conv1: { pe: 16, simd: 3 },
  conv2: { pe: 32, simd: 32 },
  conv3: { pe: 16, simd: 32 },
  conv4: { pe: 16, simd: 32 },
  conv5: { pe: 4, simd: 32 },
  conv6: { pe: 1, simd: 32 },
  dense7: { pe: 1, simd: 4 },
  dense8: { pe: 1, simd: 8 },
  dense9: { pe: 2, simd: 1 },
} as const;

/** The folds of CNV with channels divided by `narrower`: as many cycles as the whole has. */
export const cnvFoldsOf = (narrower: number): Record<string, Fold> =>
  Object.fromEntries(
    Object.entries(cnvFolds).map(([name, { pe, simd }]) => [
      name,
      {
        pe: name === 'dense9' ? pe : Math.max(1, pe / narrower),
        simd: name === 'conv1' ? simd : Math.max(1, simd / narrower),
      },
    ]),
  );

type Weighted = IntegerLayer & { readonly weights: unknown };

/** Makes the layers of a network one after the other, with random weights and thresholds. */
class NetworkMaker {
  readonly layers: IntegerLayer[] = [];
  private readonly rng: Random;
  private readonly seed: number;
  private readonly bits: NetworkBits;
  private shape: FeatureShape;
  /** About the largest magnitude that values often have. */
  private spread = 128;

  constructor(seed: number, shape: FeatureShape, bits: NetworkBits) {
    this.seed = seed;
    this.shape = shape;
    this.bits = bits;
    this.rng = random(seed, 'network', bits.weights, bits.inputs);
  }

  /** A layer as `hbnn random --layer` has it: `conv:HxWxC,kNxN,oN`. */
  weighted(name: string, text: string, output: FeatureShape): this {
    const { weights, mapPer } = this.bits;
    const made = randomModel(`${name} ${this.seed}`, {
      layer: text,
      mix: distFromAverage(weights),
      mapPer,
    });
    const layer = made.layers.find((one): one is Weighted => 'weights' in one);
    if (layer === undefined) return this;
    this.layers.push({ ...layer, name } as IntegerLayer);
    const inputs = layer.weights as { shape: readonly number[] };
    const row = inputs.shape.slice(1).reduce((product, n) => product * n, 1);
    this.spread *= 4 * Math.sqrt(row);
    this.shape = output;
    return this;
  }

  pool(name: string): this {
    const [height, width, channels] = this.shape;
    this.shape = [Math.floor(height / 2), Math.floor(width / 2), channels];
    this.layers.push({
      kind: 'maxPool',
      name,
      size: [2, 2],
      strides: [2, 2],
      padding: [0, 0, 0, 0],
    });
    return this;
  }

  /** Planes per channel; some channels turned round. */
  thresholds(name: string): this {
    const { rng, spread } = this;
    const channels = this.shape[2];
    const { fractions } = distFromAverage(this.bits.inputs);
    const planes = fractions.reduce((most, { bits }) => Math.max(most, bits), 0);
    const widths: number[] = fractions.flatMap(({ bits, fraction }) =>
      new Array<number>(Math.round(fraction * channels)).fill(bits),
    );
    while (widths.length < channels) widths.push(1);
    const order = widths.slice(0, channels);
    for (let i = channels - 1; i > 0; i--) {
      const j = rng.below(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    const multiples = Uint8Array.from({ length: planes }, (_, n) => 2 ** (planes - 1 - n));
    const thresholds = new Int32Array(channels * (2 ** planes - 1));
    const nodes = 2 ** planes - 1;
    for (let c = 0; c < channels; c++)
      for (let node = 1; node <= nodes; node++) {
        const level = Math.floor(Math.log2(node));
        const centre = (2 * (node - 2 ** level) + 1) / 2 ** level - 1;
        thresholds[c * nodes + node - 1] = Math.round(
          (spread / 4) * (centre + (rng.below(101) - 50) / 200),
        );
      }
    this.layers.push({
      kind: 'threshold',
      name,
      multiples,
      bits: Uint8Array.from({ length: featureCount(this.shape) }, (_, i) => order[i % channels]),
      thresholds,
      flips: Uint8Array.from({ length: channels }, () => rng.below(2)),
    });
    this.spread = 2 ** (planes - 1);
    return this;
  }
}

/**
 * CNV (VGG-8) for images of 32 x 32 with a map per position or other; pools stand before thresholds as `lower` has them.
 *
 * @param narrower what the channels are divided by
 */
export function cnvModel(seed: number, bits: NetworkBits, narrower = 1): CheckedModel {
  const [a, b, c, d] = [64, 128, 256, 512].map((channels) => channels / narrower);
  const { layers } = new NetworkMaker(seed, [32, 32, 3], bits)
    .weighted('conv1', `conv:32x32x3,k3x3,o${a}`, [30, 30, a])
    .thresholds('bits2')
    .weighted('conv2', `conv:30x30x${a},k3x3,o${a}`, [28, 28, a])
    .pool('pool2')
    .thresholds('bits3')
    .weighted('conv3', `conv:14x14x${a},k3x3,o${b}`, [12, 12, b])
    .thresholds('bits4')
    .weighted('conv4', `conv:12x12x${b},k3x3,o${b}`, [10, 10, b])
    .pool('pool4')
    .thresholds('bits5')
    .weighted('conv5', `conv:5x5x${b},k3x3,o${c}`, [3, 3, c])
    .thresholds('bits6')
    .weighted('conv6', `conv:3x3x${c},k3x3,o${c}`, [1, 1, c])
    .thresholds('bits7')
    .weighted('dense7', `dense:${c}x${d}`, [1, 1, d])
    .thresholds('bits8')
    .weighted('dense8', `dense:${d}x${d}`, [1, 1, d])
    .thresholds('bits9')
    .weighted('dense9', `dense:${d}x10`, [1, 1, 10]);
  return checkModel({
    name: `cnv ${bits.weights} ${bits.inputs}`,
    input: { shape: [32, 32, 3], zeros: Int32Array.of(124, 116, 104) },
    layers,
    scoreOffsets: new Int32Array(10),
    scoreFactor: 1,
    classes: Array.from({ length: 10 }, (_, k) => `class ${k}`),
  });
}
