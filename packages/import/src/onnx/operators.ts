import { HbnnError } from '@hbnn/core';
import type { ActivationName } from '../assemble/layerSpec.ts';
import { gather, slice, split } from './channels.ts';
import type { Feature } from './feature.ts';
import { axisFrom } from './foldConstants.ts';
import {
  addition,
  batchNorm,
  conv,
  gemm,
  matMul,
  product,
  quotient,
  subtraction,
  sumOfAll,
} from './layers.ts';
import {
  elementwise,
  featureAt,
  type NodeContext,
  type Operator,
  optionalConstant,
} from './node.ts';
import { averagePool, globalAveragePool, globalMaxPool, maxPool, reduction } from './pools.ts';
import { concat, flatten, reshape, squeeze, transpose, unsqueeze } from './shapes.ts';
import { mapAt, zeroPadded } from './windows.ts';

const floatType = 1;

/** Bounds a value: a ReLU, of the value moved so that the lower bound is at 0, or turned round where there is none. */
function bounded(context: NodeContext, feature: Feature, min: number, max: number): Feature {
  const moved = (x: Feature['value'], scale: number, offset: number): Feature['value'] =>
    scale === 1 && offset === 0 ? x : context.add({ kind: 'rescaling', scale, offset }, x);
  const relu = (x: Feature['value'], maxValue: number): Feature['value'] =>
    context.add(maxValue === Infinity ? { kind: 'relu' } : { kind: 'relu', maxValue }, x);
  const isOpen = min === Number.NEGATIVE_INFINITY;
  if (isOpen && max === Infinity) return feature;
  const value = isOpen
    ? moved(relu(moved(feature.value, -1, max), Infinity), -1, max)
    : moved(relu(moved(feature.value, 1, -min), max - min), 1, min);
  context.ramps.bounded(value, feature.value, min, max);
  return { ...feature, value, nonNegative: min >= 0 };
}

/** Numbers from here on stand for no bound in older files, which have the largest float32. */
const leastInfinite = 3.4e38;

const clip: Operator = (context) => {
  const { attributes, where, graph } = context;
  const bound = (place: number, name: 'min' | 'max', otherwise: number): number => {
    const given =
      graph.opset < 11
        ? attributes.float(name, otherwise)
        : (optionalConstant(context, place, name)?.data[0] ?? otherwise);
    return Math.abs(given) < leastInfinite ? given : Math.sign(given) * Infinity;
  };
  const [min, max] = [bound(1, 'min', -Infinity), bound(2, 'max', Infinity)];
  if (!(min < max) || min === Infinity || max === -Infinity)
    throw new HbnnError(
      `${where}: expected a clip from a bound to a larger one, got one from ${min} to ${max}; leave it out, or give other bounds`,
    );
  return bounded(context, featureAt(context), min, max);
};

/** min(max(alpha · x + beta, 0), 1); multiplied by what it was computed from, it is a HardSwish. */
const hardSigmoid: Operator = (context) => {
  const [scale, offset] = [
    context.attributes.float('alpha', 0.2),
    context.attributes.float('beta', 0.5),
  ];
  const feature = featureAt(context);
  const value = context.add({ kind: 'rescaling', scale, offset }, feature.value);
  context.ramps.scaled(value, feature.value, scale, offset);
  return bounded(context, { ...feature, value }, 0, 1);
};

const overScores =
  (activation: 'softmax' | 'logSoftmax'): Operator =>
  (context) => {
    const { attributes, graph, where } = context;
    const feature = featureAt(context);
    const rank = feature.shape.length + 1;
    const axis = axisFrom(attributes.int('axis', graph.opset < 13 ? 1 : -1), rank, where);
    const overChannels = feature.axes[axis - 1] === rank - 2 || feature.pooled === true;
    if (axis === 0 || !overChannels || (graph.opset < 13 && rank > 2))
      throw new HbnnError(
        `${where}: expected a ${activation} over the scores, got axis ${axis} of [batch, ${feature.shape.join(', ')}]; flatten the scores before it`,
      );
    return elementwise(context, feature, { kind: 'activation', activation }, true);
  };

/** Zeros before and after each axis of a Pad, the batch's first; those that no list of axes names get none. */
function padsOf(context: NodeContext, rank: number): number[] {
  const { attributes, where } = context;
  const given = attributes.ints('pads') ?? optionalConstant(context, 1, 'the padding')?.data ?? [];
  const axes = optionalConstant(context, 3, 'the axes')?.data;
  if (axes === undefined) return [...given];
  const pads = new Array<number>(2 * rank).fill(0);
  [...axes].forEach((axis, i) => {
    const place = axisFrom(axis, rank, where);
    pads[place] = given[i];
    pads[rank + place] = given[axes.length + i];
  });
  return pads;
}

