import { HbnnError, kindOf, maxBitwidth } from '@hbnn/core';
import { type JoinLayer, joinedBound, joinedShape, sourcesOf, unreadLayer } from './branches.ts';
import {
  type AddLayer,
  type ConvLayer,
  type DenseLayer,
  type DepthwiseLayer,
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type IntegerModel,
  type Padding4,
  type Pair,
  type PlaneWeights,
  type RequantizeLayer,
  type ThresholdLayer,
  treeSize,
} from './integerModel.ts';
import { largestRowSum, type RowSumLoops } from './rowSums.ts';
import { unknownKind } from './unknownKind.ts';

/** Sums stay below 2^31 − 1, so that a threshold of that value is never met. */
export const maxSum = 2 ** 31 - 2;
/** The most elements of one feature map. */
export const maxFeatures = 2 ** 22;
export const maxLayers = 4096;

/** A layer with the shapes it goes between and the most its inputs and outputs can come to. */
export interface CheckedLayer<Layer extends IntegerLayer = IntegerLayer> {
  readonly layer: Layer;
  /** The layers it reads, by their numbers in the model; −1 is the pixels. */
  readonly sources: readonly number[];
  /** The shapes of what it reads, layer by layer. */
  readonly inputs: readonly FeatureShape[];
  /** The shape of what it reads: of each input of a sum, of all inputs of a concatenation together. */
  readonly input: FeatureShape;
  readonly output: FeatureShape;
  /** Bounds of the values, from weights and inputs: |out| ≤ outputBound. */
  readonly inputBound: number;
  readonly outputBound: number;
}

const text = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/**
 * An integer model that was checked, with the shapes and bounds of its layers. This is the value that crosses the borders
 * of packages: `checkModel` alone makes it, and whoever takes one does not check again. A copy made by `{ ...model }`
 * is an `IntegerModel` once more.
 */
export class CheckedModel implements IntegerModel {
  readonly name: string;
  readonly input: IntegerModel['input'];
  readonly layers: IntegerModel['layers'];
  readonly scoreOffsets: IntegerModel['scoreOffsets'];
  readonly scoreFactor: number;
  readonly classes: IntegerModel['classes'];
  readonly #checkedLayers: readonly CheckedLayer[];

  private constructor(model: IntegerModel, loops?: RowSumLoops) {
    this.#checkedLayers = checkWhole(model, loops);
    this.name = model.name;
    this.input = model.input;
    this.layers = model.layers;
    this.scoreOffsets = model.scoreOffsets;
    this.scoreFactor = model.scoreFactor;
    this.classes = model.classes;
  }

  /** The layers in order, each with the shapes it goes between and the bounds of its values. */
  get checkedLayers(): readonly CheckedLayer[] {
    return this.#checkedLayers;
  }

  /** Check a model; one that was checked is returned as it is. */
  static of(model: IntegerModel, loops?: RowSumLoops): CheckedModel {
    return model instanceof CheckedModel ? model : new CheckedModel(model, loops);
  }
}

/**
 * Check a model and work out each layer's shapes and bounds.
 *
 * @param loops an engine's own loops over weights
 * @returns the checked model, which executors, designs and estimates take; it shares the layers' arrays
 * @throws HbnnError naming the layer: shapes that do not fit, values out of range, sums beyond int32
 */
export const checkModel = (model: IntegerModel, loops?: RowSumLoops): CheckedModel =>
  CheckedModel.of(model, loops);

function checkWhole(model: IntegerModel, loops?: RowSumLoops): readonly CheckedLayer[] {
  checkKind(model);
  const { input, layers } = model;
  if (layers.length < 1 || layers.length > maxLayers)
    throw new HbnnError(
      `model: expected 1 to ${maxLayers} layers, got ${layers.length}; give the model as many`,
    );
  checkFeature(input.shape, 'model input');
  expectLength('model input', 'zeros', input.zeros.length, input.shape[2]);
  if (!input.zeros.every((zero) => zero >= 0 && zero <= 255))
    throw new HbnnError('model input: expected zeros from 0 to 255; they are pixel values');
  const checked = checkLayers(layers, input.shape, input.zeros, loops);
  const unread = unreadLayer(checked);
  if (unread !== undefined)
    throw new HbnnError(
      `${unread.layer.name}: expected a layer that another one reads, got one that none reads; name it in a layer's \`from\` or \`inputs\`, or take it out`,
    );
  const { output: shape, outputBound: bound } = checked[checked.length - 1];
  const scores = featureCount(shape);
  expectLength('model', 'score offsets', model.scoreOffsets.length, scores);
  expectLength('model', 'class names', model.classes.length, scores);
  const max = model.scoreOffsets.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  if (bound + max > maxSum)
    throw new HbnnError('model: scores with their offsets could leave int32; use smaller scales');
  if (!Number.isFinite(model.scoreFactor) || model.scoreFactor <= 0)
    throw new HbnnError(
      `model: expected a score factor above 0, got ${model.scoreFactor}; set scoreFactor, such as 1`,
    );
  return checked;
}

