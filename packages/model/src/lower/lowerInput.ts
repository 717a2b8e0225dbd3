import { HbnnError, type ResidualTensor } from '@hbnn/core';
import { maxSum } from '../checkModel.ts';
import { featureCount, type IntegerWeights, type Pair, weightValues } from '../integerModel.ts';
import type { TrainedWeights } from '../trainedModel.ts';
import { limitsFrom } from './limits.ts';
import {
  allEqual,
  boundAt,
  countedOn,
  filled,
  freshName,
  type LowerState,
  lastBut,
  layersBehind,
  oneEach,
  push,
  pushRequantized,
  pushSigned,
  rangesOf,
  reordered,
  spreadOut,
} from './lowerState.ts';
import type { LinearLayer } from './lowerWeights.ts';
import { requantized } from './requantize.ts';

/** Inputs of a layer with weights are brought to as many values on each side of 0. */
const signedByte = 127;
const signedWord = 32767;

/**
 * Bring the whole numbers in front of a layer with weights to what its weights can take: an offset is added to every
 * place of a window alike, so none may be left where a window hangs over the edge, which adds 0 there.
 */
export function prepareInput(s: LowerState, layer: LinearLayer, scaleBits: number): void {
  const { name } = layer;
  if (layer.kind !== 'dense' && s.meaning.slopes.length > s.shape[2]) throw flattened(name);
  const padded = layer.kind !== 'dense' && layer.padding.some((n) => n > 0);
  if (layer.weights.kind === 'residual') {
    // Binarized weights add up inputs that mean the same in every channel; pixels' deviations differ.
    const same = allEqual(s.meaning.slopes) && s.meaning.offsets.every((offset) => offset === 0);
    if (same) return;
    if (s.weighted && !s.rounded)
      pushSigned(
        s,
        freshName(s, `${name}_scale`),
        largestForPlanes(layer.weights.residual, scaleBits),
      );
    else pushSigned8(s, name);
    return;
  }
  const addsChannels = layer.kind !== 'depthwise';
  if (layer.weights.kind === 'codes' && addsChannels && !allEqual(s.meaning.slopes)) {
    // Codes stay as they are, so that what a channel means cannot go into them.
    if (areSums(s)) pushSigned(s, freshName(s, `${name}_scale`), largestInput(shapeOf(layer)));
    else pushSigned8(s, name);
    return;
  }
  if (addsChannels && layer.weights.kind === 'float' && !reachAlike(s))
    pushAlike(s, freshName(s, `${name}_scale`), largestInput(shapeOf(layer)));
  // Without padding each window lies inside: what the offsets add is the same everywhere.
  if (!padded || s.meaning.offsets.every((offset) => offset === 0)) return;
  if (s.weighted && !s.rounded) {
    pushSigned(s, freshName(s, `${name}_scale`), largestInput(shapeOf(layer)));
    return;
  }
  if (!s.weighted) moveZeros(s);
  if (hasWindowsOfZeros(layer) && pushFiner(s, layer)) return;
  if (offsetsWithinHalf(s)) return;
  if (pushShifted(s, name)) return;
  if (s.weighted) pushAlike(s, freshName(s, `${name}_scale`), largestInput(shapeOf(layer)));
  else pushSigned8(s, name);
}

/** How many times as far as another channel one may reach in whole numbers, in front of weights of 8 bits. */
const maxReach = 4;

/** How far each channel's whole numbers reach on either side of 0: no more than what sample images bring about. */
function reachesOf(s: LowerState): Float64Array {
  const { slopes, offsets } = s.meaning;
  const rangeOf = rangesOf(s);
  return slopes.map((slope, c) => {
    const most = Math.max(...rangeOf(c % s.shape[2]).map(Math.abs));
    if (slope === 0) return 0;
    return Math.min(
      most,
      countedOn(s, Math.abs(slope) * most + Math.abs(offsets[c])) / Math.abs(slope),
    );
  });
}

/**
 * Whether the channels' whole numbers reach about as far. Where sums of thousands lie beside values of 8 bits, as
 * branches bring them, and each channel's slope goes into its weights, the weights of the sums are rounded to 0.
 */
function reachAlike(s: LowerState): boolean {
  if (!s.weighted || allEqual(s.meaning.slopes)) return true;
  const reaches = [...reachesOf(s)].filter((reach) => reach > 0);
  return Math.max(...reaches) <= maxReach * Math.min(...reaches);
}

/** Round so that each channel reaches as far, with a step of its own. */
function pushAlike(s: LowerState, name: string, most: number): void {
  spreadOut(s);
  const { slopes, offsets } = s.meaning;
  const steps = reachesOf(s).map((reach, c) => {
    const largest = Math.abs(slopes[c]) * reach + Math.abs(offsets[c]);
    return (largest > 0 ? largest : 1) / most;
  });
  pushRequantized(s, name, steps, { minimum: -most, maximum: most });
}

