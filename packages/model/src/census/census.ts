import { type CheckedLayer, type CheckedModel, checkModel } from '../checkModel.ts';
import {
  type AddLayer,
  type FeatureShape,
  featureCount,
  type IntegerLayer,
  type IntegerWeights,
  type MaxPoolLayer,
  type RequantizeLayer,
  rowLength,
  type ThresholdLayer,
} from '../integerModel.ts';
import { spanUnder, windowOf } from '../windows.ts';
import { type Coding, codedBits, outputCoding, pixelCoding, wholeWidth } from './coding.ts';
import type { Operations } from './operations.ts';
import { productCounts } from './products.ts';

/** What one step of a network takes per inference. */
export interface StepCensus {
  readonly name: string;
  readonly kind: IntegerLayer['kind'] | 'pixels' | 'scores';
  readonly input: FeatureShape;
  readonly output: FeatureShape;
  readonly operations: Operations;
  /** Bits of weights, scales and thresholds; which weight has how many bits is wired, not stored. */
  readonly bitsStored: number;
  /** Bits read and written when inputs, parameters and outputs each move once: the least there can be. */
  readonly bitsMoved: number;
  /** Weights times the places they are used at: multiply-accumulates, whatever their bits. */
  readonly macs: number;
  /** Weights of one output: the length of its sum; 0 where there are none. */
  readonly fanIn: number;
  /** Bits of a number that comes in, a stored weight and a sum that goes out, at most. */
  readonly widths: { readonly input: number; readonly weight: number; readonly sum: number };
}

/** The count of a network, from its pixels to its scores. */
export interface Census {
  readonly model: string;
  readonly steps: readonly StepCensus[];
  readonly total: Operations & Pick<StepCensus, 'bitsStored' | 'bitsMoved' | 'macs'>;
}

/** Bits of a stored multiple k, multiplier and shift of the integer model. */
const multipleBits = 8;
const multiplierBits = 16;
const shiftBits = 6;
const none: Operations = { xnor: 0, popcount: 0, add: 0, compare: 0, multiply: 0 };

/**
 * Count the operations, stored bits and moved bits of one inference, step by step.
 *
 * A weight of m bits times an input of n bits is m · n XNORs whose results are counted; where one of the two is a
 * number, each bit of the other adds or subtracts it; two numbers are multiplied and added. Places in the padding do
 * not count. Steps are the pixels (minus their zeros), each layer, and the scores (plus their offsets).
 *
 * @throws HbnnError for a value that is no integer model
 */
export function census(given: CheckedModel): Census {
  const model = checkModel(given);
  const planned = model.checkedLayers;
  const pixels = pixelCoding(model);
  const codings: Coding[] = [];
  const steps: StepCensus[] = [pixelStep(model, pixels)];
  for (const plan of planned) {
    const before = plan.sources.map((source) => codings[source] ?? pixels);
    const shapes = plan.sources.map((source) => planned[source]?.output ?? model.input.shape);
    const after = outputCoding(plan, before, shapes);
    const read = before.reduce((bits, coding, k) => bits + codedBits(coding, shapes[k]), 0);
    steps.push(layerStep(plan, before, read, after));
    codings.push(after);
  }
  steps.push(scoreStep(model, planned[planned.length - 1], codings[codings.length - 1]));
  const sum = (of: (step: StepCensus) => number): number => steps.reduce((n, s) => n + of(s), 0);
  const operation = (name: keyof Operations): number => sum((step) => step.operations[name]);
  const total = {
    xnor: operation('xnor'),
    popcount: operation('popcount'),
    add: operation('add'),
    compare: operation('compare'),
    multiply: operation('multiply'),
    bitsStored: sum((s) => s.bitsStored),
    bitsMoved: sum((s) => s.bitsMoved),
    macs: sum((s) => s.macs),
  };
  return { model: model.name, steps, total };
}

function pixelStep({ input }: CheckedModel, after: Coding): StepCensus {
  const pixels = featureCount(input.shape);
  const stored = input.zeros.length * 8;
  return {
    name: 'pixels',
    kind: 'pixels',
    input: input.shape,
    output: input.shape,
    macs: 0,
    fanIn: 0,
    operations: { ...none, add: pixels },
    bitsStored: stored,
    bitsMoved: pixels * 8 + stored + codedBits(after, input.shape),
    widths: { input: 8, weight: 8, sum: widthOf(after) },
  };
}

function scoreStep(model: CheckedModel, last: CheckedLayer, coding: Coding): StepCensus {
  const max = model.scoreOffsets.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const width = wholeWidth(max, true);
  const sum = wholeWidth(last.outputBound + max, true);
  const scores = model.scoreOffsets.length;
  return {
    name: 'scores',
    kind: 'scores',
    input: last.output,
    output: last.output,
    macs: 0,
    fanIn: 0,
    operations: { ...none, add: scores },
    bitsStored: scores * width,
    bitsMoved: codedBits(coding, last.output) + scores * (width + sum),
    widths: { input: widthOf(coding), weight: width, sum },
  };
}