/** Refuse what is no integer model at all, with the way to one. */
function checkKind(model: unknown): void {
  const { input, layers } = (model ?? {}) as Partial<Record<string, unknown>>;
  if (Array.isArray(layers) && typeof input === 'object' && input !== null && 'zeros' in input)
    return;
  const wayOut =
    ArrayBuffer.isView(model) || model instanceof ArrayBuffer
      ? 'decode the bytes of a .hbnn file first: decodeModel(bytes)'
      : model instanceof Promise
        ? 'await it first'
        : typeof model === 'string'
          ? 'read the file first: await readModel(createReadStream(path))'
          : Array.isArray(layers) && input !== undefined
            ? 'turn a trained model into whole numbers first: lower(trained).model'
            : 'pass what lower, readModel or decodeModel gives (of lower, its field model)';
  throw new HbnnError(`model: expected an integer model, got ${kindOf(model)}; ${wayOut}`);
}

/** Check some layers and work out their shapes and bounds, for pixels of 8 bits. */
export function checkLayers(
  layers: readonly IntegerLayer[],
  start: FeatureShape,
  zeros: Int32Array,
  loops?: RowSumLoops,
): CheckedLayer[] {
  const pixels = zeros.reduce((max, zero) => Math.max(max, zero, 255 - zero), 0);
  const numbers = new Map<string, number>();
  const checked: CheckedLayer[] = [];
  layers.forEach((layer, i) => {
    if (numbers.has(layer.name))
      throw new HbnnError(`${layer.name}: expected each layer name once; rename one of them`);
    const sources = sourcesOf(layer, i, numbers);
    const shapes = sources.map((source) => checked[source]?.output ?? start);
    const bounds = sources.map((source) => checked[source]?.outputBound ?? pixels);
    checked.push({ sources, ...checkLayer(layer, shapes, bounds, loops) });
    numbers.set(layer.name, i);
  });
  return checked;
}

const isJoin = (layer: IntegerLayer): layer is JoinLayer =>
  layer.kind === 'add' || layer.kind === 'concat';

function checkLayer(
  layer: IntegerLayer,
  shapes: readonly FeatureShape[],
  bounds: readonly number[],
  loops?: RowSumLoops,
): Omit<CheckedLayer, 'sources'> {
  const output = outputShapeOf(layer, shapes);
  checkFeature(output, layer.name);
  const input = layer.kind === 'concat' ? output : shapes[0];
  checkArrays(layer, input);
  const inputBound = Math.max(...bounds);
  const outputBound = isJoin(layer)
    ? joinedBound(layer, bounds)
    : boundOf(layer, input, inputBound, loops);
  if (!(outputBound <= maxSum))
    throw new HbnnError(
      `${layer.name}: its sums could come to ${outputBound}, beyond int32; use smaller scales or fewer inputs`,
    );
  return { layer, inputs: shapes, input, output, inputBound, outputBound };
}

function checkFeature(shape: readonly number[], where: string): void {
  const fits =
    shape.length === 3 &&
    shape.every((n) => Number.isSafeInteger(n) && n >= 1 && n <= maxFeatures) &&
    shape[0] * shape[1] * shape[2] <= maxFeatures;
  if (!fits)
    throw new HbnnError(
      `${where}: expected a feature map of 1 to ${maxFeatures} values, got ${text(shape)}; give [height, width, channels], each at least 1`,
    );
}

function expectLength(where: string, what: string, got: number, expected: number): void {
  if (got !== expected)
    throw new HbnnError(`${where}: expected ${expected} ${what}, got ${got}; give as many as that`);
}

