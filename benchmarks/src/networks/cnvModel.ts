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
export const cnvFolds = {
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

/** CNV (VGG-8) for images of 32 x 32 with a map per position or other; pools stand before thresholds as `lower` has them. */
export function cnvModel(seed: number, bits: NetworkBits): CheckedModel {
  const { layers } = new NetworkMaker(seed, [32, 32, 3], bits)
    .weighted('conv1', 'conv:32x32x3,k3x3,o64', [30, 30, 64])
    .thresholds('bits2')
    .weighted('conv2', 'conv:30x30x64,k3x3,o64', [28, 28, 64])
    .pool('pool2')
    .thresholds('bits3')
    .weighted('conv3', 'conv:14x14x64,k3x3,o128', [12, 12, 128])
    .thresholds('bits4')
    .weighted('conv4', 'conv:12x12x128,k3x3,o128', [10, 10, 128])
    .pool('pool4')
    .thresholds('bits5')
    .weighted('conv5', 'conv:5x5x128,k3x3,o256', [3, 3, 256])
    .thresholds('bits6')
    .weighted('conv6', 'conv:3x3x256,k3x3,o256', [1, 1, 256])
    .thresholds('bits7')
    .weighted('dense7', 'dense:256x512', [1, 1, 512])
    .thresholds('bits8')
    .weighted('dense8', 'dense:512x512', [1, 1, 512])
    .thresholds('bits9')
    .weighted('dense9', 'dense:512x10', [1, 1, 10]);
  return checkModel({
    name: `cnv ${bits.weights} ${bits.inputs}`,
    input: { shape: [32, 32, 3], zeros: Int32Array.of(124, 116, 104) },
    layers,
    scoreOffsets: new Int32Array(10),
    scoreFactor: 1,
    classes: Array.from({ length: 10 }, (_, k) => `class ${k}`),
  });
}
