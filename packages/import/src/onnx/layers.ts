import { HbnnError } from '@hbnn/core';
import { groupedConvolution } from '../assemble/groups.ts';
import { type Constant, constant, permuted, sizeOf, weightFrom } from './constant.ts';
import { channelsLast, type Feature, onnxPlaces, plain } from './feature.ts';
import {
  constantInput,
  featureAt,
  type NodeContext,
  type Operator,
  optionalConstant,
} from './node.ts';
import { productOf } from './products.ts';
import { gridOf } from './weightGrid.ts';
import { mapFrom, placed, windowOf } from './windows.ts';

/** Convolutions: grouped, depthwise, pointwise and dilated ones. */
export const conv: Operator = (context) => {
  const weights = constantInput(context, 1, 'the weights');
  if (weights.shape.length !== 4)
    throw new HbnnError(
      `${context.where}: expected weights of [outputs, inputs, height, width], got [${weights.shape.join(', ')}]; only networks of two-dimensional images can be imported`,
    );
  const [outputs, inner, height, width] = weights.shape;
  const window = windowOf(context, [height, width]);
  const groups = context.attributes.int('group', 1);
  const channels = window.map.shape[0];
  const fits = inner * groups === channels && outputs % groups === 0;
  if (!fits || window.kernel[0] !== height || window.kernel[1] !== width)
    throw new HbnnError(
      `${context.where}: expected weights for ${channels} channels in ${groups} groups and a kernel of ${window.kernel.join('×')}, got [${weights.shape.join(', ')}]; export the network again`,
    );
  const bias = optionalConstant(context, 2, 'the bias');
  const { map, padding } = placed(context, window);
  const { spec, hasZeros } = groupedConvolution(
    {
      kind: 'conv2d',
      kernel: weightFrom(permuted(weights, [2, 3, 1, 0])),
      bias: bias === undefined ? undefined : weightFrom(bias),
      grid: gridOf(weights, 0),
      strides: window.strides,
      dilation: window.dilation,
      padding,
    },
    groups,
    context.where,
  );
  const value = context.add(spec, map.value);
  if (hasZeros) context.onZeros(value.sourceLayer.name);
  return mapFrom(value, false);
};

/** A dense layer on a list of values. */
function dense(
  context: NodeContext,
  feature: Feature,
  kernel: Constant,
  bias?: ArrayLike<number>,
): Feature {
  const [inputs, outputs] = kernel.shape;
  if (kernel.shape.length !== 2 || feature.shape.length !== 1 || inputs !== feature.shape[0])
    throw new HbnnError(
      `${context.where}: expected a list of values and weights of [inputs, outputs], got [${feature.shape.join(', ')}] and [${kernel.shape.join(', ')}]; flatten the values before it`,
    );
  const data = new Float32Array(inputs * outputs);
  onnxPlaces(feature).forEach((from, to) => {
    data.set(kernel.data.subarray(from * outputs, (from + 1) * outputs), to * outputs);
  });
  const value = context.add(
    {
      kind: 'dense',
      kernel: { shape: [inputs, outputs], data },
      bias: bias && { shape: [outputs], data: Float32Array.from(bias) },
      grid: gridOf(kernel, 1),
    },
    feature.value,
  );
  return { kind: 'feature', value, shape: [outputs], axes: [0], nonNegative: false };
}

/** A bias for each output: one value for all, or a row. */
function biasFor({ shape, data }: Constant, outputs: number, where: string): Float64Array {
  if (data.length === 1) return new Float64Array(outputs).fill(data[0]);
  if (data.length === outputs && shape.at(-1) === outputs) return data;
  throw new HbnnError(
    `${where}: expected a bias of ${outputs} values, got [${shape.join(', ')}]; export the network again`,
  );
}

export const gemm: Operator = (context) => {
  const { attributes, where } = context;
  const [alpha, beta] = [attributes.float('alpha', 1), attributes.float('beta', 1)];
  attributes.only('transA', 0, 'export the network with the images first');
  const weights = constantInput(context, 1, 'the weights');
  const turned = attributes.int('transB', 0) === 1 ? permuted(weights, [1, 0]) : weights;
  const kernel = alpha === 1 ? turned : scaled(turned, alpha);
  const bias = optionalConstant(context, 2, 'the bias');
  const values = bias && biasFor(bias, kernel.shape[1], where).map((b) => beta * b);
  return dense(context, featureAt(context), kernel, values);
};

