import { HbnnError } from '@hbnn/core';
import type { FeatureShape, Padding4, TrainedLayer } from '@hbnn/model';
import type { LayerConfig } from './layerConfig.ts';
import type { Link } from './modelChain.ts';
import { type Place, sameShape, unpadded } from './place.ts';
import {
  averagePooling,
  explicitAveragePooling,
  explicitMaxPooling,
  globalAveragePooling,
  globalMaxPooling,
  maxPooling,
} from './poolForms.ts';
import { convolution, dense, depthwise, normOf, separable, withBias } from './weightForms.ts';

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
  MaxPooling2D: { reads: pooling, build: maxPooling },
  AveragePooling2D: { reads: pooling, build: averagePooling },
  HbnnMaxPooling2D: { reads: pooling, build: explicitMaxPooling },
  HbnnAveragePooling2D: { reads: pooling, build: explicitAveragePooling },
  GlobalMaxPooling2D: { reads: ['dataFormat'], build: globalMaxPooling },
  GlobalAveragePooling2D: { reads: ['dataFormat'], build: globalAveragePooling },
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

const paddedMap = (map: FeatureShape, [top, left, bottom, right]: Padding4): FeatureShape => [
  map[0] + top + bottom,
  map[1] + left + right,
  map[2],
];

/** A reshape leaves values where they are: what follows finds them flat, or in the shape of the map. */
function reshape({ name, input, output, map }: Place): TrainedLayer[] {
  const asMap = output.length === 3 && output.every((n, axis) => n === map[axis]);
  if (output.length === 3 && !asMap)
    throw new HbnnError(
      `${name}: exportModel expected a Reshape that flattens or gives the map's own shape [${map.join(', ')}], got [${output.join(', ')}]; an integer model keeps each map as it lies`,
    );
  return sameShape(input, output) ? [] : [{ kind: 'flatten', name }];
}
