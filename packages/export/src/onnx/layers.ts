import { HbnnError } from '@hbnn/core';
import {
  type AddLayer,
  type CheckedLayer,
  type ConvLayer,
  type DenseLayer,
  type DepthwiseLayer,
  type FeatureShape,
  featureCount,
  type MaxPoolLayer,
  noPadding,
  type Padding4,
  type Pair,
  type RequantizeLayer,
  type SumPoolLayer,
  type ThresholdLayer,
  treeSize,
  weightValues,
} from '@hbnn/model';
import type { Graph } from './graph.ts';
import { addWeights } from './weights.ts';

/** float32 holds whole numbers below this, and sums of them in any order where all terms together are below it. */
const maxExactFloat = 2 ** 24;

/** Add the operators of a layer. Tensors between layers are int32 [images, channels, height, width]. */
export function addLayer(graph: Graph, checked: CheckedLayer, inputs: readonly string[]): string {
  const { layer } = checked;
  const [input] = inputs;
  graph.layer = layer.name;
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
      return addConv(graph, layer, checked, input);
    case 'dense':
      return addDense(graph, layer, checked, input);
    case 'maxPool':
      return addMaxPool(graph, layer, checked, input);
    case 'sumPool':
      return addSumPool(graph, layer, checked, input);
    case 'threshold':
      return addThreshold(graph, layer, checked.input, input);
    case 'requantize':
      return addRequantize(graph, layer, checked.input, input);
    case 'add':
      return addSum(graph, layer, inputs);
    case 'concat':
      return graph.node('Concat', inputs, { axis: 1 });
    default:
      return layer satisfies never;
  }
}

/** No padded map is as high or wide. */
const maxStride = 2 ** 24;

/** Strides as attributes, which runtimes keep in small integers: a stride beyond the map leads to no second place. */
const stridesOf = (strides: Pair): readonly number[] =>
  strides.map((stride) => Math.min(stride, maxStride));

/** Values of weights [outputs, kernelH, kernelW, inputs] as ONNX has them, [outputs, inputs, kernelH, kernelW]. */
function channelsFirst(values: ArrayLike<number>, shape: readonly number[]): Int16Array {
  const [outputs, height, width, inputs] = shape;
  const turned = new Int16Array(values.length);
  let to = 0;
  for (let o = 0; o < outputs; o++)
    for (let c = 0; c < inputs; c++)
      for (let at = 0; at < height * width; at++)
        turned[to++] = values[(o * height * width + at) * inputs + c];
  return turned;
}

/** Values of weights [outputs, inputs] as a matrix product has them, [inputs, outputs]. */
function inputsFirst(values: ArrayLike<number>, [outputs, inputs]: readonly number[]): Int16Array {
  const turned = new Int16Array(values.length);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++) turned[i * outputs + o] = values[o * inputs + i];
  return turned;
}

function addConv(
  graph: Graph,
  layer: ConvLayer | DepthwiseLayer,
  checked: CheckedLayer,
  input: string,
): string {
  if (checked.outputBound >= maxExactFloat) {
    if (graph.isQonnx) throw notInFloat(layer.name, checked);
    return addGatheredConv(graph, layer, checked, input);
  }
  const [outputs, height, width, inputs] = layer.weights.shape;
  const weights = addWeights(graph, layer.weights, {
    shape: [outputs, inputs, height, width],
    scales: [outputs, 1, 1, 1],
    turned: channelsFirst,
  });
  const sums = graph.node('Conv', [graph.cast(input, 'float'), weights], {
    kernel_shape: [height, width],
    strides: stridesOf(layer.strides),
    pads: layer.padding,
    group: layer.kind === 'depthwise' ? checked.input[2] : 1,
  });
  return graph.cast(sums, 'int32');
}

/**
 * The place in a map [channels, height, width] of each tap of each window, `outside` for one in the padding:
 * [positions, taps], taps in the order line, column, channel.
 */
function tapPlaces(
  size: Pair,
  strides: Pair,
  padding: Padding4,
  { input, output }: Pick<CheckedLayer, 'input' | 'output'>,
  channels: number,
): number[] {
  const [height, width] = input;
  const outside = channels * height * width;
  const places: number[] = [];
  for (let y = 0; y < output[0]; y++)
    for (let x = 0; x < output[1]; x++)
      for (let i = 0; i < size[0]; i++)
        for (let j = 0; j < size[1]; j++) {
          const line = y * strides[0] + i - padding[0];
          const column = x * strides[1] + j - padding[1];
          const isInside = line >= 0 && line < height && column >= 0 && column < width;
          for (let c = 0; c < channels; c++)
            places.push(isInside ? (c * height + line) * width + column : outside);
        }
  return places;
}

