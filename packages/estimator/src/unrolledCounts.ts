import {
  featureCount,
  HbnnError,
  type IntegerModel,
  type PlannedLayer,
  planModel,
} from '@hbnn/core';
import { type Sums, sharedSums } from './sharing.ts';

/** Building blocks of one step of an unrolled design: what its area is made of. */
export interface StepCounts {
  readonly name: string;
  readonly kind: PlannedLayer['layer']['kind'] | 'scores' | 'largest';
  /** One-bit full adders of sums of products, shared where outputs have parts in common. */
  readonly adders: number;
  /** Those sums, shared ones and outputs, and the bits that they have. */
  readonly heaps: number;
  readonly heapBits: number;
  /** Bits of numbers that are compared: Σ over elements of the input's, where thresholds make it sign bits. */
  readonly comparedBits: number;
  /** Σ (2^bits − 1) nodes of thresholds beyond the first. */
  readonly furtherNodes: number;
  /** Bits that are added with a constant, chosen from two, or clamped. */
  readonly wordBits: number;
}

const nothing = { adders: 0, heaps: 0, heapBits: 0, comparedBits: 0, furtherNodes: 0, wordBits: 0 };

/** How many bits the elements of a feature map have: sign bits, or numbers of one width. */
type Widths = Float64Array;

const widthOf = (bound: number): number => Math.ceil(Math.log2(bound + 1)) + 1;

/**
 * Count what a fully unrolled design is made of: every weight has its own logic, every place of a feature map its own
 * copy, one image per evaluation.
 *
 * @throws HbnnError when the model is not sound
 */
export function unrolledCounts(model: IntegerModel): StepCounts[] {
  const planned = planModel(model);
  let widths: Widths = new Float64Array(featureCount(model.input.shape)).fill(8);
  const steps = planned.map((plan): StepCounts => {
    const counted = stepCounts(plan, widths);
    widths = widthsAfter(plan, widths);
    return counted;
  });
  const last = planned[planned.length - 1];
  const offset = model.scoreOffsets.reduce((most, n) => Math.max(most, Math.abs(n)), 0);
  const scores = model.scoreOffsets.length;
  const width = widthOf(last.outputBound + offset);
  return [
    ...steps,
    { ...nothing, name: 'scores', kind: 'scores', wordBits: scores * Math.max(1, width - 3) },
    { ...nothing, name: 'largest', kind: 'largest', ...tournament(scores, width) },
  ];
}

/** Comparisons of words two by two, and the bits of words and numbers that are chosen; the last winner's word is not. */
function tournament(words: number, width: number): { comparedBits: number; wordBits: number } {
  let wordBits = 0;
  for (let left = words, round = 0; left > 1; left = Math.ceil(left / 2), round++) {
    const matches = Math.floor(left / 2);
    wordBits += matches * ((left > 2 ? width : 0) + round);
  }
  return { comparedBits: (words - 1) * width, wordBits };
}

function widthsAfter({ layer, output, outputBound }: PlannedLayer, before: Widths): Widths {
  const all = (width: number): Widths => new Float64Array(featureCount(output)).fill(width);
  switch (layer.kind) {
    case 'threshold':
      return Float64Array.from(layer.bits);
    case 'maxPool':
      // A largest of sign bits has as many; of mixed widths the widest.
      return all(before.reduce((most, n) => Math.max(most, n), 0));
    case 'conv':
    case 'depthwise':
    case 'dense':
    case 'sumPool':
    case 'requantize':
      return all(widthOf(outputBound));
    default:
      return layer satisfies never;
  }
}

