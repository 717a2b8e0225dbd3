import { HbnnError, outputsFirst } from '@hbnn/core';
import type { FeatureShape, Padding4, TrainedLayer } from '@hbnn/model';
import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type { LayerConfig } from './layerConfig.ts';
import type { Link } from './modelChain.ts';

/** A layer where it lies: `map` is the feature map in memory, whatever shape the framework gives it. */
export interface Place extends Link {
  readonly name: string;
  readonly map: FeatureShape;
  /** Zeros that padding layers before have put around the map. */
  readonly zeros: Padding4;
  /** Whether no value is below 0, so that zeros around it are no maximum. */
  readonly nonNegative: boolean;
}

/** How one class of layers is exported. */
interface Form {
  /** Configuration fields that decide what is exported, or that `expect` checks. */
  readonly reads: readonly string[];
  /** Fields that do nothing at inference. */
  readonly training?: readonly string[];
  readonly build: (place: Place) => TrainedLayer[];
}

const everyLayer = ['name', 'trainable', 'batchInputShape', 'inputDType', 'dtype'];
const ofKernel = ['kernelInitializer', 'kernelRegularizer', 'kernelConstraint'];
const ofBias = ['biasInitializer', 'biasRegularizer', 'biasConstraint', 'activityRegularizer'];
const ofDepthwise = ['depthwiseInitializer', 'depthwiseRegularizer', 'depthwiseConstraint'];
const ofPointwise = ['pointwiseInitializer', 'pointwiseRegularizer', 'pointwiseConstraint'];
const window = ['kernelSize', 'strides', 'padding', 'dataFormat', 'dilationRate'];
const ends = ['activation', 'useBias'];
const ofNorm = ['beta', 'gamma', 'movingMean', 'movingVariance'].flatMap((of) =>
  ['Initializer', 'Regularizer', 'Constraint'].map((what) => `${of}${what}`),
);
const pooling = ['poolSize', 'strides', 'padding', 'dataFormat'];

/** Layers that do nothing at inference. */
const nothing = (...training: string[]): Form => ({ reads: [], training, build: () => [] });

