import { averageBits, type FloatTensor, HbnnError, type ResidualTensor, random } from '@hbnn/core';
import { type Binarizer, type BinarizerSpec, binarizer } from '@hbnn/core/binarizer';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { binarizeWeights } from '../ops/binarizeWeights.ts';
import { Curvature } from '../ops/curvature.ts';
import type { Precision, WeightPrecision } from '../precision.ts';
import type { NamedArray } from '../tensorFile.ts';
import { windowTooLarge } from '../windowsFit.ts';
import {
  type CallContext,
  callContext,
  mapIsFree,
  singleInput,
  singleShape,
  variableOf,
} from './context.ts';
import { InputBinarization, type StaticInputs } from './inputBinarization.ts';
import { type KeptProperties, keptConfig, weightParts } from './keptProperties.ts';

/** What every binarized layer takes. */
export interface BinarizedLayerConfig extends KeptProperties {
  name?: string;
  /** Whether training changes its weights; default yes. */
  trainable?: boolean;
  dtype?: 'float32';
  /** Bits of weights and inputs; what is left out stays float. */
  precision: Precision;
  /** Add a learned bias to each output; default no, since batch norm follows. */
  useBias?: boolean;
  /** For the `random` selection. */
  seed?: number;
}

/**
 * A layer whose kernel, inputs or both are binarized in the forward pass: y = op(B(x), B(w)), with
 * residual binarization B under a bit map (Eq. 5). Float weights are kept and updated through the
 * straight-through estimator; the map is renewed as the weights move.
 */
export abstract class BinarizedLayer extends tfl.layers.Layer {
  readonly precision: Precision;
  protected readonly useBias: boolean;
  private readonly seed: number;
  private readonly kept: KeptProperties;
  private kernel!: tfl.LayerVariable;
  /** The kernel's shape as core reads it, outputs last. */
  private coreShape: readonly number[] = [];
  private bias: tfl.LayerVariable | undefined;
  private weightBinarizer: Binarizer | undefined;
  private curvature: Curvature | undefined;
  private inputBinarization: InputBinarization | undefined;
  private frozen: tf.Tensor | undefined;

  constructor(config: BinarizedLayerConfig) {
    super(config as object);
    this.precision = config.precision;
    this.useBias = config.useBias ?? false;
    this.seed = random(config.seed ?? 0, 'map', this.name).uint32();
    this.kept = config;
  }

  /** Make kernel, bias and binarizers; `spec` is the kernel's shape as core reads it, outputs last. */
  protected setUp(
    kernelName: string,
    kernelShape: number[],
    spec: { shape: number[]; outputs: number },
    feature: readonly number[],
  ): void {
    checkFeature(this.name, feature);
    this.coreShape = spec.shape;
    const parts = weightParts(this.kept);
    this.kernel = this.addWeight(
      kernelName,
      kernelShape,
      'float32',
      parts.kernelInitializer,
      parts.kernelRegularizer,
      true,
      parts.kernelConstraint,
    );
    if (this.useBias)
      this.bias = this.addWeight(
        'bias',
        [spec.outputs],
        'float32',
        parts.biasInitializer,
        parts.biasRegularizer,
        true,
        parts.biasConstraint,
      );
    const { weights, inputs } = this.precision;
    if (weights) this.weightBinarizer = binarizer(this.specOf(weights, spec.shape));
    if (weights?.select === 'curvature')
      this.curvature = new Curvature(tf.util.sizeFromShape(spec.shape));
    if (inputs) this.inputBinarization = new InputBinarization(inputs, feature, this.seed);
    this.built = true;
  }

  private specOf(weights: WeightPrecision, shape: number[]): BinarizerSpec {
    const { mix, mapPer, scalePer, scaleForm, balance, minBits } = weights;
    const select = weights.select === 'curvature' ? 'gain' : weights.select;
    const average = averageBits(mix);
    return {
      shape,
      layout: 'outputs-last',
      mapPer,
      scalePer,
      scaleForm,
      select,
      seed: this.seed,
      balance,
      minBits,
      ...(select === 'optimal' || select === 'gain' ? { average } : { mix }),
    };
  }

  /** The layer's own operation on binarized inputs and kernel. */
  protected abstract product(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor;

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: unknown): tf.Tensor {
    return tf.tidy(() => {
      const context = callContext(kwargs);
      const x = singleInput(inputs);
      const y = this.product(
        this.inputBinarization?.apply(x, context) ?? x,
        this.forwardKernel(context),
      );
      return this.bias ? tf.add(y, this.bias.read()) : y;
    });
  }