const pad: Operator = (context) => {
  const { attributes, where } = context;
  const mode = attributes.text('mode', 'constant');
  const fill = attributes.has('value')
    ? attributes.float('value', 0)
    : (optionalConstant(context, 2, 'the value')?.data[0] ?? 0);
  if (mode !== 'constant' || fill !== 0)
    throw new HbnnError(
      `${where}: expected zeros around the map, got mode ${mode} with ${fill}; pad with zeros`,
    );
  const map = mapAt(context);
  const from = featureAt(context);
  const pads = padsOf(context, 4);
  // Paddings are given in ONNX's order of the axes, which may have been transposed.
  const at = (axis: number, after: boolean): number => {
    const own = axis === 2 ? 0 : axis + 1;
    const place = from.shape.length === 3 ? from.axes.indexOf(map.axes[own]) : own;
    return pads[1 + place + (after ? 4 : 0)];
  };
  const [rows, columns] = [0, 1].map((axis) => [at(axis, false), at(axis, true)] as const);
  const others = pads[0] !== 0 || pads[4] !== 0 || at(2, false) !== 0 || at(2, true) !== 0;
  if (pads.length !== 8 || others || pads.some((n) => !(n >= 0)))
    throw new HbnnError(
      `${where}: expected zeros before and after height and width, got [${pads.join(', ')}]; pad these axes alone`,
    );
  if ([...rows, ...columns].every((n) => n === 0)) return from;
  const one = [1, 1] as const;
  return zeroPadded(context, { map, rows, columns, kernel: one, strides: one, dilation: one });
};

const cast: Operator = (context) => {
  const { attributes, where } = context;
  const to = attributes.int('to', floatType);
  attributes.ignore('saturate');
  if (to === floatType) return featureAt(context);
  throw new HbnnError(
    `${where}: expected a cast to float32, got the ONNX type ${to}; export the network in float32`,
  );
};

const dropout: Operator = (context) => {
  const { attributes, where } = context;
  attributes.ignore('seed', 'ratio', 'is_test');
  const training = optionalConstant(context, 2, 'training_mode')?.data[0] ?? 0;
  if (training === 0) return featureAt(context);
  throw new HbnnError(
    `${where}: expected a network in evaluation mode, got training_mode; export it after eval()`,
  );
};

const activation =
  (name: ActivationName, nonNegative = false): Operator =>
  (context) =>
    elementwise(context, featureAt(context), { kind: 'activation', activation: name }, nonNegative);

/** A sigmoid; multiplied by what it was computed from, it is a swish, which exporters write so. */
const sigmoid: Operator = (context) => {
  const { node, graph, absorb } = context;
  const next = graph.soleConsumer(node.output[0]);
  const isSwish = next?.op_type === 'Mul' && next.input.includes(node.input[0]);
  if (!isSwish) return activation('sigmoid', true)(context);
  absorb(next);
  return activation('swish')(context);
};

/** An activation that TensorFlow.js has with one value of its attribute alone. */
const withAlpha =
  (name: 'elu' | 'selu', wanted: Readonly<Record<string, number>>): Operator =>
  (context) => {
    for (const [attribute, value] of Object.entries(wanted)) {
      const got = context.attributes.float(attribute, value);
      if (Math.abs(got - value) > 1e-6)
        throw new HbnnError(
          `${context.where}: expected ${attribute} ${value}, got ${got}; put Relu in its place and train the network a little more`,
        );
    }
    return activation(name)(context);
  };

/** Refuse an operator that no later step has a form for, with what to put in its place. */
const refused =
  (why: string, way: string): Operator =>
  ({ where }) => {
    throw new HbnnError(`${where}: expected an operator with an integer form, got ${why}; ${way}`);
  };

const notMonotone = refused(
  'an activation that falls before it rises, which thresholds and rounding do not compute',
  'put Relu or ReLU6 in its place and train the network a little more',
);

const identity: Operator = (context: NodeContext) => featureAt(context);

/** How each operator of ONNX is imported where its input comes from the images. */
export const operators: Readonly<Record<string, Operator | undefined>> = {
  Add: addition,
  AveragePool: averagePool,
  BatchNormalization: batchNorm,
  Cast: cast,
  Clip: clip,
  Concat: concat,
  Conv: conv,
  Div: quotient,
  Dropout: dropout,
  Elu: withAlpha('elu', { alpha: 1 }),
  Flatten: flatten,
  Gather: gather,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  HardSigmoid: hardSigmoid,
  HardSwish: (context) => elementwise(context, featureAt(context), { kind: 'hardSwish' }),
  Identity: identity,
  LeakyRelu: (context) => {
    const slope = context.attributes.float('alpha', 0.01);
    return elementwise(context, featureAt(context), { kind: 'leakyRelu', slope });
  },
  LogSoftmax: overScores('logSoftmax'),
  MatMul: matMul,
  MaxPool: maxPool,
  Mul: product,
  Pad: pad,
  ReduceMax: reduction('globalMaxPool'),
  ReduceMean: reduction('globalAveragePool'),
  Relu: (context) => bounded(context, featureAt(context), 0, Infinity),
  Reshape: reshape,
  Selu: withAlpha('selu', { alpha: 1.6732632, gamma: 1.050701 }),
  Sigmoid: sigmoid,
  Slice: slice,
  Softmax: overScores('softmax'),
  Softplus: activation('softplus', true),
  Softsign: activation('softsign'),
  Split: split,
  Squeeze: squeeze,
  Sub: subtraction,
  Sum: sumOfAll,
  Tanh: activation('tanh'),
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};

const quantizedValues = refused(
  'a quantizer of values that are computed from the images',
  'export the network with quantizers on its weights alone, and let hbnn fine-tune --inputs or hbnn quantize --inputs binarize the values',
);

/** Operators that are known and cannot be imported, with the way out of each. */
export const refusals: Readonly<Record<string, Operator | undefined>> = {
  BipolarQuant: quantizedValues,
  DequantizeLinear: quantizedValues,
  Gelu: notMonotone,
  IntQuant: quantizedValues,
  Mish: notMonotone,
  Quant: quantizedValues,
  QuantizeLinear: quantizedValues,
  PRelu: refused(
    'a slope for each channel',
    'put LeakyRelu or Relu in its place and train the network a little more',
  ),
};
