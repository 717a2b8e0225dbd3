import { HbnnError } from '@hbnn/core';
import { groupedConvolution, undilated } from '../assemble/groups.ts';
import type { LayerSpec, WeightArray } from '../assemble/layerSpec.ts';
import type { Fields } from './fields.ts';

/** A layer where it lies. */
interface ReaderContext {
  readonly fields: Fields;
  /** Shapes of the inputs without the batch. */
  readonly inputs: readonly (readonly number[])[];
  readonly take: (...names: string[]) => WeightArray[];
  /** Called where a kernel has zeros between its groups or its dilated values. */
  readonly onZeros: () => void;
}

/** Reads a layer; undefined where it does nothing at inference. */
type Reader = (context: ReaderContext) => LayerSpec | undefined;

function windowOf(fields: Fields, size: 'kernel_size' | 'pool_size') {
  fields.channelsLast();
  const window = fields.pair(size);
  const strides = fields.pair('strides', size === 'pool_size' ? window : [1, 1]);
  return { window, strides, padding: fields.padding() };
}

const biasIn = (fields: Fields): string[] => (fields.flag('use_bias', true) ? ['bias'] : []);

function checkKernel(
  fields: Fields,
  kernel: WeightArray,
  window: readonly number[],
  outputs?: number,
): void {
  const { shape } = kernel;
  const fits = shape[0] === window[0] && shape[1] === window[1];
  if (fits && (outputs === undefined || shape.at(-1) === outputs)) return;
  throw new HbnnError(
    `${fields.where}: expected a kernel of ${window.join('×')}${outputs === undefined ? '' : ` with ${outputs} outputs`}, got one of [${shape.join(', ')}]; save architecture and weights of the same network`,
  );
}

const conv2d: Reader = ({ fields, take, onZeros, inputs }) => {
  const { window, strides, padding } = windowOf(fields, 'kernel_size');
  const filters = fields.number('filters');
  const dilation = fields.pair('dilation_rate', [1, 1]);
  const groups = fields.number('groups', 1);
  const activation = fields.activation();
  const [kernel, bias] = take('kernel', ...biasIn(fields));
  checkKernel(fields, kernel, window, filters);
  const channels = inputs[0].at(-1) as number;
  if (kernel.shape[2] * groups !== channels || filters % groups !== 0)
    throw new HbnnError(
      `${fields.where}: expected a kernel for the ${channels} channels of the input in ${groups} groups, got one of [${kernel.shape.join(', ')}]; save architecture and weights of the same network`,
    );
  const grouped = groupedConvolution(
    { kind: 'conv2d', kernel, bias, strides, padding, dilation, activation },
    groups,
    fields.where,
  );
  if (grouped.hasZeros) onZeros();
  return grouped.spec;
};

const depthwise: Reader = ({ fields, take, onZeros }) => {
  const { window, strides, padding } = windowOf(fields, 'kernel_size');
  const dilation = fields.pair('dilation_rate', [1, 1]);
  const multiplier = fields.number('depth_multiplier', 1);
  const activation = fields.activation();
  // Keras derives these from the input; older versions write them beside the multiplier.
  fields.ignore('filters', 'groups', 'rank');
  const [kernel, bias] = take('depthwise_kernel', ...biasIn(fields));
  checkKernel(fields, kernel, window, multiplier);
  const layer = undilated(
    {
      kind: 'depthwiseConv2d',
      kernel,
      bias,
      strides,
      padding,
      dilation,
      activation,
    },
    fields.where,
  );
  if (layer.hasZeros) onZeros();
  return layer.spec;
};

const separable: Reader = ({ fields, take }) => {
  const { window, strides, padding } = windowOf(fields, 'kernel_size');
  const dilation = fields.pair('dilation_rate', [1, 1]);
  const multiplier = fields.number('depth_multiplier', 1);
  const filters = fields.number('filters');
  const activation = fields.activation();
  fields.only('groups', [1], 'build the layer without groups');
  fields.ignore('rank');
  const names = ['depthwise_kernel', 'pointwise_kernel', ...biasIn(fields)];
  const [depthwise, pointwise, bias] = take(...names);
  checkKernel(fields, depthwise, window, multiplier);
  checkKernel(fields, pointwise, [1, 1], filters);
  const layer = { strides, padding, dilation, activation, bias };
  return { kind: 'separableConv2d', depthwise, pointwise, ...layer };
};

