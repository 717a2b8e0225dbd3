import { HbnnError, random } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { type LayerQuantizers, methodNamed } from '../quantizers/methods.ts';
import type { QuantizerCall } from '../quantizers/quantizer.ts';
import { scaleMap } from '../quantizers/xnorNet.ts';
import type { NamedArray } from '../tensorFile.ts';
import { checkFeature, convolvedSize, pair, type WindowConfig } from './binarized.ts';
import { type CallContext, callContext, singleInput, singleShape, variableOf } from './context.ts';

/** What every layer with another method's quantizers takes. */
export interface QuantizedLayerConfig {
  name?: string;
  /** Whether training changes its weights; default yes. */
  trainable?: boolean;
  dtype?: 'float32';
  /** The method, as `methodNamed` reads it: `twn`, `dorefa:1/2`. */
  quantizer: string;
  /** For methods that draw. */
  seed?: number;
}

/** Brings values back between two bounds after each update. */
class Bounds extends tf.serialization.Serializable {
  static readonly className = 'HbnnBounds';
  private readonly min: number;
  private readonly max: number;

  constructor({ min, max }: { min: number; max: number }) {
    super();
    this.min = min;
    this.max = max;
  }

  apply(w: tf.Tensor): tf.Tensor {
    return tf.clipByValue(w, this.min, this.max);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { min: this.min, max: this.max };
  }
}
tf.serialization.registerClass(Bounds);

type Constraint = Parameters<tfl.layers.Layer['addWeight']>[6];
const bounds = (min: number, max: number): Constraint =>
  new Bounds({ min, max }) as unknown as Constraint;

/**
 * A layer with the quantizers of another paper's method in the forward pass: y = op(Q(x), Q(w)), times the scale map of
 * x where the method has one. Float weights are kept and updated with the method's gradient.
 */
export abstract class QuantizedLayer extends tfl.layers.Layer {
  /** The method's whole name. */
  readonly quantizer: string;
  private readonly quantizers: LayerQuantizers;
  private kernel!: tfl.LayerVariable;
  private learned: tfl.LayerVariable[] = [];
  private outputs = 0;
  private latest: QuantizerCall | undefined;
  private frozen: tf.Tensor | undefined;

  constructor(config: QuantizedLayerConfig) {
    super(config as object);
    const method = methodNamed(config.quantizer, `layer '${this.name}'`);
    this.quantizer = method.name;
    this.quantizers = method.layer(random(config.seed ?? 0, 'quantizer', this.name).uint32());
  }

  /** Make kernel and learned numbers; `outputs` is the number of filters, `feature` the shape of one input. */
  protected setUp(
    kernelName: string,
    shape: number[],
    outputs: number,
    feature: readonly number[],
  ): void {
    checkFeature(this.name, feature);
    this.outputs = outputs;
    const { weights } = this.quantizers;
    const zeros = tfl.initializers.zeros();
    const clip = weights.clipped ? bounds(-1, 1) : undefined;
    this.kernel = this.addWeight(kernelName, shape, 'float32', zeros, undefined, true, clip);
    this.learned = weights.learned.map(({ name, initial, min, max }) => {
      const first = tfl.initializers.constant({ value: initial });
      return this.addWeight(name, [1], 'float32', first, undefined, true, bounds(min, max));
    });
    if (weights.penalty !== undefined) this.addLoss(() => this.penalty() as tf.Scalar);
    this.built = true;
  }

  /** The layer's own operation on quantized inputs and kernel. */
  protected abstract product(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor;

  /** XNOR-Net's scale map of the inputs, of a shape that the product can be multiplied with. */
  protected abstract scales(x: tf.Tensor): tf.Tensor;

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: unknown): tf.Tensor {
    return tf.tidy(() => {
      const x = singleInput(inputs);
      const { inputs: quantizer } = this.quantizers;
      const kernel = this.forwardKernel(this.callOf(callContext(kwargs)));
      const y = this.product(quantizer?.quantize(x) ?? x, kernel);
      return quantizer?.scaled ? tf.mul(y, this.scales(x)) : y;
    });
  }

