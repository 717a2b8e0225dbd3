import { HbnnError } from '@hbnn/core';
import {
  type CheckedModel,
  checkModel,
  type DenseLayer,
  type FeatureShape,
  type IntegerLayer,
  type PlaneWeights,
  type ThresholdLayer,
} from '@hbnn/model';
import type { Encoding } from './images.ts';
import type { TrainedDense } from './training.ts';

/** Weights in whole numbers, and what one of them stands for. */
function wholeWeights({ binarizer, weights }: TrainedDense): PlaneWeights & { unit: number } {
  const { shape, planes, map, scalePer } = binarizer.result(weights);
  const scales = planes.map(({ scales }) => scales[0]);
  const unit = Math.min(...scales.filter((scale) => scale > 0));
  const multiples = scales.map((scale) => Math.round(scale / unit));
  multiples.forEach((k, n) => {
    if (Math.abs(k * unit - scales[n]) > 1e-5 * scales[n])
      throw new HbnnError(
        `scales: expected powers of two times ${unit}, got ${scales[n]}; train with them`,
      );
  });
  const signs = new Uint8Array(map.bits.length);
  // Signs by the residual, as binarization finds them.
  for (let i = 0; i < signs.length; i++) {
    let rest = weights[i];
    for (let n = 0; n < map.bits[i]; n++) {
      const plus = rest > 0;
      if (plus) signs[i] |= 1 << n;
      rest -= plus ? scales[n] : -scales[n];
    }
  }
  return {
    kind: 'planes',
    shape,
    bits: map.bits,
    signs,
    multiples: multiples.map((k) => Uint8Array.of(k)),
    scalePer,
    mapPer: map.mapPer ?? 'element',
    unit,
  };
}

/** Thresholds of the pixels; those that no weight reads get no bits. */
function pixelLayer({ thresholds }: Encoding, used: readonly boolean[]): ThresholdLayer {
  const planes = thresholds.length === 1 ? 1 : 2;
  const [middle] = thresholds.length === 1 ? thresholds : [thresholds[1]];
  return {
    kind: 'threshold',
    name: 'pixels',
    bits: Uint8Array.from(used, (reads) => (reads ? planes : 0)),
    multiples: planes === 1 ? Uint8Array.of(1) : Uint8Array.of(2, 1),
    thresholds: Int32Array.from(planes === 1 ? [middle] : [middle, thresholds[0], thresholds[2]]),
    flips: Uint8Array.of(0),
  };
}

/** A trained classifier as an integer model: thresholds of the pixels, layers of signs, scores. */
export function integerClassifier(
  name: string,
  shape: FeatureShape,
  encoding: Encoding,
  layers: readonly TrainedDense[],
  classes: readonly string[],
): CheckedModel {
  const whole = layers.map(wholeWeights);
  const inputs = whole[0].shape[1];
  const used = Array.from({ length: inputs }, (_, i) =>
    whole[0].bits.some((bits, at) => bits > 0 && at % inputs === i),
  );
  const built: IntegerLayer[] = [pixelLayer(encoding, used)];
  layers.forEach(({ turns }, n) => {
    const { unit, ...weights } = whole[n];
    const isLast = n === layers.length - 1;
    built.push({
      kind: 'dense',
      name: isLast ? 'scores' : `dense${n + 1}`,
      weights,
    } satisfies DenseLayer);
    if (turns === undefined) return;
    built.push({
      kind: 'threshold',
      name: `signs${n + 1}`,
      bits: new Uint8Array(turns.length).fill(1),
      multiples: Uint8Array.of(1),
      // The first whole sum above the turn.
      thresholds: Int32Array.from(turns, (turn) => Math.floor(turn / unit) + 1),
      flips: new Uint8Array(turns.length),
    } satisfies ThresholdLayer);
  });
  const { unit } = whole[whole.length - 1];
  const { offsets = new Float32Array(classes.length) } = layers[layers.length - 1];
  return checkModel({
    name,
    input: { shape, zeros: Int32Array.of(0) },
    layers: built,
    scoreOffsets: Int32Array.from(offsets, (offset) => Math.round(offset / unit)),
    scoreFactor: unit,
    classes: [...classes],
  });
}
