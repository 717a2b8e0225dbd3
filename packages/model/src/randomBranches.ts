import type { Random } from '@hbnn/core';
import type { JoinLayer } from './branches.ts';
import { type CheckedLayer, checkLayers, maxSum } from './checkModel.ts';
import type {
  AddLayer,
  ConvLayer,
  FeatureShape,
  IntegerLayer,
  IntegerWeights,
} from './integerModel.ts';

export type UnaryLayer = Exclude<IntegerLayer, JoinLayer>;

/** How the layers between forks and joins are drawn. */
export interface DrawLayers {
  readonly step: (
    name: string,
    shape: FeatureShape,
    bound: number,
    before: IntegerLayer['kind'] | undefined,
  ) => UnaryLayer;
  readonly weights: (shape: number[]) => IntegerWeights;
}

/** The layers of a random network: a layer that reads the pixels, then layers and blocks of branches. */
export function randomBranches(
  rng: Random,
  start: FeatureShape,
  zeros: Int32Array,
  draw: DrawLayers,
): IntegerLayer[] {
  const network = new BranchedNetwork(rng, start, zeros, draw);
  network.walk(1);
  const blocks = 1 + rng.below(3);
  for (let n = 0; n < blocks; n++) {
    network.block(0);
    if (rng.below(2) === 0) network.walk(1 + rng.below(2));
  }
  return network.layers;
}

/** Deeper blocks have no blocks within them. */
const maxDepth = 2;

class BranchedNetwork {
  readonly layers: IntegerLayer[] = [];
  /** The layer that the next one reads. */
  private at = -1;
  private readonly rng: Random;
  private readonly start: FeatureShape;
  private readonly zeros: Int32Array;
  private readonly draw: DrawLayers;

  constructor(rng: Random, start: FeatureShape, zeros: Int32Array, draw: DrawLayers) {
    this.rng = rng;
    this.start = start;
    this.zeros = zeros;
    this.draw = draw;
  }

  private checked(at: number): CheckedLayer {
    return checkLayers(this.layers, this.start, this.zeros)[at];
  }

  private get name(): string {
    return `layer${this.layers.length + 1}`;
  }

  private push(layer: UnaryLayer): void {
    const linked = this.at === this.layers.length - 1;
    this.layers.push(linked ? layer : { ...layer, from: this.layers[this.at].name });
    this.at = this.layers.length - 1;
  }

  /** Some layers one after the other. */
  walk(length: number): void {
    for (let n = 0; n < length; n++) {
      const last = this.at < 0 ? undefined : this.checked(this.at);
      const { shape, bound } =
        last === undefined
          ? { shape: this.start, bound: 255 }
          : { shape: last.output, bound: last.outputBound };
      this.push(this.draw.step(this.name, shape, bound, last?.layer.kind));
    }
  }

  /** A fork, two or three branches, one of them perhaps without a layer, and where they meet. */
  block(depth: number): void {
    const { rng } = this;
    const fork = this.at;
    const ends: number[] = [];
    const branches = rng.below(4) === 0 ? 3 : 2;
    for (let n = 0; n < branches; n++) {
      this.at = fork;
      if (n === 0) this.walk(1 + rng.below(3));
      else if (rng.below(3) > 0) this.walk(1 + rng.below(2));
      if (n === 0 && depth + 1 < maxDepth && rng.below(4) === 0) this.block(depth + 1);
      ends.push(this.at);
    }
    this.join(ends, rng.below(3) === 0 ? 'concat' : 'add');
  }

  private join(ends: readonly number[], kind: JoinLayer['kind']): void {
    const { output } = this.checked(ends[0]);
    const fitted = ends.map((end) => this.fitted(end, output, kind));
    const inputs = fitted.map((at) => this.layers[at].name);
    const { name } = this;
    this.layers.push(
      kind === 'concat'
        ? { kind, name, inputs }
        : { kind, name, inputs, multipliers: this.multipliers(fitted) },
    );
    this.at = this.layers.length - 1;
  }

  /** The end of a branch whose shape fits, after one layer more where it does not. */
  private fitted(
    end: number,
    [height, width, channels]: FeatureShape,
    kind: JoinLayer['kind'],
  ): number {
    const [h, w, c] = this.checked(end).output;
    if (h === height && w === width && (kind === 'concat' || c === channels)) return end;
    this.at = end;
    // Products of large sums would leave int32.
    while (this.checked(this.at).outputBound > 1000) this.walk(1);
    this.push(this.shapingConv(this.checked(this.at).output, [height, width, channels]));
    return this.at;
  }

  /** A convolution that gives one shape from another. */
  private shapingConv([h, w, c]: FeatureShape, [height, width, outputs]: FeatureShape): ConvLayer {
    const kernel = [Math.max(1, h - height + 1), Math.max(1, w - width + 1)];
    const padding = [0, 0, Math.max(0, height - h), Math.max(0, width - w)] as const;
    const weights = this.draw.weights([outputs, ...kernel, c]);
    return { kind: 'conv', name: this.name, strides: [1, 1], padding, weights };
  }

  /** Small multipliers, and some large ones, whose sums stay within int32. */
  private multipliers(inputs: readonly number[]): AddLayer['multipliers'] {
    return inputs.map((at) => {
      const { output, outputBound } = this.checked(at);
      const largest = Math.floor(maxSum / inputs.length / Math.max(1, outputBound));
      const limit = Math.min(this.rng.below(4) === 0 ? 32767 : 8, largest);
      return Int16Array.from({ length: output[2] }, () => this.rng.below(2 * limit + 1) - limit);
    });
  }
}