const forms: Readonly<Record<string, Form | undefined>> = {
  Conv2D: {
    reads: ['filters', ...window, ...ends],
    training: [...ofKernel, ...ofBias],
    build: (place) => withBias(place, convolution(place)),
  },
  DepthwiseConv2D: {
    reads: ['depthMultiplier', ...window, ...ends],
    training: [...ofDepthwise, ...ofBias],
    build: (place) => withBias(place, depthwise(place, place.name)),
  },
  SeparableConv2D: {
    reads: ['filters', 'depthMultiplier', ...window, ...ends],
    training: [...ofDepthwise, ...ofPointwise, ...ofBias],
    build: (place) => separable(place),
  },
  Dense: {
    reads: ['units', ...ends],
    training: [...ofKernel, ...ofBias],
    build: (place) => withBias(place, dense(place)),
  },
  BatchNormalization: {
    reads: ['axis', 'epsilon', 'center', 'scale'],
    training: ['momentum', ...ofNorm],
    build: (place) => {
      const { axis } = place.config;
      if (axis !== -1 && axis !== place.input.length)
        throw new HbnnError(
          `${place.name}: exportModel expected batch norm over the last axis, got axis ${String(axis)}; make it with axis -1`,
        );
      return [normOf(place, place.config.epsilon as number)];
    },
  },
  ReLU: {
    reads: ['maxValue'],
    build: ({ name, config: { maxValue } }) => {
      if (typeof maxValue !== 'number' || maxValue > 0) return [];
      throw new HbnnError(
        `${name}: exportModel expected a maxValue above 0, got ${maxValue}, with which every output is the same; make the ReLU with a larger one or without`,
      );
    },
  },
  LeakyReLU: {
    reads: ['alpha'],
    build: ({ name, config }) => [
      { kind: 'piecewise', name, knots: [0], slopes: [config.alpha as number, 1], atZero: 0 },
    ],
  },
  Activation: { reads: ['activation'], build: () => [] },
  Softmax: { reads: ['axis'], build: () => [] },
  Dropout: nothing('rate', 'noiseShape', 'seed'),
  SpatialDropout1D: nothing('rate', 'noiseShape', 'seed'),
  GaussianNoise: nothing('stddev'),
  GaussianDropout: nothing('rate'),
  AlphaDropout: nothing('rate', 'noiseShape'),
  ActivityRegularization: nothing('l1', 'l2'),
  Add: { reads: [], build: (place) => joined(place, joins.Add) },
  Concatenate: { reads: ['axis'], build: (place) => joined(place, joins.Concatenate) },
  Flatten: {
    reads: ['dataFormat'],
    build: ({ name }) => [{ kind: 'flatten', name }],
  },
  Reshape: { reads: ['targetShape'], build: (place) => reshape(place) },
  Rescaling: {
    reads: ['scale', 'offset'],
    build: ({ name, config }) => [
      {
        kind: 'affine',
        name,
        scales: Float64Array.of(config.scale as number),
        offsets: Float64Array.of(config.offset as number),
      },
    ],
  },
  ZeroPadding2D: { reads: ['padding', 'dataFormat'], build: () => [] },
  MaxPooling2D: {
    reads: pooling,
    build: (place) => {
      const pool = maxPool(place);
      const alone = takesEachAlone(place, pool.size) && place.zeros.every((n) => n === 0);
      return alone ? [] : [{ kind: 'maxPool', name: place.name, ...pool }];
    },
  },
  AveragePooling2D: {
    reads: pooling,
    build: (place) => {
      const { size, strides, padding } = poolOf(place);
      if (place.config.padding !== 'same' && padding.some((n) => n > 0))
        return [zeroCountingPool(place, size, strides)];
      if (place.zeros.some((n) => n > 0)) {
        const beyond = paddingOf({ ...place, zeros: [0, 0, 0, 0] }, size, strides);
        return averagePoolBeyond(place, { size, strides, padding: beyond });
      }
      if (padding.some((n) => n > 0))
        return [{ kind: 'averagePool', name: place.name, size, strides, padding }];
      if (takesEachAlone(place, size)) return [];
      return [{ kind: 'averagePool', name: place.name, size, strides }];
    },
  },
  HbnnMaxPooling2D: {
    reads: pooling,
    build: (place) => {
      const { size, strides } = poolOf(place);
      if (place.zeros.some((n) => n > 0)) throw unpadded(place.name, 'a pool that leaves them out');
      const padding = zerosIn(place.config.padding);
      return [{ kind: 'maxPool', name: place.name, size, strides, padding }];
    },
  },
  HbnnAveragePooling2D: {
    reads: pooling,
    build: (place) => {
      const { size, strides } = poolOf(place);
      return averagePoolBeyond(place, { size, strides, padding: zerosIn(place.config.padding) });
    },
  },
  GlobalMaxPooling2D: {
    reads: ['dataFormat'],
    build: ({ name, map: [height, width] }) => {
      const size = [height, width] as const;
      if (height === 1 && width === 1) return [];
      return [{ kind: 'maxPool', name, size, strides: size, padding: [0, 0, 0, 0] }];
    },
  },
  GlobalAveragePooling2D: {
    reads: ['dataFormat'],
    build: ({ name, map: [height, width] }) => {
      const size = [height, width] as const;
      if (height === 1 && width === 1) return [];
      return [{ kind: 'averagePool', name, size, strides: size }];
    },
  },
};

/** Layers at which branches meet, by their class. */
const joins = { Add: 'add', Concatenate: 'concat' } as const;

/** Whether branches meet at a layer. */
export const isJoin = ({ layer }: Link): boolean => Object.hasOwn(joins, layer.getClassName());

/** Where branches meet; which layers they end at is filled in by whoever knows their names. */
function joined(place: Place, kind: 'add' | 'concat'): TrainedLayer[] {
  const { name, config, inputs } = place;
  const rank = inputs[0].length;
  if (kind === 'concat' && config.axis !== -1 && config.axis !== rank)
    throw new HbnnError(
      `${name}: exportModel expected a concatenation of channels, got axis ${String(config.axis)} of [${inputs[0].join(', ')}]; make it with axis -1`,
    );
  if (kind === 'concat' && rank === 2)
    throw new HbnnError(
      `${name}: exportModel expected a concatenation of feature maps or of flat values, got [${inputs[0].join(', ')}]; concatenate the maps before their Reshape`,
    );
  const size = kind === 'add' ? rank : rank - 1;
  const other = inputs.find(
    (shape) =>
      shape.length !== rank || shape.some((n, axis) => axis < size && n !== inputs[0][axis]),
  );
  if (other !== undefined)
    throw new HbnnError(
      `${name}: exportModel expected inputs of ${kind === 'add' ? 'one shape' : 'one height and width'}, got [${inputs[0].join(', ')}] and [${other.join(', ')}]; make the branches alike`,
    );
  return [{ kind, name, inputs: [] }];
}