  private callOf({ training, recalibrate, step = 0, done = 0 }: CallContext): QuantizerCall {
    const learned = this.learned.map(variableOf);
    // Recalibration computes batch statistics of the network as it will be stored.
    const call = { training: training === true && recalibrate === undefined, step, done, learned };
    this.latest = call;
    return call;
  }

  private penalty(): tf.Tensor {
    const { weights } = this.quantizers;
    return (this.latest && weights.penalty?.(this.latest)) ?? tf.scalar(0);
  }

  /** The kernel as the forward pass sees it. */
  private forwardKernel(call: QuantizerCall): tf.Tensor {
    if (!call.training && this.frozen) return this.frozen;
    const kernel = variableOf(this.kernel);
    const matrix = tf.reshape(kernel, [kernel.size / this.outputs, this.outputs]) as tf.Tensor2D;
    return tf.reshape(this.quantizers.weights.quantize(matrix, call), kernel.shape);
  }

  /** Quantize the kernel once for a series of inferences, until `thaw`. */
  freeze(): void {
    this.thaw();
    this.frozen = tf.keep(tf.tidy(() => this.forwardKernel(this.callOf({}))));
  }

  /** Release what `freeze` made: the kernel may change again. */
  thaw(): void {
    this.frozen?.dispose();
    this.frozen = undefined;
  }

  /** The kernel as inference sees it, in its own shape. */
  quantizedKernel(): { shape: number[]; data: Float32Array } {
    const kernel = tf.tidy(() => this.forwardKernel(this.callOf({})).clone());
    const data = Float32Array.from(kernel.dataSync());
    const { shape } = kernel;
    kernel.dispose();
    return { shape, data };
  }

  /** How many weights the kernel has, and bits of each at inference. */
  weightBits(): { weights: number; bits: number } {
    const learned = this.learned.map((weight) => variableOf(weight).dataSync()[0]);
    return { weights: variableOf(this.kernel).size, bits: this.quantizers.weights.bits(learned) };
  }

  /** What the method decided in the course of the training: part of a checkpoint and of the trained result. */
  exportState(): NamedArray[] {
    const { state } = this.quantizers.weights;
    if (state === undefined) return [];
    return [{ name: this.stateName, shape: [state.length], data: state.slice() }];
  }

  importState(arrays: ReadonlyMap<string, NamedArray>, where: string): void {
    const { state } = this.quantizers.weights;
    if (state === undefined) return;
    const stored = arrays.get(this.stateName);
    if (stored === undefined || stored.data.length !== state.length)
      throw new HbnnError(
        `${where}: expected ${this.stateName} with ${state.length} values, got ${stored?.data.length ?? 'none'}; ` +
          'it belongs to another network or configuration',
      );
    state.set(stored.data);
  }

  private get stateName(): string {
    return `${this.name}/quantizer_state`;
  }

  override dispose(): ReturnType<tfl.layers.Layer['dispose']> {
    this.thaw();
    return super.dispose();
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), quantizer: this.quantizer };
  }
}

/** The layers of a model that have another method's quantizers, in order. */
export function quantizedLayers(model: tfl.LayersModel): QuantizedLayer[] {
  return model.layers.filter((layer) => layer instanceof QuantizedLayer);
}

/** Bits per weight on average over the layers with another method's quantizers; undefined where there are none. */
export function averageWeightBits(model: tfl.LayersModel): number | undefined {
  const layers = quantizedLayers(model).map((layer) => layer.weightBits());
  if (layers.length === 0) return undefined;
  const all = layers.reduce((sum, { weights }) => sum + weights, 0);
  return layers.reduce((sum, { weights, bits }) => sum + bits * weights, 0) / all;
}

export interface QuantizedConv2DConfig extends QuantizedLayerConfig, WindowConfig {
  filters: number;
}

const windowOf = ({ kernelSize, strides = 1, padding = 'same' }: WindowConfig) => ({
  kernelSize: pair(kernelSize),
  strides: pair(strides),
  padding,
});