function layerStep(
  plan: CheckedLayer,
  before: readonly Coding[],
  bitsRead: number,
  after: Coding,
): StepCensus {
  const { layer, input, output } = plan;
  const { operations, macs } = operationsOf(plan, before[0]);
  const bitsStored = storedBits(layer, wholeWidth(plan.inputBound, true));
  return {
    name: layer.name,
    kind: layer.kind,
    input,
    output,
    operations,
    macs,
    bitsStored,
    fanIn: 'weights' in layer ? rowLength(layer.weights.shape) : 0,
    bitsMoved: bitsRead + bitsStored + codedBits(after, output),
    widths: {
      input: Math.max(...before.map(widthOf)),
      weight: weightWidth(layer),
      sum: widthOf(after),
    },
  };
}

const widthOf = (coding: Coding): number =>
  coding.kind === 'whole' ? coding.width : coding.bits.reduce((a, b) => Math.max(a, b), 0);

function weightWidth(layer: IntegerLayer): number {
  if (layer.kind === 'requantize' || layer.kind === 'add') return multiplierBits;
  if (!('weights' in layer)) return 0;
  return layer.weights.kind === 'int8'
    ? 8
    : layer.weights.bits.reduce((max, bits) => Math.max(max, bits), 0);
}

interface Counted {
  readonly operations: Operations;
  readonly macs: number;
}

function operationsOf(plan: CheckedLayer, coding: Coding): Counted {
  const { layer, output } = plan;
  const values = featureCount(output);
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
    case 'dense':
      return productCounts(plan, coding);
    case 'maxPool':
      return { operations: { ...none, compare: poolPairs(layer, plan) }, macs: 0 };
    case 'sumPool':
      return {
        operations: { ...none, add: values * (layer.size[0] * layer.size[1] - 1) },
        macs: 0,
      };
    case 'threshold':
      return { operations: { ...none, compare: sumOfValues(layer.bits) }, macs: 0 };
    case 'requantize':
      // Two comparisons clamp each value.
      return {
        operations: { ...none, multiply: values, add: values, compare: 2 * values },
        macs: 0,
      };
    case 'add':
      return { operations: sumCounts(layer, values), macs: 0 };
    case 'concat':
      return { operations: none, macs: 0 };
    default:
      return layer satisfies never;
  }
}

/** Sums of some inputs; a multiplier that is 0 or a power of two only moves bits. */
function sumCounts({ multipliers }: AddLayer, values: number): Operations {
  const each = values / multipliers[0].length;
  const isProduct = (multiplier: number): boolean =>
    !Number.isInteger(Math.log2(Math.abs(multiplier)));
  const products = multipliers.reduce(
    (sum, list) => sum + list.filter((m) => m !== 0 && isProduct(m)).length,
    0,
  );
  return { ...none, multiply: each * products, add: values * (multipliers.length - 1) };
}

/** A largest of n values takes n − 1 comparisons; places beyond the edges do not take part. */
function poolPairs(layer: MaxPoolLayer, { input, output }: CheckedLayer): number {
  const window = windowOf(layer);
  const along = (axis: 0 | 1, at: number): number => {
    const [from, end] = spanUnder(window, input, axis, at);
    return end - from;
  };
  let pairs = 0;
  for (let y = 0; y < output[0]; y++)
    for (let x = 0; x < output[1]; x++) pairs += along(0, y) * along(1, x) - 1;
  return pairs * output[2];
}

const sumOfValues = (list: Uint8Array): number => list.reduce((sum, n) => sum + n, 0);

/** Bits of a layer's parameters; thresholds are as wide as the sums that they are compared with. */
function storedBits(layer: IntegerLayer, sumWidth: number): number {
  switch (layer.kind) {
    case 'conv':
    case 'depthwise':
    case 'dense':
      return weightBits(layer.weights);
    case 'maxPool':
    case 'sumPool':
      return 0;
    case 'threshold':
      return thresholdBits(layer, sumWidth);
    case 'requantize':
      return requantizeBits(layer);
    case 'add':
      return layer.multipliers.reduce((sum, list) => sum + list.length * multiplierBits, 0);
    case 'concat':
      return 0;
    default:
      return layer satisfies never;
  }
}

function weightBits(weights: IntegerWeights): number {
  if (weights.kind === 'int8') return 8 * weights.values.length;
  const groups = weights.multiples.reduce((sum, plane) => sum + plane.length, 0);
  return sumOfValues(weights.bits) + multipleBits * groups;
}

const thresholdBits = (layer: ThresholdLayer, sumWidth: number): number =>
  layer.thresholds.length * sumWidth + layer.flips.length + multipleBits * layer.multiples.length;

function requantizeBits({ multipliers, offsets }: RequantizeLayer): number {
  const offset = offsets.reduce((max, n) => Math.max(max, Math.abs(n)), 0);
  return multipliers.length * (multiplierBits + wholeWidth(offset, true) + shiftBits);
}