/** A convolution whose sums float32 may not hold: its windows are gathered and multiplied as int32. */
function addGatheredConv(
  graph: Graph,
  layer: ConvLayer | DepthwiseLayer,
  checked: CheckedLayer,
  input: string,
): string {
  const [outputs, height, width] = layer.weights.shape;
  const { input: shape, output } = checked;
  const channels = shape[2];
  const taps = height * width * channels;
  const places = tapPlaces([height, width], layer.strides, layer.padding, checked, channels);
  const flat = graph.reshape(input, [-1, featureCount(shape)]);
  const zeros = graph.constant('int64', [4], [0, 0, 0, 1]);
  const padded = graph.node('Pad', [flat, zeros]);
  const index = graph.constant('int32', [output[0] * output[1], taps], places);
  const windows = graph.node('Gather', [padded, index], { axis: 1 });
  const weights = graph.constant('int32', [taps, outputs], tapWeights(layer, channels));
  const sums = graph.node('MatMul', [windows, weights]);
  const first = graph.node('Transpose', [sums], { perm: [0, 2, 1] });
  return graph.reshape(first, [-1, outputs, output[0], output[1]]);
}

/** Weights [taps, outputs] over all channels of a window, zeros where a depthwise output does not look. */
function tapWeights({ kind, weights }: ConvLayer | DepthwiseLayer, channels: number): Int32Array {
  const [outputs, height, width] = weights.shape;
  const values = weightValues(weights);
  const turned = new Int32Array(height * width * channels * outputs);
  for (let o = 0; o < outputs; o++)
    for (let at = 0; at < height * width; at++)
      for (let c = 0; c < channels; c++) {
        const place = o * height * width + at;
        const looks = kind === 'conv' || c === Math.floor((o * channels) / outputs);
        if (looks)
          turned[(at * channels + c) * outputs + o] =
            values[kind === 'conv' ? place * channels + c : place];
      }
  return turned;
}

const notInFloat = (name: string, { outputBound }: CheckedLayer): HbnnError =>
  new HbnnError(
    `layer '${name}': expected sums below ${maxExactFloat}, which float32 holds, got ${outputBound} at most; write the model with exportOnnx (hbnn export --to onnx), whose sums are int32`,
  );

function addDense(graph: Graph, layer: DenseLayer, checked: CheckedLayer, input: string): string {
  const [outputs, inputs] = layer.weights.shape;
  const type = checked.outputBound < maxExactFloat ? 'float' : 'int32';
  if (graph.isQonnx && type === 'int32') throw notInFloat(layer.name, checked);
  const flat = inMemoryOrder(graph, input, checked.input);
  const order = { shape: [inputs, outputs], scales: [1, outputs], turned: inputsFirst };
  const weights =
    type === 'float'
      ? addWeights(graph, layer.weights, order)
      : graph.constant(
          type,
          order.shape,
          inputsFirst(weightValues(layer.weights), layer.weights.shape),
        );
  const sums = graph.node('MatMul', [type === 'int32' ? flat : graph.cast(flat, type), weights]);
  const whole = type === 'int32' ? sums : graph.cast(sums, 'int32');
  return graph.reshape(whole, [-1, outputs, 1, 1]);
}

/** A map as [images, values], channels fastest. */
export function inMemoryOrder(graph: Graph, input: string, shape: FeatureShape): string {
  const last = graph.node('Transpose', [input], { perm: [0, 2, 3, 1] });
  return graph.reshape(last, [-1, featureCount(shape)]);
}

function addMaxPool(
  graph: Graph,
  layer: MaxPoolLayer,
  checked: CheckedLayer,
  input: string,
): string {
  const type = checked.inputBound < maxExactFloat ? 'float' : 'double';
  const pooled = graph.node('MaxPool', [graph.cast(input, type)], {
    kernel_shape: layer.size,
    strides: stridesOf(layer.strides),
    pads: layer.padding,
  });
  return graph.cast(pooled, 'int32');
}