/** A window that averages: every weight is 1 / (height · width). */
const boxFilter = ([height, width]: readonly [number, number], channels: number): tf.Tensor4D =>
  tf.fill([height, width, channels, 1], 1 / (height * width)) as tf.Tensor4D;

/** Convolution on [batch, height, width, channels]; kernel [height, width, inputs, filters]. */
export class QuantizedConv2D extends QuantizedLayer {
  static readonly className = 'HbnnQuantizedConv2D';
  private readonly config: QuantizedConv2DConfig;

  constructor(config: QuantizedConv2DConfig) {
    super(config);
    this.config = config;
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const { kernelSize, filters } = this.config;
    const feature = singleShape(inputShape).slice(1) as number[];
    this.setUp('kernel', [...pair(kernelSize), feature[2], filters], filters, feature);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const [batch, ...feature] = singleShape(inputShape);
    return [batch, ...convolvedSize(this.name, feature, this.config), this.config.filters];
  }

  protected override product(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
    const { strides, padding } = windowOf(this.config);
    return tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, strides, padding);
  }

  protected override scales(x: tf.Tensor): tf.Tensor {
    const { kernelSize, strides, padding } = windowOf(this.config);
    return scaleMap(x, true, (magnitudes) =>
      tf.conv2d(magnitudes as tf.Tensor4D, boxFilter(kernelSize, 1), strides, padding),
    );
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), filters: this.config.filters, ...windowOf(this.config) };
  }
}
tf.serialization.registerClass(QuantizedConv2D);

export interface QuantizedDepthwiseConv2DConfig extends QuantizedLayerConfig, WindowConfig {}

/** Depthwise convolution, one filter per channel; kernel [height, width, channels, 1]. */
export class QuantizedDepthwiseConv2D extends QuantizedLayer {
  static readonly className = 'HbnnQuantizedDepthwiseConv2D';
  private readonly config: QuantizedDepthwiseConv2DConfig;

  constructor(config: QuantizedDepthwiseConv2DConfig) {
    super(config);
    this.config = config;
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const feature = singleShape(inputShape).slice(1) as number[];
    const kernel = [...pair(this.config.kernelSize), feature[2], 1];
    this.setUp('depthwise_kernel', kernel, feature[2], feature);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const [batch, ...feature] = singleShape(inputShape);
    return [batch, ...convolvedSize(this.name, feature, this.config), feature[2]];
  }

  protected override product(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
    const { strides, padding } = windowOf(this.config);
    return tf.depthwiseConv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, strides, padding);
  }

  protected override scales(x: tf.Tensor): tf.Tensor {
    const { kernelSize, strides, padding } = windowOf(this.config);
    const box = boxFilter(kernelSize, x.shape.at(-1) as number);
    return scaleMap(x, false, (magnitudes) =>
      tf.depthwiseConv2d(magnitudes as tf.Tensor4D, box, strides, padding),
    );
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...windowOf(this.config) };
  }
}
tf.serialization.registerClass(QuantizedDepthwiseConv2D);

export interface QuantizedDenseConfig extends QuantizedLayerConfig {
  units: number;
}

/** Fully connected layer on [batch, inputs]; kernel [inputs, units]. */
export class QuantizedDense extends QuantizedLayer {
  static readonly className = 'HbnnQuantizedDense';
  private readonly units: number;

  constructor(config: QuantizedDenseConfig) {
    super(config);
    this.units = config.units;
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const feature = singleShape(inputShape).slice(1) as number[];
    if (feature.length !== 1)
      throw new HbnnError(
        `${this.name}: expected inputs of shape [batch, features], got [batch, ${feature.join(', ')}]; ` +
          'flatten them first',
      );
    this.setUp('kernel', [feature[0], this.units], this.units, feature);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    return [singleShape(inputShape)[0], this.units];
  }

  protected override product(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
    return tf.matMul(x, kernel);
  }

  protected override scales(x: tf.Tensor): tf.Tensor {
    return scaleMap(x, true, (magnitudes) => magnitudes);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), units: this.units };
  }
}
tf.serialization.registerClass(QuantizedDense);
