import { approximate, type FloatTensor } from '@hbnn/core';
import type { Padding4 } from '../integerModel.ts';
import type { TrainedWeights } from '../trainedModel.ts';
import { inputOf } from './inputOf.ts';
import { valuesOf } from './lowerCodes.ts';

const trainedValues = (trained: TrainedWeights): FloatTensor => {
  if (trained.kind === 'residual') return approximate(trained.residual);
  return trained.kind === 'float' ? trained.tensor : valuesOf(trained.codes);
};

/**
 * How far each output can be off where its window hangs over the edge: its offset counts places there too, where nothing
 * is added. At most Σ |Σ w · offset| over the places that can lie beyond the edge, in the output's whole numbers.
 */
export function bordersMoved(
  trained: TrainedWeights,
  offsets: Float64Array,
  [top, left, bottom, right]: Padding4,
  slopes: Float64Array,
): Float64Array {
  const { shape, data } = trainedValues(trained);
  const [, height, width, channels] = shape;
  return slopes.map((slope, o) => {
    let moved = 0;
    for (let place = 0; place < height * width; place++) {
      const [y, x] = [Math.floor(place / width), place % width];
      const inside = y >= top && x >= left && y < height - bottom && x < width - right;
      if (inside) continue;
      const from = (o * height * width + place) * channels;
      let added = 0;
      for (let i = from; i < from + channels; i++)
        added += data[i] * offsets[inputOf(shape, offsets.length, i)];
      moved += Math.abs(added);
    }
    return slope === 0 ? 0 : moved / Math.abs(slope);
  });
}

/** Σ w · offset over a window that lies wholly inside: what the inputs' offsets add to each output. */
export function offsetSums(trained: TrainedWeights, offsets: Float64Array): Float64Array {
  const { shape, data } = trainedValues(trained);
  const sums = new Float64Array(shape[0]);
  if (offsets.every((offset) => offset === 0)) return sums;
  const row = data.length / shape[0];
  data.forEach((w, i) => {
    sums[Math.floor(i / row)] += w * offsets[inputOf(shape, offsets.length, i)];
  });
  return sums;
}
