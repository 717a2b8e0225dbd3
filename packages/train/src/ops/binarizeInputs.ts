import {
  allocate,
  approximate,
  type BitMap,
  binarize,
  bitMapFrom,
  HbnnError,
  type Heuristic,
  type Mix,
  selectBits,
  signOf,
} from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import { fused, type HostSampleMap, hasFused, runFused } from '../backend/fusedKernels.ts';
import { straightThrough } from './straightThrough.ts';

/**
 * Which element of a sample's feature map gets how many bits.
 *
 * - dynamic: for each sample its own map, ranked over that sample's features, and its own scales (the paper)
 * - static: one map for all samples, one bitwidth per element of the feature map; scales are the means over the
 *   whole batch, or the given constants (what hardware can build)
 */
export type InputMap =
  | {
      readonly kind: 'dynamic';
      readonly mix: Mix;
      readonly select: Heuristic;
      /** For 'random': one permutation, the same for all samples. */
      readonly seed?: number;
    }
  | { readonly kind: 'static'; readonly bits: Uint8Array; readonly scales?: Float32Array };

export interface BinarizedInputs {
  /** Binarized values, x's shape; gradient 1 where |x| <= 1, else 0. */
  readonly y: tf.Tensor;
  /** The most bits of any element. */
  readonly planes: number;
  /** The scales used: [batch, planes] if dynamic, [planes] if static. */
  readonly scales: Float32Array;
}

/**
 * Binarize activations (Eq. 5 per sample, or over the batch with a fixed map), sign(0) = −1. The numbers are
 * those of @hbnn/core's selectBits and binarize, on every backend.
 *
 * @param x [batch, ...features] float32
 * @param map pass the same object at every step: what it needs is prepared once for it
 * @throws HbnnError when a static map or its scales do not fit the features
 */
export function binarizeInputs(x: tf.Tensor, map: InputMap): BinarizedInputs {
  const features = x.size / x.shape[0];
  const prepared = preparedMap(map, features);
  let scales: Float32Array = new Float32Array(0);
  const y = straightThrough(x, (x) => {
    const found = hasFused(fused.binarizeSamples)
      ? byKernel(x, prepared)
      : onHost(x, map, prepared);
    scales = found.scales;
    return found.y;
  });
  return { y, planes: prepared.planes, scales };
}

/** Mean |x| over the batch for each element of the feature map, to choose a static map by. */
export function meanMagnitudes(x: tf.Tensor): Float32Array {
  return tf.tidy(() => {
    if (hasFused(fused.meanMagnitudes))
      return runFused(fused.meanMagnitudes, { x }, {})[0].dataSync() as Float32Array;
    const values = x.dataSync();
    const features = x.size / x.shape[0];
    const sums = new Float64Array(features);
    for (let i = 0; i < values.length; i++) sums[i % features] += Math.abs(values[i]);
    return Float32Array.from(sums, (sum) => sum / x.shape[0]);
  });
}

interface PreparedMap {
  readonly features: number;
  readonly planes: number;
  /** How the fused kernel gets its maps: per sample, or shared by all. */
  readonly perSample?: HostSampleMap;
  readonly shared?: { readonly bits: Uint8Array; readonly scales?: Float32Array };
}

const preparedMaps = new WeakMap<InputMap, PreparedMap>();

function preparedMap(map: InputMap, features: number): PreparedMap {
  const known = preparedMaps.get(map);
  if (known && known.features === features) return known;
  const prepared =
    map.kind === 'dynamic' ? prepareDynamic(map, features) : prepareStatic(map, features);
  preparedMaps.set(map, prepared);
  return prepared;
}