function stepCounts(plan: PlannedLayer, widths: Widths): StepCounts {
  const { layer, output } = plan;
  const base = { ...nothing, name: layer.name, kind: layer.kind };
  const values = featureCount(output);
  const width = widthOf(plan.outputBound);
  switch (layer.kind) {
    case 'dense': {
      const taps = { indices: Array.from(widths, (_, i) => i), bits: widths };
      return { ...base, ...sharedSums(layer.weights, 0, layer.weights.shape[0], taps) };
    }
    case 'conv':
    case 'depthwise':
      return { ...base, ...windowSums(plan, widths) };
    case 'maxPool': {
      const window = layer.size[0] * layer.size[1];
      const widest = widths.reduce((most, n) => Math.max(most, n), 0);
      return { ...base, wordBits: values * Math.max(1, window - 1) * Math.max(1, widest) };
    }
    case 'sumPool':
      return { ...base, wordBits: values * (layer.size[0] * layer.size[1] - 1) * width + values };
    case 'threshold': {
      const compared = widthOf(plan.inputBound);
      let comparedBits = 0;
      let furtherNodes = 0;
      for (const bits of layer.bits) {
        if (bits > 0) comparedBits += compared;
        furtherNodes += Math.max(0, 2 ** bits - 2);
      }
      return { ...base, comparedBits: Math.max(1, comparedBits), furtherNodes };
    }
    case 'requantize':
      // A multiplication by a constant of 15 bits adds about five shifted copies; then an offset and two clamps.
      return { ...base, wordBits: values * (5 * (widthOf(plan.inputBound) + 15) + 3 * width) };
    default:
      return layer satisfies never;
  }
}

/** Places of a window by which taps lie inside the input: those of one pattern take the same adders. */
function windowSums(plan: PlannedLayer, widths: Widths): Sums {
  const { layer, input, output } = plan;
  if (layer.kind !== 'conv' && layer.kind !== 'depthwise')
    throw new HbnnError(`${layer.name}: expected a convolution, got ${layer.kind}`);
  const [outputs, kh, kw, depth] = layer.weights.shape;
  const axis = (n: 0 | 1, size: number, before: number): Map<string, number[]> => {
    const found = new Map<string, number[]>();
    for (let y = 0; y < output[n]; y++) {
      const inside: number[] = [];
      for (let i = 0; i < size; i++) {
        const at = y * layer.strides[n] + i - before;
        if (at >= 0 && at < input[n]) inside.push(i);
      }
      const key = inside.join();
      found.set(key, [...(found.get(key) ?? []), y]);
    }
    return found;
  };
  const groups = layer.kind === 'conv' ? 1 : input[2];
  const all = { adders: 0, heaps: 0, heapBits: 0 };
  for (const [rowKey, rows] of axis(0, kh, layer.padding[0]))
    for (const [columnKey, columns] of axis(1, kw, layer.padding[1])) {
      if (rowKey === '' || columnKey === '') continue;
      for (let g = 0; g < groups; g++) {
        const [is, js] = [rowKey, columnKey].map((key) => key.split(',').map(Number));
        const taps = windowTaps(plan, widths, { rows, columns, is, js, depth, channel: g });
        const each = outputs / groups;
        const one = sharedSums(layer.weights, g * each, each, taps);
        const places = rows.length * columns.length;
        all.adders += one.adders * places;
        all.heaps += one.heaps * places;
        all.heapBits += one.heapBits * places;
      }
    }
  return all;
}

interface WindowPlaces {
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  /** Taps inside the input. */
  readonly is: readonly number[];
  readonly js: readonly number[];
  readonly depth: number;
  /** Channel of a depthwise group; a convolution reads all. */
  readonly channel: number;
}

function windowTaps({ layer, input }: PlannedLayer, widths: Widths, at: WindowPlaces) {
  if (layer.kind !== 'conv' && layer.kind !== 'depthwise')
    throw new HbnnError(`${layer.name}: expected a convolution, got ${layer.kind}`);
  const kw = layer.weights.shape[2];
  const indices: number[] = [];
  const bits: number[] = [];
  const places = at.rows.length * at.columns.length;
  for (const i of at.is)
    for (const j of at.js)
      for (let c = 0; c < at.depth; c++) {
        indices.push((i * kw + j) * at.depth + c);
        const channel = layer.kind === 'conv' ? c : at.channel;
        let sum = 0;
        for (const y of at.rows)
          for (const x of at.columns) {
            const inY = y * layer.strides[0] + i - layer.padding[0];
            const inX = x * layer.strides[1] + j - layer.padding[1];
            sum += widths[(inY * input[1] + inX) * input[2] + channel];
          }
        bits.push(sum / places);
      }
  return { indices, bits };
}