function addSumPool(
  graph: Graph,
  layer: SumPoolLayer,
  checked: CheckedLayer,
  input: string,
): string {
  const { input: shape, output, outputBound } = checked;
  const [height, width] = layer.size;
  const channels = shape[2];
  if (outputBound < maxExactFloat) {
    const values = new Float32Array(channels * height * width).fill(1);
    const ones = graph.constant('float', [channels, 1, height, width], values);
    const sums = graph.node('Conv', [graph.cast(input, 'float'), ones], {
      kernel_shape: layer.size,
      strides: stridesOf(layer.strides),
      group: channels,
    });
    return graph.cast(sums, 'int32');
  }
  const places = tapPlaces(layer.size, layer.strides, noPadding, checked, 1);
  const flat = graph.reshape(input, [-1, channels, shape[0] * shape[1]]);
  const index = graph.constant('int32', [output[0] * output[1], height * width], places);
  const windows = graph.node('Gather', [flat, index], { axis: 2 });
  const axis = graph.constant('int64', [1], [3]);
  const sums = graph.node('ReduceSum', [windows, axis], { keepdims: 0 });
  return graph.reshape(sums, [-1, channels, output[0], output[1]]);
}

/** A threshold layer, plane by plane: the thresholds of each element's node are gathered. */
function addThreshold(
  graph: Graph,
  layer: ThresholdLayer,
  shape: FeatureShape,
  input: string,
): string {
  const { bits, multiples, thresholds, flips } = layer;
  const [height, width, channels] = shape;
  const number = (value: number): string => graph.constant('int32', [], [value]);
  const perChannel = (type: 'int32' | 'bool', values: ArrayLike<number>): string =>
    graph.constant(type, [1, channels, 1, 1], values);
  let sum = graph.node('Mul', [input, number(0)]);
  if (multiples.length === 0) return sum;
  const table = graph.constant('int32', [thresholds.length], thresholds);
  const nodes = treeSize(multiples.length);
  // Node m of channel c is at c · nodes + m − 1.
  const first = perChannel(
    'int32',
    Array.from({ length: channels }, (_, c) => c * nodes - 1),
  );
  const flip = flips.some((each) => each === 1) ? perChannel('bool', flips) : undefined;
  let node = graph.node('Add', [sum, number(1)]);
  for (let n = 0; n < multiples.length; n++) {
    const limits = graph.node('Gather', [table, graph.node('Add', [first, node])], { axis: 0 });
    const isMet = graph.node('GreaterOrEqual', [input, limits]);
    const bit = graph.cast(flip === undefined ? isMet : graph.node('Xor', [isMet, flip]), 'int32');
    node = graph.node('Add', [graph.node('Mul', [node, number(2)]), bit]);
    const sign = graph.node('Sub', [graph.node('Mul', [bit, number(2)]), number(1)]);
    const scales = new Int32Array(bits.length);
    for (let i = 0; i < bits.length; i++) {
      const place = (i % channels) * height * width + Math.floor(i / channels);
      scales[place] = bits[i] > n ? multiples[n] : 0;
    }
    const scale = graph.constant('int32', [1, channels, height, width], scales);
    sum = graph.node('Add', [sum, graph.node('Mul', [sign, scale])]);
  }
  return sum;
}

/** The sum of branches in int32, each times its channels' multipliers. */
function addSum(graph: Graph, { multipliers }: AddLayer, inputs: readonly string[]): string {
  const terms = inputs.map((input, k) => {
    const list = multipliers[k];
    if (list.every((multiplier) => multiplier === 1)) return input;
    return graph.node('Mul', [input, graph.constant('int32', [1, list.length, 1, 1], list)]);
  });
  return terms.reduce((sum, term) => graph.node('Add', [sum, term]));
}

function addRequantize(
  graph: Graph,
  layer: RequantizeLayer,
  shape: FeatureShape,
  input: string,
): string {
  const perChannel = (values: ArrayLike<number>): string =>
    graph.constant('int64', [1, shape[2], 1, 1], values);
  const product = graph.node('Mul', [graph.cast(input, 'int64'), perChannel(layer.multipliers)]);
  const scaled = graph.node('Add', [product, perChannel(layer.offsets)]);
  const divisor = perChannel(Array.from(layer.shifts, (shift) => 2 ** shift));
  // Mod has the sign of its divisor, so that what is left divides without a rest.
  const rest = graph.node('Mod', [scaled, divisor]);
  const whole = graph.node('Div', [graph.node('Sub', [scaled, rest]), divisor]);
  const limit = (value: number): string => graph.constant('int64', [], [value]);
  const clipped = graph.node('Clip', [whole, limit(layer.minimum), limit(layer.maximum)]);
  return graph.cast(clipped, 'int32');
}
