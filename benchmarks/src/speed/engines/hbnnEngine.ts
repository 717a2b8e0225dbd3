import {
  allowedMultiples,
  binarize,
  distFromAverage,
  floatTensor,
  nearestMultiples,
  random,
  selectBits,
} from '@hbnn/core';
import { type CheckedModel, checkModel, featureCount, randomModel } from '@hbnn/model';
import { type LoadOptions, loadModel } from '@hbnn/wasm';
import type { BenchLayer, LayerBits, LayerEngine } from './layers.ts';

/** Scales as the smallest whole numbers that lowering gives: 1 to 3. */
const scaleForm = 'integers:2';

/** What the scales of normal weights come to, middle-out: they decide how soon 8-bit sums are widened. */
function multiplesOf(average: number): readonly number[] {
  const rng = random('bench', 'weights', average);
  const t = floatTensor(
    Float32Array.from({ length: 2 ** 16 }, () => rng.normal()),
    [64, 1024],
  );
  const map = selectBits(t, { mix: distFromAverage(average), select: 'middle-out' });
  const { planes } = binarize(t, map);
  const members = planes.map((_, n) => map.bits.reduce((sum, b) => sum + (b > n ? 1 : 0), 0));
  const scales = planes.map((plane) => plane.scales[0]);
  return nearestMultiples(scales, members, allowedMultiples(scaleForm)).multiples;
}

function withMultiples(model: CheckedModel, multiples: readonly number[]): CheckedModel {
  const layers = model.layers.map((layer) =>
    layer.kind === 'conv' && layer.weights.kind === 'planes'
      ? {
          ...layer,
          weights: { ...layer.weights, multiples: multiples.map((k) => Uint8Array.of(k)) },
        }
      : layer,
  );
  return checkModel({ ...model, layers });
}

/** A layer with a random map for each weight and one width for each input channel. */
export function layerModel(layer: BenchLayer, bits: LayerBits): CheckedModel {
  const { size, inputs, outputs, kernel, pad } = layer;
  const drawn = randomModel(`${layer.network} ${layer.name}`, {
    layer: `conv:${size}x${size}x${inputs},k${kernel}x${kernel},o${outputs},p${pad}`,
    mix: distFromAverage(bits.weights),
    inputMix: distFromAverage(bits.inputs),
    inputMapPer: 'channel',
  });
  return withMultiples(drawn, multiplesOf(bits.weights));
}

export interface HbnnEngine extends LayerEngine {
  /** What the kernel was thought to take. */
  readonly expectedMs: number;
}

/** Our engine on a layer: the product alone, from bits to int32 sums. */
export async function hbnnEngine(
  model: CheckedModel,
  bits: LayerBits,
  batch: number,
  o: LoadOptions = {},
): Promise<HbnnEngine> {
  const loaded = await loadModel(model, { ...o, batch });
  const noise = random('bench', model.name);
  const pixels = Uint8Array.from({ length: batch * featureCount(model.input.shape) }, () =>
    noise.below(256),
  );
  const [, { name, kernels, expectedMs = 0 }] = loaded.plan.layers;
  return {
    engine: 'hbnn',
    bits,
    how: kernels.at(-1),
    expectedMs,
    async turn() {
      const times = loaded.profile(pixels).filter(({ layer }) => layer === name);
      return times.reduce((sum, { ms }) => sum + ms, 0);
    },
    dispose: () => loaded.dispose(),
  };
}