function prepareDynamic(map: InputMap & { kind: 'dynamic' }, features: number): PreparedMap {
  const { mix, select, seed } = map;
  const shares = allocate(mix, features).filter((share) => share.count > 0);
  const widths = Uint8Array.from(shares, (share) => share.bits);
  const planes = Math.max(...widths);
  if (select === 'random') {
    const any = { shape: [features], data: new Float32Array(features) };
    const { bits } = selectBits(any, { mix, select, seed });
    return { features, planes, perSample: { bits } };
  }
  let end = 0;
  const ends = Int32Array.from(shares, (share) => {
    end += share.count;
    return end;
  });
  const ranked = widths.length > 1 || planes === 1;
  const uniform = new Uint8Array(features).fill(planes);
  return {
    features,
    planes,
    perSample: ranked ? { rank: select, widths, ends } : { bits: uniform },
  };
}

function prepareStatic(map: InputMap & { kind: 'static' }, features: number): PreparedMap {
  const { bits, scales } = map;
  if (bits.length !== features)
    throw new HbnnError(
      `binarizeInputs: expected a map of ${features} bitwidths, one per feature of a sample, got ${bits.length}; choose it for this feature map`,
    );
  bitMapFrom(bits, [features]);
  const planes = bits.reduce((most, width) => Math.max(most, width), 0);
  if (scales && scales.length < planes)
    throw new HbnnError(
      `binarizeInputs: expected ${planes} scales, one per plane of the map, got ${scales.length}; give one for each`,
    );
  return { features, planes, shared: { bits, scales } };
}

function byKernel(x: tf.Tensor, prepared: PreparedMap): { y: tf.Tensor; scales: Float32Array } {
  const { planes, perSample, shared } = prepared;
  const [y, scales] = perSample
    ? runFused(fused.binarizeSamples, { x }, { map: perSample, planes })
    : runFused(fused.binarizeShared, { x }, { planes, ...shared! });
  const values = scales.dataSync() as Float32Array;
  scales.dispose();
  return { y, scales: values };
}

/** The reference: core's own functions on the host, for backends without the fused kernels. */
function onHost(
  x: tf.Tensor,
  map: InputMap,
  prepared: PreparedMap,
): { y: tf.Tensor; scales: Float32Array } {
  const values = x.dataSync() as Float32Array;
  const found =
    map.kind === 'dynamic' ? eachSample(values, map, prepared) : allSamples(values, map, prepared);
  return { y: tf.tensor(found.out, x.shape), scales: found.scales };
}

function eachSample(
  values: Float32Array,
  map: InputMap & { kind: 'dynamic' },
  prepared: PreparedMap,
) {
  const { features, planes } = prepared;
  const samples = values.length / features;
  const out = new Float32Array(values.length);
  const scales = new Float32Array(samples * planes);
  for (let i = 0; i < samples; i++) {
    const data = values.subarray(i * features, (i + 1) * features);
    const sample = { shape: [features], data };
    const result = binarize(sample, selectBits(sample, map));
    out.set(approximate(result).data, i * features);
    result.planes.forEach((plane, n) => {
      scales[i * planes + n] = plane.scales[0];
    });
  }
  return { out, scales };
}

function allSamples(
  values: Float32Array,
  map: InputMap & { kind: 'static' },
  prepared: PreparedMap,
) {
  const { planes, features } = prepared;
  if (map.scales) return withConstants(values, map.bits, map.scales.slice(0, planes));
  const bits = new Uint8Array(values.length);
  for (let start = 0; start < bits.length; start += features) bits.set(map.bits, start);
  const batch = { shape: [values.length], data: values };
  const result = binarize(batch, bitMapFrom(bits, batch.shape) satisfies BitMap);
  const scales = Float32Array.from(result.planes, (plane) => plane.scales[0]);
  return { out: approximate(result).data as Float32Array, scales };
}

/** Greedy signs with given scales, summed in float64 in plane order as core's approximate does. */
function withConstants(values: Float32Array, bits: Uint8Array, scales: Float32Array) {
  const out = Float32Array.from(values, (value, i) => {
    let rest = value;
    let sum = 0;
    for (let n = 0; n < bits[i % bits.length]; n++) {
      const step = scales[n] * signOf(rest);
      sum += step;
      rest -= step;
    }
    return sum;
  });
  return { out, scales };
}