/** A layer's output shape, from those of what it reads. @throws HbnnError when layer and inputs do not fit */
export function outputShapeOf(layer: IntegerLayer, inputs: readonly FeatureShape[]): FeatureShape {
  const [input] = inputs;
  const [, , channels] = input;
  switch (layer.kind) {
    case 'conv': {
      const [outputs, kh, kw, inputs] = weightShape(layer, 4);
      if (inputs !== channels) throw unfit(layer, input);
      return windowed(layer, [kh, kw], layer.strides, layer.padding, input, outputs);
    }
    case 'depthwise': {
      const [outputs, kh, kw, each] = weightShape(layer, 4);
      if (each !== 1 || outputs % channels !== 0) throw unfit(layer, input);
      return windowed(layer, [kh, kw], layer.strides, layer.padding, input, outputs);
    }
    case 'dense': {
      const [outputs, inputs] = weightShape(layer, 2);
      if (inputs !== featureCount(input)) throw unfit(layer, input);
      return [1, 1, outputs];
    }
    case 'maxPool': {
      const output = windowed(layer, layer.size, layer.strides, layer.padding, input, channels);
      const [top, left, bottom, right] = layer.padding;
      if (Math.max(top, bottom) >= layer.size[0] || Math.max(left, right) >= layer.size[1])
        throw new HbnnError(
          `${layer.name}: expected padding below the window's size; make the padding less or the window larger`,
        );
      return output;
    }
    case 'sumPool':
      return windowed(layer, layer.size, layer.strides, [0, 0, 0, 0], input, channels);
    case 'threshold':
    case 'requantize':
      return input;
    case 'add':
    case 'concat':
      return joinedShape(layer, inputs);
    default:
      throw unknownKind(layer, integerKinds, 'write the layer by these');
  }
}

const integerKinds: readonly IntegerLayer['kind'][] = [
  'conv',
  'depthwise',
  'dense',
  'maxPool',
  'sumPool',
  'threshold',
  'requantize',
  'add',
  'concat',
];

/** Check the lengths and values of a layer's arrays, whose shapes fit. */
function checkArrays(layer: IntegerLayer, input: FeatureShape): void {
  if (layer.kind === 'threshold') checkThreshold(layer, input);
  if (layer.kind === 'requantize') checkRequantize(layer, input);
  if (layer.kind === 'add') checkAdd(layer, input);
  if (!('weights' in layer)) return;
  const { name, weights } = layer;
  const count = weights.shape.reduce((product, n) => product * n, 1);
  if (weights.kind === 'planes') checkPlanes(weights, count, name);
  else {
    expectLength(name, 'weights', weights.values.length, count);
    if (weights.values.includes(-128))
      throw new HbnnError(
        `${name}: expected weights from −127 to 127, got −128; use −127 there or lower the model again`,
      );
  }
}

function unfit(layer: ConvLayer | DepthwiseLayer | DenseLayer, input: FeatureShape): HbnnError {
  return new HbnnError(
    `${layer.name}: weights of shape ${text(layer.weights.shape)} do not fit inputs of shape ${text(input)}; change the weights' shape or the layer before`,
  );
}

function windowed(
  { name }: { readonly name: string },
  size: Pair,
  strides: Pair,
  padding: Padding4,
  input: FeatureShape,
  channels: number,
): FeatureShape {
  const whole = (n: number, least: number): boolean => Number.isSafeInteger(n) && n >= least;
  if (!size.every((n) => whole(n, 1)) || !strides.every((n) => whole(n, 1)))
    throw new HbnnError(
      `${name}: expected sizes and strides of at least 1; give whole numbers from 1 on`,
    );
  if (padding.length !== 4 || !padding.every((n) => whole(n, 0) && n <= maxFeatures))
    throw new HbnnError(
      `${name}: expected padding of four whole numbers; give [top, left, bottom, right], each 0 or more`,
    );
  const [top, left, bottom, right] = padding;
  const padded = [input[0] + top + bottom, input[1] + left + right] as const;
  if (size[0] > padded[0] || size[1] > padded[1])
    throw new HbnnError(
      `${name}: expected a window that fits its feature map, got one of ${size.join('×')} on a map of ${padded.join('×')}, padding included; take a smaller window, more padding, or a larger map before it`,
    );
  const along = (axis: 0 | 1): number =>
    Math.floor((padded[axis] - size[axis]) / strides[axis]) + 1;
  return [along(0), along(1), channels];
}

function weightShape(
  layer: ConvLayer | DepthwiseLayer | DenseLayer,
  dimensions: number,
): readonly number[] {
  const { weights, name } = layer;
  const { shape } = weights;
  const sizes = shape.every((n) => Number.isSafeInteger(n) && n >= 1);
  if (shape.length !== dimensions || !sizes)
    throw new HbnnError(
      `${name}: expected weights of ${dimensions} dimensions of at least 1, got ${text(shape)}; mend weights.shape`,
    );
  return shape;
}

