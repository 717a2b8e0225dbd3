import {
  type AdderStyle,
  featureCount,
  HbnnError,
  type IntegerModel,
  type PlannedLayer,
  planModel,
  planSums,
  type SumPoolLayer,
} from '@hbnn/core';
import { type HeapCounts, heapCounts, noHeap, totalCounts } from './heapCounts.ts';
import { formsAfter, type NumberForm, pixelForm } from './numberForms.ts';

/** Building blocks of one step of an unrolled design: what its area is made of. */
export interface StepCounts extends HeapCounts {
  readonly name: string;
  readonly kind: PlannedLayer['layer']['kind'] | 'scores' | 'largest';
  /** Bits of numbers that are compared: Σ over elements of the input's, where thresholds make it sign bits. */
  readonly comparedBits: number;
  /** Σ (2^bits − 1) nodes of thresholds beyond the first. */
  readonly furtherNodes: number;
  /** Bits that are added with a constant, chosen from two, or clamped. */
  readonly wordBits: number;
}

const nothing = {
  ...noHeap,
  ...{ comparedBits: 0, furtherNodes: 0, wordBits: 0 },
};

const widthOf = (bound: number): number => Math.ceil(Math.log2(bound + 1)) + 1;

/**
 * Count what a fully unrolled design is made of: every weight has its own logic, every place of a feature map its own
 * copy, one image per evaluation.
 *
 * @throws HbnnError when the model is not sound
 */
export function unrolledCounts(model: IntegerModel, style: AdderStyle): StepCounts[] {
  const planned = planModel(model);
  const pixels = [...model.input.zeros].map(pixelForm);
  let forms: NumberForm[] = Array.from(
    { length: featureCount(model.input.shape) },
    (_, i) => pixels[i % pixels.length],
  );
  const steps = planned.map((plan): StepCounts => {
    if ('weights' in plan.layer) {
      const { total, forms: sums } = productCounts(plan, forms, style);
      forms = sums;
      return { ...nothing, name: plan.layer.name, kind: plan.layer.kind, ...total };
    }
    if (plan.layer.kind === 'sumPool') {
      const { total, forms: sums } = poolCounts(plan, plan.layer, forms, style);
      forms = sums;
      return { ...nothing, name: plan.layer.name, kind: plan.layer.kind, ...total };
    }
    const counted = stepCounts(plan, forms);
    forms = formsAfter(plan, forms);
    return counted;
  });
  const last = planned[planned.length - 1];
  const offset = model.scoreOffsets.reduce((most, n) => Math.max(most, Math.abs(n)), 0);
  const scores = model.scoreOffsets.length;
  const width = widthOf(last.outputBound + offset);
  const made = binaryCounts(forms, style);
  const added = made.forms.reduce(
    (sum, form, o) => sum + addedBits(form, model.scoreOffsets[o]),
    0,
  );
  return [
    ...steps,
    { ...nothing, name: 'scores', kind: 'scores', ...made.total, wordBits: Math.max(1, added) },
    { ...nothing, name: 'largest', kind: 'largest', ...tournament(scores, width) },
  ];
}

/**
 * Bits of a sum to which its constant has to be added by more than an inverter: those above the constant's lowest set
 * bit.
 */