const shapeOf = ({ weights }: Pick<LinearLayer, 'weights'>): readonly number[] => {
  if (weights.kind === 'residual') return weights.residual.shape;
  return weights.kind === 'float' ? weights.tensor.shape : weights.codes.shape;
};

/** Whether some windows lie wholly in the padding, whose sums are exactly 0. */
function hasWindowsOfZeros({
  padding,
  ...layer
}: Exclude<LinearLayer, { kind: 'dense' }>): boolean {
  const [, height, width] = shapeOf(layer);
  const [top, left, bottom, right] = padding;
  return Math.max(top, bottom) >= height || Math.max(left, right) >= width;
}

/**
 * Multiply values by a power of two, so that what is left of the offsets is a small part of a pixel and can be left
 * out: a sum of zeros alone stays 0 then, which a binarization behind it takes for −1.
 *
 * @returns whether they have room for that
 */
function pushFiner(s: LowerState, layer: LinearLayer): boolean {
  const { slopes, offsets } = s.meaning;
  if (slopes.length > s.shape[2]) return false;
  const rangeOf = rangesOf(s);
  const furthest = slopes.reduce((max, slope, c) => {
    const ends = rangeOf(c).map((x) => Math.abs(slope === 0 ? x : x + offsets[c] / slope));
    return Math.max(max, ...ends);
  }, 1);
  const most = largestInput(shapeOf(layer));
  const finer = 2 ** Math.floor(Math.log2(most / (furthest + 1)));
  if (finer < 2) return false;
  const steps = slopes.map((slope) => (slope === 0 ? 1 : Math.abs(slope) / finer));
  const name = freshName(s, s.weighted ? `${layer.name}_scale` : 'input_scale');
  pushRequantized(s, name, steps, { minimum: -most, maximum: most });
  return true;
}

/** A shift beyond it would make inputs of many bits for channels that hardly matter. */
const largestShift = 2047;

/**
 * Add whole numbers to the values, channel by channel, so that 0 is where the network has it: what is left of the
 * offsets is below half a step, and nothing is rounded.
 *
 * @returns whether there are such numbers
 */
function pushShifted(s: LowerState, name: string): boolean {
  const { slopes, offsets } = s.meaning;
  if (slopes.length > s.shape[2] || slopes.includes(0)) return false;
  const shifts = slopes.map((slope, c) => Math.round(offsets[c] / slope));
  const rangeOf = rangesOf(s);
  const ranges = Array.from(shifts, (shift, c) => rangeOf(c).map((end) => end + shift));
  const minimum = Math.min(...ranges.map(([least]) => least));
  const maximum = Math.max(...ranges.map(([, largest]) => largest));
  if (Math.max(...shifts.map(Math.abs)) > largestShift) return false;
  if (minimum < -signedWord || maximum > signedWord) return false;
  const ones = filled(slopes.length, 1);
  const added = freshName(s, s.weighted ? `${name}_scale` : 'input_scale');
  push(s, requantized(added, ones, shifts, { minimum, maximum }));
  s.meaning = { slopes, offsets: offsets.map((offset, c) => offset - shifts[c] * slopes[c]) };
  s.rounded = true;
  return true;
}

/** The most that inputs may be, so that sums with weights of 8 bits stay within int32. */
function largestInput(shape: readonly number[]): number {
  const row = shape.slice(1).reduce((product, n) => product * n, 1);
  return Math.max(1, Math.min(signedWord, Math.floor(maxSum / (signedByte * row))));
}

/** The same for binarized weights: each plane has a whole multiple of a few bits. */
function largestForPlanes({ map: { shape, bits } }: ResidualTensor, scaleBits: number): number {
  const row = bits.length / shape[0];
  let planes = 1;
  for (let from = 0; from < bits.length; from += row)
    planes = Math.max(
      planes,
      bits.subarray(from, from + row).reduce((sum, width) => sum + width, 0),
    );
  const largest = Math.floor(maxSum / (planes * (2 ** scaleBits - 1)));
  return Math.max(1, Math.min(signedWord, largest));
}

function pushSigned8(s: LowerState, name: string): void {
  pushSigned(s, freshName(s, s.weighted ? `${name}_scale` : 'input_scale'), signedByte);
}

const flattened = (name: string): HbnnError =>
  new HbnnError(
    `${name}: expected a dense layer behind a batch norm of a flattened map, got a convolution; put the batch norm before the flattening`,
  );

/** By how much pooling has multiplied a pixel; undefined after layers of another kind. */
function pixelGain(s: LowerState): number | undefined {
  return layersBehind(s).reduce<number | undefined>((gain, i) => {
    const layer = s.layers[i];
    if (layer.kind === 'maxPool') return gain;
    if (layer.kind !== 'sumPool' || gain === undefined) return undefined;
    return gain * layer.size[0] * layer.size[1];
  }, 1);
}