  /** The kernel as the forward pass sees it. */
  private forwardKernel(context: CallContext): tf.Tensor {
    const kernel = variableOf(this.kernel);
    const { weightBinarizer, precision, curvature } = this;
    if (weightBinarizer === undefined || precision.weights === undefined) return kernel;
    if (!context.training && this.frozen) return this.frozen;
    const renew = renewalDue(precision.weights, context);
    const shape = [...weightBinarizer.spec.shape];
    const binarized = this.naming(() =>
      binarizeWeights(tf.reshape(kernel, shape), weightBinarizer, { renew, curvature }),
    );
    return tf.reshape(binarized, kernel.shape);
  }

  /** What the kernel is multiplied with: the inputs as inference binarizes them, with the layer's zeros around them. */
  multiplied(x: tf.Tensor): tf.Tensor {
    return this.withZeros(this.inputBinarization?.apply(x, {}) ?? x);
  }

  /** Inputs with the zeros around them that the layer itself puts there. */
  protected withZeros(x: tf.Tensor): tf.Tensor {
    return x;
  }

  /** Take other values for the kernel, in the order of `trainedKernel`, and add to the bias where there is one. */
  replaceKernel(values: Float32Array, biasShift?: Float32Array): void {
    const kernel = variableOf(this.kernel);
    tf.tidy(() => {
      kernel.assign(tf.tensor(values, kernel.shape));
      if (this.bias === undefined || biasShift === undefined) return;
      const bias = variableOf(this.bias);
      bias.assign(tf.add(bias, tf.tensor(biasShift, bias.shape)));
    });
  }

  /** Binarize the kernel once for a series of inferences, until `thaw`. */
  freeze(): void {
    this.thaw();
    if (this.precision.weights) this.frozen = tf.keep(tf.tidy(() => this.forwardKernel({})));
  }

  /** Release what `freeze` made: the kernel may change again. */
  thaw(): void {
    this.frozen?.dispose();
    this.frozen = undefined;
  }

  /** Binarized inputs as inference finds them; undefined where inputs stay float. */
  inputMap(): StaticInputs | 'dynamic' | undefined {
    return this.inputBinarization?.atInference();
  }

  /** The kernel as trained, its shape that of core's `outputs-last` layout, and its binarization. */
  trainedKernel(): { values: FloatTensor; binarized?: ResidualTensor } {
    const data = variableOf(this.kernel).dataSync() as Float32Array;
    const { weightBinarizer: b, precision } = this;
    const values = { shape: [...this.coreShape], data };
    if (b === undefined || precision.weights === undefined) return { values };
    // As inference does: the map follows the weights unless it was kept by choice.
    return this.naming(() => {
      if (renewalDue(precision.weights as WeightPrecision, {}))
        b.renew(data, this.curvature?.importance());
      return { values, binarized: b.result(data) };
    });
  }

  /** Binarize, and where that fails because of the kernel's values say whose they are. */
  private naming<T>(binarize: () => T): T {
    try {
      return binarize();
    } catch (error) {
      const values = variableOf(this.kernel).dataSync();
      const at = values.findIndex((value) => !Number.isFinite(value));
      if (at < 0) throw error;
      throw new HbnnError(
        `layer '${this.name}': expected finite weights, got ${values[at]} in its kernel at index ${at}; the training diverged, lower the learning rate`,
      );
    }
  }

  /** The bias, where there is one. */
  trainedBias(): Float32Array | undefined {
    return this.bias && (variableOf(this.bias).dataSync() as Float32Array);
  }

  /** Maps, scales and running statistics, which are part of a checkpoint and of the trained result. */
  exportMaps(): NamedArray[] {
    const { weightBinarizer: b } = this;
    const weights =
      b === undefined
        ? []
        : [
            { name: `${this.name}/map`, shape: [...b.spec.shape], data: b.bits.slice() },
            ...b.scales.map((data, n) => ({
              name: `${this.name}/scales${n + 1}`,
              shape: [data.length],
              data: data.slice(),
            })),
          ];
    const curvature = this.curvature && {
      name: `${this.name}/curvature`,
      shape: [this.curvature.values.length],
      data: this.curvature.values.slice(),
    };
    return [
      ...weights,
      ...(curvature ? [curvature] : []),
      ...(this.inputBinarization?.exportArrays(`${this.name}/input_`) ?? []),
    ];
  }