function checkPlanes(weights: PlaneWeights, count: number, name: string): void {
  const { bits, signs, multiples, scalePer, shape } = weights;
  expectLength(name, 'bitwidths', bits.length, count);
  expectLength(name, 'sign bytes', signs.length, count);
  const planes = multiples.length;
  if (planes > maxBitwidth)
    throw new HbnnError(
      `${name}: expected at most ${maxBitwidth} planes, got ${planes}; use fewer planes`,
    );
  const each = scalePer === 'tensor' ? 1 : shape[0];
  for (const plane of multiples) expectLength(name, 'multiples per plane', plane.length, each);
}

function checkThreshold(layer: ThresholdLayer, input: FeatureShape): void {
  const { name, bits, multiples, thresholds, flips } = layer;
  const planes = multiples.length;
  if (planes > maxBitwidth)
    throw new HbnnError(
      `${name}: expected at most ${maxBitwidth} planes, got ${planes}; use fewer planes`,
    );
  expectLength(name, 'bitwidths', bits.length, featureCount(input));
  expectLength(name, 'thresholds', thresholds.length, input[2] * treeSize(planes));
  expectLength(name, 'flips', flips.length, input[2]);
  const bad = firstAbove(bits, planes);
  if (bad >= 0)
    throw new HbnnError(
      `${name}: expected bitwidths up to its ${planes} planes, got ${bits[bad]} at element ${bad}; lower that bitwidth or add planes`,
    );
  if (!flips.every((flip) => flip <= 1))
    throw new HbnnError(
      `${name}: expected flips of 0 or 1; put 1 where the sign is turned, else 0`,
    );
}

/** Where the first bitwidth above `most`, below 128, lies; −1 for none. Four are looked at together. */
function firstAbove(bits: Uint8Array, most: number): number {
  let i = 0;
  if (bits.byteOffset % 4 === 0) {
    const words = new Int32Array(bits.buffer, bits.byteOffset, bits.length >>> 2);
    const more = Math.imul(127 - most, 0x01010101);
    let word = 0;
    for (; word < words.length; word++) {
      const four = words[word];
      // Bit 7 of a byte is set by its own bit 7 or by the sum of the others.
      if (((four | ((four & 0x7f7f7f7f) + more)) & 0x80808080) !== 0) break;
    }
    i = 4 * word;
  }
  while (i < bits.length && bits[i] <= most) i++;
  return i < bits.length ? i : -1;
}

function checkRequantize(layer: RequantizeLayer, input: FeatureShape): void {
  const { name, multipliers, offsets, shifts, minimum, maximum } = layer;
  for (const [what, list] of Object.entries({ multipliers, offsets, shifts }))
    expectLength(name, what, list.length, input[2]);
  // 2^52 leaves room for |in · multiplier| < 2^47 beside it.
  if (!offsets.every((offset) => Number.isSafeInteger(offset) && Math.abs(offset) <= 2 ** 52))
    throw new HbnnError(
      `${name}: expected whole offsets up to 2^52; round them and keep them within it`,
    );
  if (!shifts.every((shift) => shift <= 46))
    throw new HbnnError(`${name}: expected shifts from 0 to 46; use a smaller shift`);
  const whole = Number.isInteger(minimum) && Number.isInteger(maximum);
  if (!whole || minimum > maximum || minimum < -32768 || maximum > 32767)
    throw new HbnnError(
      `${name}: expected a minimum and a maximum within 16 bits, got ${minimum} and ${maximum}; give whole numbers from -32768 to 32767, the smaller first`,
    );
}

function checkAdd({ name, inputs, multipliers }: AddLayer, input: FeatureShape): void {
  expectLength(name, 'lists of multipliers', multipliers.length, inputs.length);
  for (const list of multipliers) {
    expectLength(name, 'multipliers', list.length, input[2]);
    if (list.includes(-32768))
      throw new HbnnError(
        `${name}: expected multipliers from −32767 to 32767, got −32768; use −32767 there or lower the model again`,
      );
  }
}

/** The most that |out| can be when |in| is at most `bound`. */
function boundOf(
  layer: Exclude<IntegerLayer, JoinLayer>,
  input: FeatureShape,
  bound: number,
  loops?: RowSumLoops,
): number {
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
    case 'dense':
      return bound * largestRowSum(layer.weights, layer.name, loops);
    case 'maxPool':
      return bound;
    case 'sumPool':
      return bound * Math.min(layer.size[0], input[0]) * Math.min(layer.size[1], input[1]);
    case 'threshold':
      return layer.multiples.reduce((sum, multiple) => sum + multiple, 0);
    case 'requantize':
      return Math.max(Math.abs(layer.minimum), Math.abs(layer.maximum));
    default:
      return layer satisfies never;
  }
}