/** Weights times a factor: whole numbers that they were quantized to stay. */
function scaled({ shape, data, quantized }: Constant, factor: number): Constant {
  const times = (values: Float64Array): Float64Array => values.map((value) => factor * value);
  return {
    ...constant(shape, times(data)),
    ...(quantized && { quantized: { bits: quantized.bits, scales: times(quantized.scales) } }),
  };
}

/** A matrix product with weights; an Add of a constant behind it is its bias. */
export const matMul: Operator = (context) => {
  const { node, graph } = context;
  const kernel = constantInput(context, 1, 'the weights');
  const next = graph.soleConsumer(node.output[0]);
  if (next?.op_type === 'Add') {
    const other = next.input.find((name) => name !== node.output[0]) ?? '';
    const bias = context.constantAt(other);
    if (bias !== undefined && bias.data.length === kernel.shape[1]) {
      context.absorb(next);
      return dense(context, featureAt(context), kernel, bias.data);
    }
  }
  return dense(context, featureAt(context), kernel);
};

/** A scale and an offset for each channel, or for each value of a list, as ONNX counts them. */
function normalized(
  context: NodeContext,
  feature: Feature,
  epsilon: number,
  parts: Readonly<Record<'gamma' | 'beta' | 'mean' | 'variance', Float64Array>>,
): Feature {
  const count = parts.mean.length;
  const places = feature.shape.length === 1 ? onnxPlaces(feature) : undefined;
  const inOrder = (values: Float64Array) => ({
    shape: [count],
    data: Float32Array.from({ length: count }, (_, i) => values[places?.[i] ?? i]),
  });
  const value = context.add(
    {
      kind: 'batchNorm',
      gamma: inOrder(parts.gamma),
      beta: inOrder(parts.beta),
      mean: inOrder(parts.mean),
      variance: inOrder(parts.variance),
      epsilon,
    },
    feature.value,
  );
  return { ...feature, value, nonNegative: false };
}

/** A value whose channels, the first of ONNX's axes, are the last axis of the model. */
const channelsBehind = (feature: Feature, context: NodeContext): Feature =>
  feature.shape.length === 3 && !feature.pooled ? channelsLast(feature, context.add) : feature;

export const batchNorm: Operator = (context) => {
  const { attributes, where, node, graph } = context;
  const epsilon = attributes.float('epsilon', 1e-5);
  attributes.ignore('momentum', 'spatial');
  attributes.only('training_mode', 0, 'export the network in evaluation mode');
  if (node.output.slice(1).some((name) => name !== '' && graph.consumers(name).length > 0))
    throw new HbnnError(
      `${where}: expected one output that is used, got more; export the network in evaluation mode`,
    );
  const feature = channelsBehind(featureAt(context), context);
  const names = ['gamma', 'beta', 'mean', 'variance'] as const;
  const [gamma, beta, mean, variance] = names.map((name, i) => {
    const { data } = constantInput(context, i + 1, name);
    if (data.length === feature.shape[0]) return data;
    throw new HbnnError(
      `${where}: expected ${feature.shape[0]} values of ${name}, got ${data.length}; export the network again`,
    );
  });
  return normalized(context, feature, epsilon, { gamma, beta, mean, variance });
};

const affineEpsilon = 1e-3;

/** y = scale · x + offset, as a batch norm where they differ between channels. */
function affine(
  context: NodeContext,
  feature: Feature,
  by: Constant,
  form: (value: number) => readonly [scale: number, offset: number],
): Feature {
  if (by.data.length === 1) {
    const [scale, offset] = form(by.data[0]);
    if (scale === 1 && offset === 0) return feature;
    const value = context.add({ kind: 'rescaling', scale, offset }, feature.value);
    context.ramps.scaled(value, feature.value, scale, offset);
    return { ...feature, value, nonNegative: feature.nonNegative && scale >= 0 && offset >= 0 };
  }
  const axis = channelAxis(context, feature, by);
  const behind = feature.axes[axis] === feature.axes.length - 1;
  const map = behind ? feature : channelsBehind(feature, context);
  const count = by.data.length;
  return normalized(context, map, affineEpsilon, {
    gamma: by.data.map((value) => form(value)[0]),
    beta: by.data.map((value) => form(value)[1]),
    mean: new Float64Array(count),
    variance: new Float64Array(count).fill(1 - affineEpsilon),
  });
}