  importMaps(arrays: ReadonlyMap<string, NamedArray>, where: string): void {
    const take = (name: string, length: number): NamedArray => {
      const stored = arrays.get(name);
      if (stored === undefined || stored.data.length !== length) {
        throw new HbnnError(
          `${where}: expected ${name} with ${length} values, got ${stored?.data.length ?? 'none'}; ` +
            'it belongs to another network or configuration',
        );
      }
      return stored;
    };
    const { weightBinarizer: b } = this;
    if (b !== undefined) {
      const bits = take(`${this.name}/map`, b.bits.length).data as Uint8Array;
      const scales: Float32Array[] = [];
      for (let n = 1; arrays.has(`${this.name}/scales${n}`); n++) {
        scales.push(arrays.get(`${this.name}/scales${n}`)?.data as Float32Array);
      }
      b.restore({ bits, scales });
    }
    const { curvature } = this;
    if (curvature) {
      const { data } = take(`${this.name}/curvature`, curvature.values.length);
      curvature.values.set(data as Float32Array);
    }
    this.inputBinarization?.importArrays(`${this.name}/input_`, take);
  }

  override dispose(): ReturnType<tfl.layers.Layer['dispose']> {
    this.thaw();
    return super.dispose();
  }

  override getConfig(): tf.serialization.ConfigDict {
    const precision = this.precision as unknown as tf.serialization.ConfigDict;
    return { ...super.getConfig(), ...keptConfig(this.kept), precision, useBias: this.useBias };
  }
}

/** Check the shape of a layer's inputs. @throws HbnnError where a size is open or below 1 */
export function checkFeature(name: string, feature: readonly (number | null)[]): void {
  if (feature.every((size) => size !== null && size >= 1)) return;
  throw new HbnnError(
    `layer '${name}': expected inputs of fixed sizes of at least 1, got [${feature.map((size) => size ?? 'any').join(', ')}]; build the model with an inputShape of whole numbers, large enough for its pools and strides`,
  );
}

/** At inference the map follows the weights unless it was frozen by choice. */
function renewalDue(
  { renewEvery: every, freezeAt, keepMap }: WeightPrecision,
  context: CallContext,
): boolean {
  if (keepMap || !mapIsFree(freezeAt, context)) return false;
  if (!context.training || context.recalibrate !== undefined) return every === 1;
  const step = context.step ?? 0;
  return every === 0 ? step === 0 : step % every === 0;
}

/** The binarized layers of a model, in order. */
export function binarizedLayers(model: tfl.LayersModel): BinarizedLayer[] {
  return model.layers.filter((layer) => layer instanceof BinarizedLayer);
}

/** A size in both directions, or [height, width]. */
type Size2D = number | readonly [height: number, width: number];

export const pair = (size: Size2D): [number, number] =>
  typeof size === 'number' ? [size, size] : [size[0], size[1]];

/** What both convolutions take. */
export interface WindowConfig {
  kernelSize: Size2D;
  strides?: Size2D;
  padding?: 'same' | 'valid';
}

/** Zeros around a map: [[top, bottom], [left, right]]. */
export type ZeroPadding = readonly [readonly [number, number], readonly [number, number]];

/** What both binarized convolutions take. */
interface BinarizedWindowConfig extends BinarizedLayerConfig, WindowConfig {
  /**
   * Zeros put around the inputs once these are binarized, as ZeroPadding2D puts them around float ones; they add
   * nothing to a sum. `padding` counts from the padded map. Default none.
   */
  zeroPadding?: ZeroPadding;
}

/** Inputs with the zeros of a layer's own around them. */
function padded(x: tf.Tensor, zeros: ZeroPadding | undefined): tf.Tensor4D {
  if (zeros === undefined) return x as tf.Tensor4D;
  const [rows, columns] = zeros.map(([before, after]): [number, number] => [before, after]);
  return tf.pad4d(x as tf.Tensor4D, [[0, 0], rows, columns, [0, 0]]);
}

/** A feature map's sizes with the zeros of a layer's own around it. */
const paddedSizes = (
  feature: readonly (number | null)[],
  zeros: ZeroPadding | undefined,
): (number | null)[] =>
  feature.map((size, axis) =>
    size === null || axis > 1 ? size : size + (zeros?.[axis][0] ?? 0) + (zeros?.[axis][1] ?? 0),
  );

/** A window as a configuration keeps it; zeros of its own only where there are some. */
function windowOf(config: BinarizedWindowConfig): tf.serialization.ConfigDict {
  const { kernelSize, strides = 1, padding = 'same', zeroPadding } = config;
  const window = { kernelSize: pair(kernelSize), strides: pair(strides), padding };
  if (zeroPadding === undefined) return window;
  return { ...window, zeroPadding: zeroPadding.map((sizes) => [...sizes]) };
}

export interface BinarizedConv2DConfig extends BinarizedWindowConfig {
  filters: number;
}

/** Convolution on [batch, height, width, channels]; kernel [height, width, inputs, filters]. */
export class BinarizedConv2D extends BinarizedLayer {
  static readonly className = 'HbnnConv2D';
  private readonly config: BinarizedConv2DConfig;

