import { HbnnError } from '@hbnn/core';
import type { Padding4, TrainedLayer } from '@hbnn/model';
import { type Place, paddingOf, pair, sameShape, unpadded, zerosIn } from './place.ts';

/** MaxPooling2D of tf.layers. */
export function maxPooling(place: Place): TrainedLayer[] {
  const pool = maxPool(place);
  const alone = takesEachAlone(place, pool.size) && place.zeros.every((n) => n === 0);
  return alone ? [] : [{ kind: 'maxPool', name: place.name, ...pool }];
}

/** AveragePooling2D of tf.layers. */
export function averagePooling(place: Place): TrainedLayer[] {
  const { size, strides, padding } = poolOf(place);
  if (place.config.padding !== 'same' && padding.some((n) => n > 0))
    return [zeroCountingPool(place, size, strides)];
  if (place.zeros.some((n) => n > 0)) {
    const beyond = paddingOf({ ...place, zeros: [0, 0, 0, 0] }, size, strides);
    return averagePoolBeyond(place, { size, strides, padding: beyond });
  }
  if (padding.some((n) => n > 0))
    return [{ kind: 'averagePool', name: place.name, size, strides, padding }];
  if (takesEachAlone(place, size)) return [];
  return [{ kind: 'averagePool', name: place.name, size, strides }];
}

/** Max pooling of this project, whose padding is given as numbers. */
export function explicitMaxPooling(place: Place): TrainedLayer[] {
  const { size, strides } = poolOf(place);
  if (place.zeros.some((n) => n > 0)) throw unpadded(place.name, 'a pool that leaves them out');
  const padding = zerosIn(place.config.padding);
  return [{ kind: 'maxPool', name: place.name, size, strides, padding }];
}

/** Average pooling of this project, whose padding is given as numbers. */
export function explicitAveragePooling(place: Place): TrainedLayer[] {
  const { size, strides } = poolOf(place);
  return averagePoolBeyond(place, { size, strides, padding: zerosIn(place.config.padding) });
}

/** Max pooling over a whole feature map. */
export function globalMaxPooling({ name, map: [height, width] }: Place): TrainedLayer[] {
  const size = [height, width] as const;
  if (height === 1 && width === 1) return [];
  return [{ kind: 'maxPool', name, size, strides: size, padding: [0, 0, 0, 0] }];
}

/** Average pooling over a whole feature map. */
export function globalAveragePooling({ name, map: [height, width] }: Place): TrainedLayer[] {
  const size = [height, width] as const;
  if (height === 1 && width === 1) return [];
  return [{ kind: 'averagePool', name, size, strides: size }];
}

function poolOf(place: Place) {
  const size = pair(place.config.poolSize);
  const strides = pair(place.config.strides);
  return { size, strides, padding: paddingOf(place, size, strides) };
}

/** Average pooling of a map with zeros around it, which count: a filter of ones on each channel. */
function zeroCountingPool(
  { name, map, zeros }: Place,
  [height, width]: readonly [number, number],
  strides: [number, number],
): TrainedLayer {
  const channels = map[2];
  const codes = {
    shape: [channels, height, width, 1],
    values: new Int16Array(channels * height * width).fill(1),
    bits: 1,
    scales: new Float64Array(channels).fill(1 / (height * width)),
  };
  return { kind: 'depthwise', name, strides, padding: zeros, weights: { kind: 'codes', codes } };
}

/** Average pooling whose windows reach beyond the map; zeros that padding layers put around the map count. */
function averagePoolBeyond(
  place: Place,
  window: { size: [number, number]; strides: [number, number]; padding: Padding4 },
): TrainedLayer[] {
  const pool: TrainedLayer = { kind: 'averagePool', name: place.name, ...window };
  if (place.zeros.every((n) => n === 0)) return [pool];
  return [zeroCountingPool({ ...place, name: `${place.name}_zeros` }, [1, 1], [1, 1]), pool];
}

/** Max pooling, with zeros around it where no value is below 0. */
function maxPool(place: Place) {
  const pool = poolOf(place);
  if (place.zeros.every((n) => n === 0)) return pool;
  const [top, left, bottom, right] = pool.padding;
  const { size } = pool;
  const inside = Math.max(top, bottom) < size[0] && Math.max(left, right) < size[1];
  if (!place.nonNegative || !inside)
    throw new HbnnError(
      `${place.name}: exportModel expected max pooling behind zero padding to follow a ReLU, with less padding than its window, got other; put the padding before a convolution`,
    );
  return pool;
}

/** Whether a window takes single values and leaves none out, so that pooling does nothing. */
const takesEachAlone = ({ input, output }: Place, size: readonly number[]): boolean =>
  size.every((n) => n === 1) && sameShape(input, output);