/** Half a pixel is what rounding the mean to whole pixels leaves; half a step of rounded values likewise. */
function offsetsWithinHalf(s: LowerState): boolean {
  const gain = s.weighted ? 1 : pixelGain(s);
  if (gain === undefined) return false;
  const { slopes, offsets } = s.meaning;
  return offsets.every((offset, c) => Math.abs(offset) <= 0.5 * gain * Math.abs(slopes[c]) * slack);
}

/** An offset of exactly half a pixel may come out larger by rounding. */
const slack = 1 + 1e-9;

/** Take another whole number off the pixels, so that 0 is where the network has it: nothing is rounded by that. */
function moveZeros(s: LowerState): void {
  const gain = pixelGain(s);
  const { slopes, offsets } = s.meaning;
  // What another branch reads must mean the same afterwards.
  if (s.fork !== undefined) return;
  if (gain === undefined || slopes.length !== s.zeros.length) return;
  if (offsetsWithinHalf(s)) return;
  const zeros = s.zeros.map((zero, c) => Math.round(zero - offsets[c] / (gain * slopes[c])));
  const fits = (zero: number, c: number): boolean => slopes[c] !== 0 && zero >= 0 && zero <= 255;
  if (!zeros.every((zero, c) => fits(zero, c))) return;
  s.meaning = {
    slopes,
    offsets: offsets.map((offset, c) => offset + gain * slopes[c] * (zeros[c] - s.zeros[c])),
  };
  s.zeros = zeros;
}

/** Whether values are sums, which may be large: of a layer with weights, or of a pool. */
export function areSums(s: LowerState): boolean {
  if (!s.weighted) return false;
  return !s.rounded || s.layers[lastBut(s, 'maxPool') ?? -1]?.kind === 'sumPool';
}

/** Round sums to 16 bits, or fewer, where a layer with weights on them would leave int32. */
export function keepWithinSums(s: LowerState, name: string, weights: IntegerWeights): boolean {
  if (!areSums(s)) return false;
  const row = weights.shape.slice(1).reduce((product, n) => product * n, 1);
  const values = weightValues(weights);
  let largest = 0;
  for (let o = 0; o < weights.shape[0]; o++) {
    let sum = 0;
    for (let i = o * row; i < (o + 1) * row; i++) sum += Math.abs(values[i]);
    largest = Math.max(largest, sum);
  }
  if (boundAt(s) * largest <= maxSum) return false;
  pushSigned(s, freshName(s, `${name}_scale`), largestInput(weights.shape));
  return true;
}

/** The same in front of an average pool, which adds up the values of its window. */
export function keepPoolWithinSums(s: LowerState, name: string, [height, width]: Pair): void {
  if (!areSums(s)) return;
  const values = height * width;
  if (boundAt(s) * values <= maxSum) return;
  pushSigned(s, freshName(s, `${name}_scale`), Math.min(signedWord, Math.floor(maxSum / values)));
}

/** A layer's weights for inputs as they lie: `spreadOut` takes them out of memory order. */
export function orderedWeights(
  { order }: LowerState,
  { kind, name, weights }: LinearLayer,
): TrainedWeights {
  if (order === undefined) return weights;
  if (kind !== 'dense') throw flattened(name);
  const row = order.length;
  const moved = <T extends Float32Array | Float64Array | Int8Array | Uint8Array>(values: T): T =>
    values.map((_, i) => values[i - (i % row) + order[i % row]]) as T;
  if (weights.kind === 'float') {
    const { shape, data } = weights.tensor;
    return { kind: 'float', tensor: { shape, data: moved(data) } };
  }
  if (weights.kind === 'codes') {
    const { codes } = weights;
    return { kind: 'codes', codes: { ...codes, values: moved(codes.values) } };
  }
  const { map, planes } = weights.residual;
  const residual = {
    ...weights.residual,
    // A block of the map has members in other places now.
    map: { shape: map.shape, bits: moved(map.bits), mapPer: 'element' as const },
    planes: planes.map((plane) => ({
      ...plane,
      signs: moved(plane.signs),
      members: moved(plane.members),
    })),
  };
  return { kind: 'residual', residual };
}

/** Bring values back to memory order, for scores. */
export function restoreOrder(s: LowerState): void {
  const { order } = s;
  if (order === undefined) return;
  const count = featureCount(s.shape);
  const from = new Uint32Array(count);
  order.forEach((to, i) => {
    from[to] = i;
  });
  const name = freshName(s, 'order');
  push(s, { kind: 'dense', name, weights: oneEach([count, count], (o) => o * count + from[o]) });
  const { slopes, offsets } = s.meaning;
  s.meaning = { slopes: reordered(slopes, from), offsets: reordered(offsets, from) };
  s.limits &&= limitsFrom(s.limits, from);
  s.order = undefined;
}
