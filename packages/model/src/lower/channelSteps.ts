import type { FloatTensor } from '@hbnn/core';
import type { TrainedLayer } from '../trainedModel.ts';
import { inputOf } from './inputOf.ts';

/** Float weights that read the values of a ReLU, each channel multiplied by `gains` before. */
interface FloatReader {
  readonly tensor: FloatTensor;
  readonly gains: Float64Array;
}

/** Channels whose largest value is a smaller part of the layer's than this get steps of their own, or may get them. */
const [smallAlone, smallAdded] = [1 / 32, 1 / 8];
/** A channel's step is no smaller a part of the layer's. */
const leastPart = 2 ** -12;
/** Weights of 8 bits lie in ±127. */
const weightLevels = 127;
/** Steps of their own are taken where they bring the expected error below this part of the other. */
const worthwhile = 0.8;

/**
 * A step for each channel behind a ReLU, or one for all. Steps of their own keep levels of small channels that what
 * follows makes large again. Depthwise weights take each channel's meaning in; where filters add channels up, small
 * channels need larger whole weights, or smaller ones where steps are their own: both errors are compared.
 *
 * @param own the largest value of each channel
 * @param readers the layers of the network that read each one
 */
export function channelSteps(
  step: number,
  ceiling: number,
  own: readonly number[],
  layers: readonly TrainedLayer[],
  readers: readonly (readonly number[])[],
  index: number,
): number | Float64Array {
  const steps = Float64Array.from(
    own,
    (largest) =>
      step * (largest === 0 ? 1 : Math.min(1, Math.max(leastPart, (2 * largest) / ceiling))),
  );
  const least = Math.min(...own.filter((each) => each > 0));
  if (!(least < smallAdded * ceiling)) return step;
  const found = floatReaders(layers, readers, index, new Float64Array(own.length).fill(1));
  if (found === undefined) return step;
  if (found.length === 0) return least < smallAlone * ceiling ? steps : step;
  const errorWith = (each: Float64Array): number =>
    found.reduce((sum, reader) => sum + expectedError(reader, own, each), 0);
  const shared = new Float64Array(own.length).fill(step);
  return errorWith(steps) < worthwhile * errorWith(shared) ? steps : step;
}

/** All float weights that read a layer's values and add channels up; undefined where others than weights do. */
function floatReaders(
  layers: readonly TrainedLayer[],
  readers: readonly (readonly number[])[],
  index: number,
  gains: Float64Array,
): FloatReader[] | undefined {
  const found: FloatReader[] = [];
  for (const reader of readers[index]) {
    const layer = layers[reader];
    const more = readerOf(layer, gains, (through) =>
      floatReaders(layers, readers, reader, through),
    );
    if (more === undefined) return undefined;
    found.push(...more);
  }
  return readers[index].length === 0 ? undefined : found;
}

function readerOf(
  layer: TrainedLayer,
  gains: Float64Array,
  behind: (gains: Float64Array) => FloatReader[] | undefined,
): FloatReader[] | undefined {
  switch (layer.kind) {
    case 'depthwise':
      return layer.weights.kind === 'residual' ? undefined : [];
    case 'conv':
    case 'dense':
      return layer.weights.kind === 'float' ? [{ tensor: layer.weights.tensor, gains }] : undefined;
    case 'maxPool':
    case 'averagePool':
    case 'flatten':
      return behind(gains);
    case 'affine': {
      const { scales } = layer;
      if (scales.length !== 1 && scales.length !== gains.length) return undefined;
      return behind(gains.map((gain, c) => gain * scales[c % scales.length]));
    }
    default:
      return undefined;
  }
}

/**
 * The expected error of an output over its size, Σ over outputs. Inputs rounded to steps s_c are off by s_c/√12, weights
 * by a step of max |w·s|/127 over √12 for each whole number of their input; values are taken for half of their largest.
 */
function expectedError(
  { tensor: { shape, data }, gains }: FloatReader,
  own: readonly number[],
  steps: Float64Array,
): number {
  const row = data.length / shape[0];
  let total = 0;
  for (let o = 0; o < shape[0]; o++) {
    let [largest, size, inputs, wholes] = [0, 0, 0, 0];
    for (let i = o * row; i < (o + 1) * row; i++) {
      const c = inputOf(shape, own.length, i);
      const weight = Math.abs(data[i] * gains[c]);
      largest = Math.max(largest, weight * steps[c]);
      size += (weight * own[c]) ** 2 / 4;
      inputs += (weight * steps[c]) ** 2 / 12;
      wholes += (own[c] / steps[c]) ** 2 / 4;
    }
    if (size > 0)
      total += Math.sqrt((inputs + ((largest / weightLevels) ** 2 / 12) * wholes) / size);
  }
  return total;
}
