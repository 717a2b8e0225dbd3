import {
  approximate,
  type BitMap,
  binarize,
  bitMapFrom,
  distance,
  distFromAverage,
  type FloatTensor,
  type ResidualTensor,
  selectBits,
  storedBits,
} from '@hbnn/core';

/** One step of residual binarization of a tensor whose weights all have the same number of bits. */
export interface HistogramStep {
  /** How many bits each weight has after this step; 0 before the first. */
  readonly bits: number;
  /** The scales μ_1 … μ_b of the bits so far. */
  readonly scales: readonly number[];
  /** The scale that the next bit would get: the mean magnitude of the residuals. */
  readonly nextScale: number;
  /** The values that weights become in this step, ascending, and how many weights become each. */
  readonly values: readonly { readonly value: number; readonly count: number }[];
  /** How many residuals lie in each bin. */
  readonly residuals: readonly number[];
  /** The mean of the squared residuals. */
  readonly meanSquaredError: number;
  /** ‖W − W_B‖ / ‖W‖ */
  readonly relativeError: number;
}

/** What the histogram shows: all steps of one tensor. */
export interface HistogramSteps {
  readonly weightCount: number;
  /** The histogram goes from −reach to reach; what lies beyond is in the outermost bins. */
  readonly reach: number;
  /** How many weights lie in each bin. */
  readonly weights: readonly number[];
  readonly steps: readonly HistogramStep[];
}

/** A filter of one output and one input in a layer, binarized together with the layer. */
export interface FilterPicture {
  /** Bits per weight of the layer on average; undefined for the float weights. */
  readonly average?: number;
  /** The value of each weight of the filter, row by row. */
  readonly values: readonly number[];
  /** The bits of each weight of the filter. */
  readonly bits: readonly number[];
  readonly scales: readonly number[];
  /** ‖F − F_B‖ / ‖F‖, for the weights F of the filter. */
  readonly relativeError: number;
  /** ‖W − W_B‖ / ‖W‖, for all weights W of the layer. */
  readonly layerError: number;
  /** Bits per weight of the layer that signs take, and the fewest that the bit map can take. */
  readonly signBits: number;
  readonly mapBits: number;
}

/** Every weight gets the same number of bits. */
const sameBits = ({ data, shape }: FloatTensor, bits: number): BitMap =>
  bitMapFrom(new Uint8Array(data.length).fill(bits), shape);

const scalesOf = ({ planes }: ResidualTensor): number[] => planes.map(({ scales }) => scales[0]);

/** How many values lie in each of some bins from −reach to reach. */
function binned(values: ArrayLike<number>, reach: number, binCount: number): number[] {
  const counts = new Array<number>(binCount).fill(0);
  for (let i = 0; i < values.length; i++) {
    const bin = Math.floor(((values[i] + reach) / (2 * reach)) * binCount);
    counts[Math.min(binCount - 1, Math.max(0, bin))]++;
  }
  return counts;
}

/** Count equal values. */
function distinct(values: ArrayLike<number>): { value: number; count: number }[] {
  const counts = new Map<number, number>();
  for (let i = 0; i < values.length; i++) counts.set(values[i], (counts.get(values[i]) ?? 0) + 1);
  return [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => a.value - b.value);
}

function histogramStep(
  tensor: FloatTensor,
  bits: number,
  reach: number,
  binCount: number,
): HistogramStep {
  const binarized = binarize(tensor, sameBits(tensor, bits));
  const approximation = approximate(binarized);
  const residuals = Array.from(tensor.data, (weight, i) => weight - approximation.data[i]);
  const next = binarize(tensor, sameBits(tensor, bits + 1));
  return {
    bits,
    scales: scalesOf(binarized),
    nextScale: next.planes[bits].scales[0],
    values: distinct(approximation.data),
    residuals: binned(residuals, reach, binCount),
    meanSquaredError: residuals.reduce((sum, left) => sum + left * left, 0) / residuals.length,
    relativeError: distance(tensor, approximation),
  };
}

/** Binarize a tensor with 0, 1, 2 and 3 bits for every weight. */
export function histogramSteps(tensor: FloatTensor, reach: number, binCount = 61): HistogramSteps {
  return {
    weightCount: tensor.data.length,
    reach,
    weights: binned(tensor.data, reach, binCount),
    steps: [0, 1, 2, 3].map((bits) => histogramStep(tensor, bits, reach, binCount)),
  };
}

/** The indices of the weights of a filter in a layer of shape outputs, height, width, inputs. */
function filterIndices(shape: readonly number[], output: number, input: number): number[] {
  const [, height, width, inputs] = shape;
  return Array.from(
    { length: height * width },
    (_, position) => (output * height * width + position) * inputs + input,
  );
}

/**
 * Show a filter of a layer as float weights, with 1, 2 and 3 bits for every weight, and with 1.4 bits by middle-out. The
 * scales and the bit map are those of the whole layer.
 *
 * @param layer the weights of a layer, of shape outputs, height, width, inputs
 */
export function filterPictures(layer: FloatTensor, output: number, input: number): FilterPicture[] {
  const indices = filterIndices(layer.shape, output, input);
  const pick = <T>(values: ArrayLike<T>): T[] => indices.map((i) => values[i]);
  const weights = pick(layer.data);
  const filter = { shape: [weights.length], data: Float32Array.from(weights) };
  const float: FilterPicture = {
    values: weights,
    bits: [],
    scales: [],
    relativeError: 0,
    layerError: 0,
    signBits: 32,
    mapBits: 0,
  };
  const binarized = [1, 2, 3, 1.4].map((average): FilterPicture => {
    const map = Number.isInteger(average)
      ? sameBits(layer, average)
      : selectBits(layer, { mix: distFromAverage(average), select: 'middle-out' });
    const result = binarize(layer, map);
    const approximation = approximate(result);
    const values = pick(approximation.data);
    const stored = storedBits(result);
    return {
      average,
      values,
      bits: pick(map.bits),
      scales: scalesOf(result),
      relativeError: distance(filter, { ...filter, data: Float32Array.from(values) }),
      layerError: distance(layer, approximation),
      signBits: stored.signs / layer.data.length,
      mapBits: stored.mapEntropy / layer.data.length,
    };
  });
  return [float, ...binarized];
}