/**
 * What a layer of tf.layers comes to, but for its activation.
 *
 * @throws HbnnError naming the layer: a class without integer form, a configuration field or value without one, or a
 *   feature map of another shape than the layer's kind takes
 */
export function formOf(place: Place): TrainedLayer[] {
  const { name, layer, config } = place;
  const kind = layer.getClassName();
  const form = forms[kind];
  if (kind === 'Multiply')
    throw new HbnnError(
      `${name}: exportModel expected sums and comparisons of values, got Multiply, a gate that multiplies values with others, as in squeeze-and-excitation, which integer models have not; take the gate out of the network, and train it a little more before it is binarized`,
    );
  if (form === undefined)
    throw new HbnnError(
      `${name}: exportModel expected a layer with an integer form (${Object.keys(forms).join(', ')}), got ${kind}; take it out, or put one of these in its place`,
    );
  checkFields(place, kind);
  if (config.dataFormat === 'channelsFirst')
    throw new HbnnError(
      `${name}: exportModel expected channels last, got dataFormat 'channelsFirst'; build the model with channelsLast and give it the same weights`,
    );
  checkMap(place, kind);
  return form.build(place);
}

/**
 * Check that a layer has no configuration field that nothing here knows.
 *
 * @throws HbnnError naming layer and field
 */
export function checkKnownFields(
  name: string,
  kind: string,
  config: LayerConfig,
  task: string,
): void {
  const { reads = [], training = [] } = forms[kind] ?? {};
  const known = new Set([...everyLayer, ...reads, ...training]);
  for (const [field, value] of Object.entries(config)) {
    if (known.has(field) || value === null || value === undefined) continue;
    throw new HbnnError(
      `${name}: ${task} knows no field '${field}' of ${kind}, got ${JSON.stringify(value)}; make the layer without it`,
    );
  }
}

function checkFields({ name, config }: Place, kind: string): void {
  checkKnownFields(name, kind, config, 'exportModel');
  expectValue(name, config, 'dtype', ['float32']);
  const isNumbers = /^(ZeroPadding2D|Hbnn(Max|Average)Pooling2D)$/.test(kind);
  expectValue(name, config, 'padding', isNumbers ? undefined : ['valid', 'same']);
  expectValue(name, config, 'dataFormat', ['channelsLast', 'channelsFirst']);
  if ([config.dilationRate].flat().some((rate) => typeof rate === 'number' && rate > 1))
    throw new HbnnError(
      `${name}: expected no dilation, which integer models have not; make it with dilationRate 1`,
    );
}

function expectValue(
  name: string,
  config: LayerConfig,
  field: string,
  values: readonly string[] | undefined,
): void {
  const value = config[field];
  if (values === undefined || value === null || value === undefined) return;
  if (!values.includes(String(value)))
    throw new HbnnError(
      `${name}: exportModel expected ${field} ${values.join(' or ')}, got ${JSON.stringify(value)}; make it with ${field} '${values[0]}'`,
    );
}

/** Layers that see rows and columns; the others take values in memory order, or channels last. */
const spatial = /Conv2D|Pooling2D|ZeroPadding2D/;
/** What may lie between a padding layer and the layer that takes the padding over: 0 stays 0 there. */
const keepsZeros = /^(ZeroPadding2D|ReLU|LeakyReLU|Activation)$|Dropout|Noise|Regularization/;

function checkMap({ name, input, map, zeros }: Place, kind: string): void {
  const padded = zeros.some((n) => n > 0);
  const whole = paddedMap(map, zeros);
  const asMap = input.length === 3 && input.every((n, axis) => n === whole[axis]);
  if (spatial.test(kind) && !asMap) throw unshaped(name, input, whole);
  if (padded && !/Conv2D$|^(Hbnn)?(Max|Average)Pooling2D$/.test(kind) && !keepsZeros.test(kind))
    throw unpadded(name, kind);
  const channels = input.at(-1);
  const fits = channels === map[2] || channels === map[0] * map[1] * map[2];
  if (kind === 'BatchNormalization' && !fits) throw unshaped(name, input, whole);
  if (kind === 'Dense' && !asMap && input.length !== 1) throw unshaped(name, input, whole);
}

const unshaped = (name: string, input: readonly number[], map: readonly number[]): HbnnError =>
  new HbnnError(
    `${name}: exportModel expected inputs of the shape [${map.join(', ')}] of the feature map, or flattened, got [${input.join(', ')}]; take the Reshape before it out`,
  );