const dense: Reader = ({ fields, take }) => {
  const units = fields.number('units');
  const activation = fields.activation();
  const [kernel, bias] = take('kernel', ...biasIn(fields));
  if (kernel.shape[1] !== units)
    throw new HbnnError(
      `${fields.where}: expected a kernel of ${units} outputs, got one of [${kernel.shape.join(', ')}]; save architecture and weights of the same network`,
    );
  return { kind: 'dense', kernel, bias, activation };
};

const batchNorm: Reader = ({ fields, take, inputs }) => {
  const last = inputs[0].length;
  // The axis is a list in files of some versions.
  fields.lastAxis(last);
  const epsilon = fields.number('epsilon', 0.001);
  const momentum = fields.number('momentum', 0.99);
  fields.only('synchronized', [false], 'build the layer with synchronized false');
  fields.only('renorm', [false], 'build the layer without renorm');
  fields.ignore('renorm_momentum', 'renorm_clipping');
  const [scale, center] = [fields.flag('scale', true), fields.flag('center', true)];
  const names = [...(scale ? ['gamma'] : []), ...(center ? ['beta'] : [])];
  const weights = take(...names, 'moving_mean', 'moving_variance');
  return {
    kind: 'batchNorm',
    gamma: scale ? weights[0] : undefined,
    beta: center ? weights[names.length - 1] : undefined,
    mean: weights[names.length],
    variance: weights[names.length + 1],
    epsilon,
    momentum,
  };
};

const relu: Reader = ({ fields }) => {
  const maxValue = fields.optionalNumber('max_value');
  const slope = fields.number('negative_slope', 0);
  fields.only('threshold', [0], 'build the layer with threshold 0');
  if (slope === 0) return { kind: 'relu', maxValue };
  if (maxValue === undefined) return { kind: 'leakyRelu', slope };
  throw fields.fault('negative_slope', '0 beside max_value', slope, 'leave one of them out');
};

const leakyRelu: Reader = ({ fields }) => {
  const before = fields.optionalNumber('alpha');
  return { kind: 'leakyRelu', slope: before ?? fields.number('negative_slope', 0.3) };
};

const pool =
  (kind: 'maxPool' | 'averagePool'): Reader =>
  ({ fields }) => {
    const { window: size, strides, padding } = windowOf(fields, 'pool_size');
    return { kind, size, strides, padding };
  };

/** A pool of this project's, as hbnn import writes it. */
const paddedPool =
  (kind: 'paddedMaxPool' | 'paddedAveragePool'): Reader =>
  ({ fields }) => {
    const size = fields.pair('pool_size');
    const strides = fields.pair('strides');
    const [rows, columns] = fields.margins('padding');
    const widest = [Math.max(...rows), Math.max(...columns)];
    if (size.some((n, axis) => widest[axis] >= n || strides[axis] < 1))
      throw fields.fault(
        'padding',
        'less than the window, and strides of at least 1',
        [rows, columns],
        'save the network again',
      );
    return { kind, size, strides, rows, columns };
  };

const globalPool =
  (kind: 'globalMaxPool' | 'globalAveragePool'): Reader =>
  ({ fields }) => {
    fields.channelsLast();
    return { kind, keepDims: fields.flag('keepdims', false) };
  };

const zeroPadding: Reader = ({ fields }) => {
  fields.channelsLast();
  const [rows, columns] = fields.margins('padding');
  return { kind: 'zeroPadding', rows, columns };
};

const dropout: Reader = ({ fields }) => {
  const rate = fields.number('rate');
  fields.ignore('seed', 'noise_shape');
  return { kind: 'dropout', rate };
};

/** A layer that acts in training alone. */
const nothing =
  (...fieldNames: readonly string[]): Reader =>
  ({ fields }) => {
    fields.ignore(...fieldNames, 'seed', 'noise_shape');
    return undefined;
  };