  constructor(config: BinarizedConv2DConfig) {
    super(config);
    this.config = config;
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const feature = singleShape(inputShape).slice(1) as number[];
    const { kernelSize, filters } = this.config;
    const shape = [...pair(kernelSize), feature[2], filters];
    this.setUp('kernel', shape, { shape, outputs: filters }, feature);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const [batch, ...feature] = singleShape(inputShape);
    return [
      batch,
      ...convolvedSize(this.name, paddedSizes(feature, this.config.zeroPadding), this.config),
      this.config.filters,
    ];
  }

  protected override product(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
    const { strides = 1, padding = 'same' } = this.config;
    return tf.conv2d(
      this.withZeros(x) as tf.Tensor4D,
      kernel as tf.Tensor4D,
      pair(strides),
      padding,
    );
  }

  protected override withZeros(x: tf.Tensor): tf.Tensor4D {
    return padded(x, this.config.zeroPadding);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), filters: this.config.filters, ...windowOf(this.config) };
  }
}
tf.serialization.registerClass(BinarizedConv2D);

export interface BinarizedDepthwiseConv2DConfig extends BinarizedWindowConfig {}

/** Depthwise convolution, one filter per channel; kernel [height, width, channels, 1]. */
export class BinarizedDepthwiseConv2D extends BinarizedLayer {
  static readonly className = 'HbnnDepthwiseConv2D';
  private readonly config: BinarizedDepthwiseConv2DConfig;

  constructor(config: BinarizedDepthwiseConv2DConfig) {
    super(config);
    this.config = config;
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const feature = singleShape(inputShape).slice(1) as number[];
    const [height, width] = pair(this.config.kernelSize);
    const channels = feature[2];
    // Each output sees one input, so core reads the same memory as [height, width, 1, outputs].
    const spec = { shape: [height, width, 1, channels], outputs: channels };
    this.setUp('depthwise_kernel', [height, width, channels, 1], spec, feature);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const [batch, ...feature] = singleShape(inputShape);
    return [
      batch,
      ...convolvedSize(this.name, paddedSizes(feature, this.config.zeroPadding), this.config),
      feature[2],
    ];
  }

  protected override product(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
    const { strides = 1, padding = 'same' } = this.config;
    return tf.depthwiseConv2d(
      this.withZeros(x) as tf.Tensor4D,
      kernel as tf.Tensor4D,
      pair(strides),
      padding,
    );
  }

  protected override withZeros(x: tf.Tensor): tf.Tensor4D {
    return padded(x, this.config.zeroPadding);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...windowOf(this.config) };
  }
}
tf.serialization.registerClass(BinarizedDepthwiseConv2D);

export interface BinarizedDenseConfig extends BinarizedLayerConfig {
  units: number;
}

/** Fully connected layer on [batch, inputs]; kernel [inputs, units]. */
export class BinarizedDense extends BinarizedLayer {
  static readonly className = 'HbnnDense';
  private readonly config: BinarizedDenseConfig;

  constructor(config: BinarizedDenseConfig) {
    super(config);
    this.config = config;
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const feature = singleShape(inputShape).slice(1) as number[];
    if (feature.length !== 1) {
      throw new HbnnError(
        `${this.name}: expected inputs of shape [batch, features], got [batch, ${feature.join(', ')}]; ` +
          'flatten them first',
      );
    }
    const shape = [feature[0], this.config.units];
    this.setUp('kernel', shape, { shape, outputs: this.config.units }, feature);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    return [singleShape(inputShape)[0], this.config.units];
  }

  protected override product(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
    return tf.matMul(x, kernel);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), units: this.config.units };
  }
}
tf.serialization.registerClass(BinarizedDense);

/**
 * Height and width of a convolution's output, null where those of the input are open.
 *
 * @throws WindowError where the kernel does not fit the input
 */
export function convolvedSize(
  name: string,
  feature: tfl.Shape,
  config: WindowConfig,
): (number | null)[] {
  const { kernelSize, strides = 1, padding = 'same' } = config;
  const [kernel, stride] = [pair(kernelSize), pair(strides)];
  const map = feature.slice(0, 2);
  if (padding === 'valid' && map.some((size, axis) => size !== null && size < kernel[axis]))
    throw windowTooLarge(`layer '${name}':`, 'kernel', kernel, map);
  return map.map((size, axis) => {
    if (size === null) return null;
    return padding === 'same'
      ? Math.ceil(size / stride[axis])
      : Math.floor((size - kernel[axis]) / stride[axis]) + 1;
  });
}