/** The axis that a constant has its values along: the channels. @throws HbnnError where it has others */
function channelAxis({ where }: NodeContext, feature: Feature, by: Constant): number {
  const { shape, axes } = feature;
  const sizes = by.shape.slice(-shape.length);
  const padded = [...new Array<number>(shape.length - sizes.length).fill(1), ...sizes];
  const axis = padded.findIndex((size) => size > 1);
  const fits = padded.every((size, i) => size === (i === axis ? shape[i] : 1));
  const isChannels = axis === 0 || axes[axis] === axes.length - 1;
  if (fits && isChannels && sizeOf(padded) === by.data.length) return axis;
  throw new HbnnError(
    `${where}: expected a constant with one value for each channel of [${shape.join(', ')}], or one for all, got [${by.shape.join(', ')}]; such a network cannot be imported`,
  );
}

/** Add of two values, or of a constant. */
export const addition: Operator = (context) => {
  const [left, right] = context.inputs;
  if (left?.kind === 'feature' && right?.kind === 'feature') return sum(context, left, right);
  const [feature, by] = left?.kind === 'feature' ? [left, right] : [right, left];
  if (feature?.kind !== 'feature' || by?.kind !== 'constant') return featureAt(context);
  return affine(context, feature, by, (value) => [1, value]);
};

/** The sum of one, two or more values. */
export const sumOfAll: Operator = (context) => {
  const [first, ...others] = context.inputs.map((_, i) => featureAt(context, i));
  return others.reduce((all, other) => sum(context, all, other), first);
};

const liesAlike = (a: Feature, b: Feature): boolean =>
  a.axes.join() === b.axes.join() && a.flat?.join() === b.flat?.join() && a.pooled === b.pooled;

function sum(context: NodeContext, left: Feature, right: Feature): Feature {
  if (left.shape.join() !== right.shape.join())
    throw new HbnnError(
      `${context.where}: expected two values of one shape, got [${left.shape.join(', ')}] and [${right.shape.join(', ')}]; such a network cannot be imported`,
    );
  const both = liesAlike(left, right)
    ? [left, right]
    : [plain(left, context.add), plain(right, context.add)];
  const value = context.add({ kind: 'add' }, both[0].value, both[1].value);
  return { ...both[0], value, nonNegative: left.nonNegative && right.nonNegative };
}

const ofTwo = (what: string, context: NodeContext): HbnnError =>
  new HbnnError(
    `${context.where}: expected ${what} of a value and a constant, got other inputs; only sums and products of two values (Add, Mul) can be imported`,
  );

export const subtraction: Operator = (context) => {
  const [left, right] = context.inputs;
  if (left?.kind === 'feature' && right?.kind === 'constant')
    return affine(context, left, right, (value) => [1, -value]);
  if (left?.kind === 'constant' && right?.kind === 'feature')
    return affine(context, right, left, (value) => [-1, value]);
  throw ofTwo('a difference', context);
};

export const product: Operator = (context) => {
  const [left, right] = context.inputs;
  if (left?.kind === 'feature' && right?.kind === 'constant')
    return affine(context, left, right, (value) => [value, 0]);
  if (left?.kind === 'constant' && right?.kind === 'feature')
    return affine(context, right, left, (value) => [value, 0]);
  if (left?.kind === 'feature' && right?.kind === 'feature') return productOf(context, left, right);
  throw ofTwo('a product', context);
};

export const quotient: Operator = (context) => {
  const [left, right] = context.inputs;
  if (left?.kind === 'feature' && right?.kind === 'constant')
    return affine(context, left, right, (value) => [1 / value, 0]);
  throw ofTwo('a quotient', context);
};