export const unpadded = (name: string, kind: string): HbnnError =>
  new HbnnError(
    `${name}: exportModel expected a convolution or max pooling behind zero padding, got ${kind}; put the padding right before the convolution`,
  );

const paddedMap = (map: FeatureShape, [top, left, bottom, right]: Padding4): FeatureShape => [
  map[0] + top + bottom,
  map[1] + left + right,
  map[2],
];

export const sum4 = (a: Padding4, b: Padding4): Padding4 => [
  a[0] + b[0],
  a[1] + b[1],
  a[2] + b[2],
  a[3] + b[3],
];

/** The zeros that a padding layer adds. */
export function zerosOf({ layer, config }: Link): Padding4 {
  if (layer.getClassName() !== 'ZeroPadding2D') return [0, 0, 0, 0];
  return zerosIn(config.padding);
}

/** Zeros as [[top, bottom], [left, right]] in the order of the integer model; none where nothing is given. */
export function zerosIn(given: unknown): Padding4 {
  if (given === undefined) return [0, 0, 0, 0];
  const [[top, bottom], [left, right]] = given as [[number, number], [number, number]];
  return [top, left, bottom, right];
}

/** A layer's weights by their own names: in their order, frozen ones come last. */
export function weightsOf(layer: tfl.layers.Layer): Record<string, tf.Tensor> {
  return Object.fromEntries(
    layer.weights.map((weight) => [weight.originalName.replace(/^.*\//, ''), weight.read()]),
  );
}

const floats = (t: tf.Tensor): Float32Array => t.dataSync() as Float32Array;

export const pair = (value: unknown): [number, number] =>
  typeof value === 'number' ? [value, value] : [...(value as [number, number])];

/** Zeros that TensorFlow's 'same' puts around an input, more at the end where they are odd, and those before. */
export function paddingOf(
  { config, input, zeros }: Place,
  size: readonly number[],
  strides: readonly number[],
): Padding4 {
  if (config.padding !== 'same') return zeros;
  const along = (axis: 0 | 1): [number, number] => {
    const n = input[axis];
    const out = Math.ceil(n / strides[axis]);
    const total = Math.max(0, (out - 1) * strides[axis] + size[axis] - n);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  const [top, bottom] = along(0);
  const [left, right] = along(1);
  return sum4(zeros, [top, left, bottom, right]);
}

function poolOf(place: Place) {
  const size = pair(place.config.poolSize);
  const strides = pair(place.config.strides);
  return { size, strides, padding: paddingOf(place, size, strides) };
}

/** Average pooling of a map with zeros around it, which count: a filter of ones on each channel. */
function zeroCountingPool(
  { name, map, zeros }: Place,
  [height, width]: readonly [number, number],
  strides: [number, number],
): TrainedLayer {
  const channels = map[2];
  const codes = {
    shape: [channels, height, width, 1],
    values: new Int16Array(channels * height * width).fill(1),
    bits: 1,
    scales: new Float64Array(channels).fill(1 / (height * width)),
  };
  return { kind: 'depthwise', name, strides, padding: zeros, weights: { kind: 'codes', codes } };
}

/** Average pooling whose windows reach beyond the map; zeros that padding layers put around the map count. */
function averagePoolBeyond(
  place: Place,
  window: { size: [number, number]; strides: [number, number]; padding: Padding4 },
): TrainedLayer[] {
  const pool: TrainedLayer = { kind: 'averagePool', name: place.name, ...window };
  if (place.zeros.every((n) => n === 0)) return [pool];
  return [zeroCountingPool({ ...place, name: `${place.name}_zeros` }, [1, 1], [1, 1]), pool];
}

/** Max pooling, with zeros around it where no value is below 0. */
function maxPool(place: Place) {
  const pool = poolOf(place);
  if (place.zeros.every((n) => n === 0)) return pool;
  const [top, left, bottom, right] = pool.padding;
  const { size } = pool;
  const inside = Math.max(top, bottom) < size[0] && Math.max(left, right) < size[1];
  if (!place.nonNegative || !inside)
    throw new HbnnError(
      `${place.name}: exportModel expected max pooling behind zero padding to follow a ReLU, with less padding than its window, got other; put the padding before a convolution`,
    );
  return pool;
}

function convolution(place: Place): TrainedLayer {
  return convOf(place, place.name, weightsOf(place.layer).kernel);
}

function convOf(place: Place, name: string, kernel: tf.Tensor): TrainedLayer {
  const strides = pair(place.config.strides);
  const padding = paddingOf(place, kernel.shape, strides);
  const tensor = outputsFirst({ shape: kernel.shape, data: floats(kernel) });
  return { kind: 'conv', name, strides, padding, weights: { kind: 'float', tensor } };
}

function depthwise(place: Place, name: string): TrainedLayer {
  const { depthwise_kernel: kernel } = weightsOf(place.layer);
  const [height, width, inputs, multiplier] = kernel.shape;
  const strides = pair(place.config.strides);
  const padding = paddingOf(place, [height, width], strides);
  // A depthwise kernel [kh, kw, inputs, multiplier] has output inputs · multiplier in that memory order.
  const shape = [height, width, 1, inputs * multiplier];
  const tensor = outputsFirst({ shape, data: floats(kernel) });
  return { kind: 'depthwise', name, strides, padding, weights: { kind: 'float', tensor } };
}

/** Its two layers: filters channel by channel, then a 1×1 convolution with the bias. */
function separable(place: Place): TrainedLayer[] {
  const { pointwise_kernel: kernel, bias } = weightsOf(place.layer);
  const pointwise: TrainedLayer = {
    kind: 'conv',
    name: place.name,
    strides: [1, 1],
    padding: [0, 0, 0, 0],
    weights: { kind: 'float', tensor: outputsFirst({ shape: kernel.shape, data: floats(kernel) }) },
  };
  const both = [depthwise(place, `${place.name}_depthwise`), pointwise];
  return bias === undefined ? both : [...both, biasOf(place.name, floats(bias))];
}

/** A dense layer on a feature map works on each place alike: a 1×1 convolution. */
function dense({ layer, name, input }: Place): TrainedLayer {
  const { kernel } = weightsOf(layer);
  if (input.length === 1) {
    const tensor = outputsFirst({ shape: kernel.shape, data: floats(kernel) });
    return { kind: 'dense', name, weights: { kind: 'float', tensor } };
  }
  const tensor = outputsFirst({ shape: [1, 1, ...kernel.shape], data: floats(kernel) });
  const weights = { kind: 'float', tensor } as const;
  return { kind: 'conv', name, strides: [1, 1], padding: [0, 0, 0, 0], weights };
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, axis) => n === b[axis]);

/** Whether a window takes single values and leaves none out, so that pooling does nothing. */
const takesEachAlone = ({ input, output }: Place, size: readonly number[]): boolean =>
  size.every((n) => n === 1) && sameShape(input, output);

/** A reshape leaves values where they are: what follows finds them flat, or in the shape of the map. */
function reshape({ name, input, output, map }: Place): TrainedLayer[] {
  const asMap = output.length === 3 && output.every((n, axis) => n === map[axis]);
  if (output.length === 3 && !asMap)
    throw new HbnnError(
      `${name}: exportModel expected a Reshape that flattens or gives the map's own shape [${map.join(', ')}], got [${output.join(', ')}]; an integer model keeps each map as it lies`,
    );
  return sameShape(input, output) ? [] : [{ kind: 'flatten', name }];
}

function withBias({ layer, name }: Place, made: TrainedLayer): TrainedLayer[] {
  const { bias } = weightsOf(layer);
  return bias === undefined ? [made] : [made, biasOf(name, floats(bias))];
}

export const biasOf = (name: string, bias: Float32Array): TrainedLayer => ({
  kind: 'affine',
  name: `${name}_bias`,
  scales: new Float64Array(bias.length).fill(1),
  offsets: Float64Array.from(bias),
});

/** y = γ (x − mean) / √(variance + ε) + β as one scale and offset per channel. */
export function normOf({ layer, name, output }: Place, epsilon: number): TrainedLayer {
  const channels = output.at(-1) ?? 0;
  const weights = weightsOf(layer);
  const of = (weight: string, otherwise: number): Float64Array =>
    weights[weight] === undefined
      ? new Float64Array(channels).fill(otherwise)
      : Float64Array.from(weights[weight].dataSync());
  const [gamma, beta] = [of('gamma', 1), of('beta', 0)];
  const [mean, variance] = [of('moving_mean', 0), of('moving_variance', 1)];
  const negative = variance.findIndex((value) => !(value + epsilon > 0));
  if (negative >= 0)
    throw new HbnnError(
      `layer '${name}': exportModel expected variances of at least 0, got ${variance[negative]} as moving variance of channel ${negative}; recalibrate the model on training images, or mend the weights it was loaded with`,
    );
  const scales = gamma.map((g, c) => g / Math.sqrt(variance[c] + epsilon));
  const offsets = beta.map((b, c) => b - scales[c] * mean[c]);
  return { kind: 'affine', name, scales, offsets };
}