function addedBits({ base, weights }: NumberForm, offset: number): number {
  if (weights.length === 0) return 0;
  const constant = Math.abs(Math.floor((base + offset) / weights[0]));
  if (constant === 0) return 0;
  let free = 0;
  for (let rest = constant; rest % 2 === 0; rest /= 2) free++;
  return Math.max(0, weights.length - free);
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

function stepCounts(plan: PlannedLayer, forms: readonly NumberForm[]): StepCounts {
  const { layer, output } = plan;
  const base = { ...nothing, name: layer.name, kind: layer.kind };
  const values = featureCount(output);
  const width = widthOf(plan.outputBound);
  switch (layer.kind) {
    case 'dense':
    case 'conv':
    case 'depthwise':
    case 'sumPool':
      return base;
    case 'maxPool': {
      const window = layer.size[0] * layer.size[1];
      const widest = forms.reduce((most, { weights }) => Math.max(most, weights.length), 0);
      return { ...base, wordBits: values * Math.max(1, window - 1) * Math.max(1, widest) };
    }
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

/** Of scores: what makes numbers in binary of those that are other sums of bits, and the forms that they have then. */
function binaryCounts(before: readonly NumberForm[], style: AdderStyle) {
  const total = { ...noHeap };
  const forms = before.map((form) => {
    const { weights } = form;
    const doubling = weights.every((weight, i) => weight === weights[0] * 2 ** i);
    if (doubling && Number.isInteger(Math.log2(weights[0] ?? 1))) return form;
    const { sum, ...counts } = totalCounts([form], style);
    for (const name of countNames) total[name] += counts[name];
    return sum;
  });
  return { total, forms };
}

/** Of a pool that adds: what its windows' sums take, and the forms that they have. */
function poolCounts(
  { input, output }: PlannedLayer,
  { size, strides }: SumPoolLayer,
  before: readonly NumberForm[],
  style: AdderStyle,
) {
  const forms: NumberForm[] = new Array(featureCount(output));
  const total = { ...noHeap };
  for (let y = 0; y < output[0]; y++)
    for (let x = 0; x < output[1]; x++)
      for (let c = 0; c < output[2]; c++) {
        const window: NumberForm[] = [];
        for (let i = y * strides[0]; i < Math.min(input[0], y * strides[0] + size[0]); i++)
          for (let j = x * strides[1]; j < Math.min(input[1], x * strides[1] + size[1]); j++)
            window.push(before[(i * input[1] + j) * input[2] + c]);
        const { sum, ...counts } = totalCounts(window, style);
        for (const name of countNames) total[name] += counts[name];
        forms[(y * output[1] + x) * output[2] + c] = sum;
      }
  return { total, forms };
}

/** Of a product: what its places' sums take, all of them together, and the forms that they have. */
function productCounts(plan: PlannedLayer, before: readonly NumberForm[], style: AdderStyle) {
  const { layer, output } = plan;
  const forms: NumberForm[] = new Array(featureCount(output));
  const total = { ...noHeap };
  for (const group of placesOf(plan)) {
    // Where widths differ from place to place, a few stand for all.
    const distinct = new Map(group.places.map((place) => [keyOf(place.inputs, before), place]));
    const some = evenly([...distinct.values()], mostPlaces);
    for (const place of some) {
      const own = place.inputs.map((i) => before[i]);
      const times = group.places.length / some.length;
      for (const slice of slicesOf(place)) {
        const { from, outputs, taps } = slice;
        const { sums, ...counts } = heapCounts(
          planSums(weightsOf(layer), { from, outputs, taps }, style),
          ...([own, style] as const),
        );
        for (const name of countNames) total[name] += slice.stands * times * counts[name];
        for (const { at } of group.places)
          for (let o = 0; o < slice.stands * outputs; o++) forms[at + from + o] = sums[o % outputs];
      }
    }
  }
  return { total, forms };
}

/** Outputs that are counted at once; of more, some stand for all: outputs share sums with a few neighbours only. */
const mostOutputs = 84;

function slicesOf(place: Place): readonly (Place & { readonly stands: number })[] {
  const { from, outputs } = place;
  if (outputs <= mostOutputs) return [{ ...place, stands: 1 }];
  const half = mostOutputs / 2;
  const middle = Math.floor(outputs / 2);
  return [
    { ...place, outputs: half, stands: middle / half },
    { ...place, from: from + middle, outputs: half, stands: (outputs - middle) / half },
  ];
}

const countNames = Object.keys(noHeap) as (keyof HeapCounts)[];
const mostPlaces = 4;

const keyOf = (inputs: readonly number[], forms: readonly NumberForm[]): string =>
  inputs.map((i) => forms[i].weights.length).join();

function evenly<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list];
  return Array.from({ length: most }, (_, i) => list[Math.floor(((i + 0.5) * list.length) / most)]);
}

function weightsOf(layer: PlannedLayer['layer']) {
  if (!('weights' in layer)) throw new HbnnError(`${layer.name}: expected weights`);
  return layer.weights;
}

/** One place of a product. */
interface Place {
  /** Its first output among the feature map's elements, and the outputs of its part of the weights. */
  readonly at: number;
  readonly from: number;
  readonly outputs: number;
  /** Places of a weights' row that lie inside the input, and the elements there. */
  readonly taps: readonly number[];
  readonly inputs: readonly number[];
}

/** Places of a layer whose windows lie in the input alike: their sums are the same but for the inputs' widths. */
function placesOf({ layer, input, output }: PlannedLayer): { readonly places: Place[] }[] {
  if (layer.kind === 'dense') {
    const taps = Array.from({ length: featureCount(input) }, (_, i) => i);
    const outputs = layer.weights.shape[0];
    return [{ places: [{ at: 0, from: 0, outputs, taps, inputs: taps }] }];
  }
  if (layer.kind !== 'conv' && layer.kind !== 'depthwise')
    throw new HbnnError(`${layer.name}: expected a layer with weights, got ${layer.kind}`);
  const [outputs, kh, kw, depth] = layer.weights.shape;
  const groups = layer.kind === 'conv' ? 1 : input[2];
  const byKey = new Map<string, Place[]>();
  for (let y = 0; y < output[0]; y++)
    for (let x = 0; x < output[1]; x++)
      for (let g = 0; g < groups; g++) {
        const taps: number[] = [];
        const inputs: number[] = [];
        for (let i = 0; i < kh; i++)
          for (let j = 0; j < kw; j++) {
            const inY = y * layer.strides[0] + i - layer.padding[0];
            const inX = x * layer.strides[1] + j - layer.padding[1];
            if (inY < 0 || inY >= input[0] || inX < 0 || inX >= input[1]) continue;
            for (let c = 0; c < depth; c++) {
              taps.push((i * kw + j) * depth + c);
              inputs.push((inY * input[1] + inX) * input[2] + (layer.kind === 'conv' ? c : g));
            }
          }
        const each = outputs / groups;
        const place = { at: (y * output[1] + x) * outputs, from: g * each, outputs: each };
        // A window's part inside the input is a rectangle.
        const key = `${g}:${taps[0] ?? ''}:${taps[taps.length - 1] ?? ''}`;
        const list = byKey.get(key) ?? [];
        list.push({ ...place, taps, inputs });
        byKey.set(key, list);
      }
  return [...byKey.values()].map((places) => ({ places }));
}
