import { HbnnError } from '@hbnn/core';
import { maxSum } from '../checkModel.ts';
import type {
  DepthwiseLayer,
  IntegerLayer,
  IntegerWeights,
  PlaneWeights,
} from '../integerModel.ts';
import { boundAt, freshName, isOwn, type LowerState, lastBut, push } from './lowerState.ts';

/** A scale's whole multiple has 8 bits. */
const largestMultiple = 255;

const isLinear = (
  layer: IntegerLayer,
): layer is Extract<IntegerLayer, { kind: 'conv' | 'depthwise' | 'dense' }> => 'weights' in layer;

/**
 * Make every slope positive in front of max pooling: where real = slope · whole + offset with a negative slope, the
 * largest real value is the smallest whole one. max −x = −min x, so the whole numbers of such channels are negated:
 * in the weights of the layer that sums them, at no cost, or by a depthwise layer of weights ±1.
 *
 * @param name the pooling, for errors
 */
export function flipNegative(s: LowerState, name: string): void {
  const { slopes, offsets } = s.meaning;
  if (slopes.every((slope) => slope >= 0)) return;
  if (slopes.length > s.shape[2])
    throw new HbnnError(
      `${name}: expected max pooling before the map is flattened, got it behind a batch norm of the flattened map; pool first`,
    );
  const negative = Uint8Array.from(slopes, (slope) => (slope < 0 ? 1 : 0));
  const at = lastBut(s, 'sumPool') ?? -1;
  const before = s.layers[at];
  if (before !== undefined && isLinear(before) && isOwn(s, at))
    s.layers[at] = { ...before, weights: negated(before.weights, negative) };
  else push(s, signLayer(freshName(s, `${name}_sign`), negative));
  s.meaning = { slopes: slopes.map((slope) => Math.abs(slope)), offsets };
}

/** Weights with the rows of some outputs negated: −Σ ±k is the sum of the opposite signs. */
function negated(weights: IntegerWeights, outputs: Uint8Array): IntegerWeights {
  const row = weights.shape.slice(1).reduce((product, n) => product * n, 1);
  const turned = (i: number): boolean => outputs[Math.floor(i / row)] === 1;
  if (weights.kind === 'int8')
    return { ...weights, values: weights.values.map((value, i) => (turned(i) ? -value : value)) };
  const { signs, bits } = weights;
  return {
    ...weights,
    signs: signs.map((sign, i) => (turned(i) ? sign ^ (2 ** bits[i] - 1) : sign)),
  };
}

/** x or −x, channel by channel. */
function signLayer(name: string, negative: Uint8Array): DepthwiseLayer {
  const weights: PlaneWeights = {
    kind: 'planes',
    shape: [negative.length, 1, 1, 1],
    bits: new Uint8Array(negative.length).fill(1),
    signs: negative.map((turned) => 1 - turned),
    multiples: [Uint8Array.of(1)],
    scalePer: 'tensor',
    mapPer: 'element',
  };
  return { kind: 'depthwise', name, strides: [1, 1], padding: [0, 0, 0, 0], weights };
}

/**
 * Make scores of binarized weights finer where biases are added to them: a whole score stands for much there, and a
 * bias rounded to one would move. All multiples of the last layer are multiplied by a power of two, which leaves
 * every sum exact and costs shifts alone.
 */
export function finerScores(s: LowerState): void {
  const { slopes, offsets } = s.meaning;
  if (offsets.every((offset) => Number.isInteger(offset / slopes[0]))) return;
  const at = lastBut(s, 'sumPool', 'maxPool') ?? -1;
  const last = s.layers[at];
  if (last === undefined || !isLinear(last) || !isOwn(s, at) || last.weights.kind !== 'planes')
    return;
  const { weights } = last;
  const largest = weights.multiples.reduce((max, plane) => Math.max(max, ...plane), 1);
  const added = offsets.reduce(
    (maximum, offset) => Math.max(maximum, Math.abs(offset / slopes[0])),
    0,
  );
  const bound = boundAt(s) + added + 1;
  const shift = Math.floor(Math.log2(Math.min(largestMultiple / largest, maxSum / bound)));
  if (shift < 1) return;
  const multiples = weights.multiples.map((plane) => plane.map((k) => k * 2 ** shift));
  s.layers[at] = { ...last, weights: { ...weights, multiples } };
  s.meaning = { slopes: slopes.map((slope) => slope / 2 ** shift), offsets };
  const report = s.report.findIndex(
    ({ name, what }) => name === last.name && what === 'weight scales',
  );
  if (report >= 0)
    s.report[report] = { ...s.report[report], multiples: multiples.map((plane) => plane[0]) };
}
