import * as tfl from '@tensorflow/tfjs-layers';
import { BatchNorm } from '../layers/batchNorm.ts';
import { BinarizedConv2D, BinarizedDense, BinarizedDepthwiseConv2D } from '../layers/binarized.ts';
import { QuantizedConv2D, QuantizedDense, QuantizedDepthwiseConv2D } from '../layers/quantized.ts';
import { ScalarScale } from '../layers/scalarScale.ts';
import type { NetworkPrecision, Precision } from '../precision.ts';
import { precisionOfLayer, quantizesInputs } from '../precision.ts';
import { checkOutput } from '../windowsFit.ts';

/** What every network of this package is built from. */
export interface NetworkShape {
  /** [height, width, channels] of an image. */
  readonly input: readonly [number, number, number];
  readonly classes: number;
  readonly precision: NetworkPrecision;
  /** For random bit maps. */
  readonly seed?: number;
  /** What the channels of every layer but the last are multiplied by; 1 where left out. */
  readonly widthMultiplier?: number;
}

/**
 * Multiply a number of channels by a width multiplier: max(1, round(α · channels)), halves up (α of MobileNet, Howard et
 * al. 2017, which leaves the rounding open).
 */
export const scaledChannels = (channels: number, widthMultiplier: number): number =>
  Math.max(1, Math.round(widthMultiplier * channels));

/**
 * Build a network block by block, keeping count of the layers that take part in binarization so that each gets its
 * precision. Layers follow each other; a branch goes on from a place before, and meets another in a sum.
 */
export class NetworkBuilder {
  private readonly input: tfl.SymbolicTensor;
  private x: tfl.SymbolicTensor;
  private readonly precision: NetworkPrecision;
  private readonly binarizable: number;
  private readonly seed: number;
  private readonly widthMultiplier: number;
  private count = 0;
  /** Layers without weights by kind: names of their own, the same in every process. */
  private readonly numbers = new Map<string, number>();

  constructor(shape: NetworkShape, binarizable: number) {
    this.input = tfl.input({ shape: [...shape.input] });
    this.x = this.input;
    this.precision = shape.precision;
    this.binarizable = binarizable;
    this.seed = shape.seed ?? 0;
    this.widthMultiplier = shape.widthMultiplier ?? 1;
  }

  /** The channels of a layer inside of the network: those of its table, times the width multiplier. */
  channels(count: number): number {
    return scaledChannels(count, this.widthMultiplier);
  }

  /** The precision of the next binarizable layer; it is counted. */
  next(): Precision {
    return precisionOfLayer(this.precision, this.count++, this.binarizable);
  }

  /** Whether the next binarizable layer quantizes its inputs, so that no ReLU must precede it. */
  nextQuantizesInputs(): boolean {
    if (this.count >= this.binarizable) return false;
    return quantizesInputs(precisionOfLayer(this.precision, this.count, this.binarizable));
  }

  private numbered(kind: string): string {
    const number = (this.numbers.get(kind) ?? 0) + 1;
    this.numbers.set(kind, number);
    return `${kind}${number}`;
  }

  add(layer: tfl.layers.Layer): this {
    const output = layer.apply(this.x) as tfl.SymbolicTensor;
    checkOutput(layer, this.x.shape, output.shape);
    this.x = output;
    return this;
  }

  conv(name: string, filters: number, options: ConvOptions): this {
    const { kernelSize = 3, strides = 1, padding = 'same', precision } = options;
    const { seed } = this;
    const window = { kernelSize, strides, padding };
    const quantizer = precision.method?.name;
    return this.add(
      quantizer === undefined
        ? new BinarizedConv2D({ name, filters, ...window, precision, seed })
        : new QuantizedConv2D({ name, filters, ...window, quantizer, seed }),
    );
  }

  depthwise(name: string, options: { strides?: number; precision: Precision }): this {
    const { strides = 1, precision } = options;
    const { seed } = this;
    const config = { name, kernelSize: 3, strides, padding: 'same' as const, seed };
    const quantizer = precision.method?.name;
    return this.add(
      quantizer === undefined
        ? new BinarizedDepthwiseConv2D({ ...config, precision })
        : new QuantizedDepthwiseConv2D({ ...config, quantizer }),
    );
  }

  dense(name: string, units: number, precision: Precision): this {
    const { seed } = this;
    const quantizer = precision.method?.name;
    return this.add(
      quantizer === undefined
        ? new BinarizedDense({ name, units, precision, seed })
        : new QuantizedDense({ name, units, quantizer, seed }),
    );
  }

  maxPool(size = 2, strides = size, padding: 'valid' | 'same' = 'valid'): this {
    const name = this.numbered('pool');
    return this.add(tfl.layers.maxPooling2d({ name, poolSize: size, strides, padding }));
  }

  /** The outputs of the last layer, which a branch can go on from and a sum can take. */
  get here(): tfl.SymbolicTensor {
    return this.x;
  }

  /** Begin a branch at outputs before. */
  goOnFrom(outputs: tfl.SymbolicTensor): this {
    this.x = outputs;
    return this;
  }

  /** Add the outputs of another branch to those of the last layer. */
  plus(name: string, branch: tfl.SymbolicTensor): this {
    this.x = tfl.layers.add({ name }).apply([this.x, branch]) as tfl.SymbolicTensor;
    return this;
  }

  /** Batch norm, and a ReLU unless the next layer quantizes its inputs (XNOR-Net's block order). */
  normalize(name: string, options: { relu?: boolean } = {}): this {
    this.add(new BatchNorm({ name }));
    if (options.relu === undefined) return this.reluUnlessBinarized();
    return options.relu ? this.relu() : this;
  }

  /** A ReLU unless the next layer quantizes its inputs. */
  reluUnlessBinarized(): this {
    return this.nextQuantizesInputs() ? this : this.relu();
  }

  private relu(): this {
    return this.add(tfl.layers.reLU({ name: this.numbered('relu') }));
  }

  globalAverage(): this {
    return this.add(tfl.layers.globalAveragePooling2d({ name: 'average' }));
  }

  flatten(): this {
    return this.add(tfl.layers.flatten({ name: 'flatten' }));
  }

  scale(name = 'scale'): this {
    return this.add(new ScalarScale({ name }));
  }

  build(name: string): tfl.LayersModel {
    return tfl.model({ inputs: this.input, outputs: this.x, name });
  }
}

export interface ConvOptions {
  readonly kernelSize?: number;
  readonly strides?: number;
  readonly padding?: 'same' | 'valid';
  readonly precision: Precision;
}

/**
 * Which layers take part: with float inputs every layer's weights, the first and the last included
 * (the paper's weights-only experiments); with quantized inputs all but the first and the last.
 */
export function wholeNetwork(precision: NetworkPrecision): boolean {
  const list = Array.isArray(precision) ? precision : [precision];
  return !list.some(quantizesInputs);
}