/** (x − mean) / deviation, as a batch norm without the small number that batch norms add. */
const normalization: Reader = ({ fields, take, inputs }) => {
  fields.lastAxis(inputs[0].length);
  fields.only('invert', [false], 'build the layer without invert');
  const channels = inputs[0].at(-1) as number;
  const given = ['mean', 'variance'].map((field) => fields.optionalNumbers(field));
  const [mean, { shape, data }] = given.every((values) => values !== undefined)
    ? given.map((values) => weightOf(values as readonly number[], channels, fields.where))
    : take('mean', 'variance', 'count');
  // Keras takes no deviation below 10⁻⁷.
  const variance = { shape, data: data.map((value) => Math.max(value, 1e-14)) };
  return { kind: 'batchNorm', mean, variance, epsilon: 0 };
};

/** Numbers as a weight of one value for each channel; a single one is that of all. */
function weightOf(values: readonly number[], channels: number, where: string): WeightArray {
  if (values.length !== 1 && values.length !== channels)
    throw new HbnnError(
      `${where}: expected ${channels} numbers, one for each channel, got ${values.length}; save the network again`,
    );
  const data = Float32Array.from({ length: channels }, (_, c) => values[c % values.length]);
  return { shape: [channels], data };
}

const elu: Reader = ({ fields }) => {
  fields.only('alpha', [1], 'build the layer with alpha 1');
  return { kind: 'activation', activation: 'elu' };
};

const augmentationFields = [
  'mode',
  'factor',
  'height_factor',
  'width_factor',
  'fill_mode',
  'fill_value',
  'interpolation',
  'value_range',
  'data_format',
];

/** Layers that change images in training alone. */
const augmentations: Readonly<Record<string, Reader>> = Object.fromEntries(
  ['Flip', 'Rotation', 'Zoom', 'Translation', 'Contrast', 'Brightness'].map((name) => [
    `Random${name}`,
    nothing(...augmentationFields),
  ]),
);

/** How each class of Keras's and TensorFlow.js's layers is read. */
export const layerReaders: Readonly<Record<string, Reader | undefined>> = {
  Conv2D: conv2d,
  DepthwiseConv2D: depthwise,
  SeparableConv2D: separable,
  Dense: dense,
  BatchNormalization: batchNorm,
  ReLU: relu,
  LeakyReLU: leakyRelu,
  HbnnHardSwish: () => ({ kind: 'hardSwish' }),
  Activation: ({ fields }) => {
    const activation = fields.activation();
    return activation === undefined ? undefined : { kind: 'activation', activation };
  },
  Softmax: ({ fields, inputs }) => {
    fields.lastAxis(inputs[0].length);
    return { kind: 'activation', activation: 'softmax' };
  },
  MaxPooling2D: pool('maxPool'),
  AveragePooling2D: pool('averagePool'),
  HbnnMaxPooling2D: paddedPool('paddedMaxPool'),
  HbnnAveragePooling2D: paddedPool('paddedAveragePool'),
  GlobalMaxPooling2D: globalPool('globalMaxPool'),
  GlobalAveragePooling2D: globalPool('globalAveragePool'),
  ZeroPadding2D: zeroPadding,
  Flatten: ({ fields }) => {
    fields.channelsLast();
    return { kind: 'flatten' };
  },
  Reshape: ({ fields }) => ({ kind: 'reshape', shape: fields.wholes('target_shape') }),
  Permute: ({ fields }) => ({ kind: 'permute', axes: fields.wholes('dims') }),
  Dropout: dropout,
  SpatialDropout2D: nothing('rate', 'data_format'),
  SpatialDropout1D: nothing('rate'),
  GaussianNoise: nothing('stddev'),
  GaussianDropout: nothing('rate'),
  AlphaDropout: nothing('rate'),
  ActivityRegularization: nothing('l1', 'l2'),
  ...augmentations,
  ELU: elu,
  Identity: nothing(),
  Normalization: normalization,
  Rescaling: ({ fields }) => {
    const scale = fields.number('scale');
    return { kind: 'rescaling', scale, offset: fields.number('offset', 0) };
  },
  Add: () => ({ kind: 'add' }),
  Multiply: () => ({ kind: 'multiply' }),
  Concatenate: ({ fields, inputs }) => {
    fields.lastAxis(inputs[0].length);
    return { kind: 'concat', axis: -1 };
  },
};
