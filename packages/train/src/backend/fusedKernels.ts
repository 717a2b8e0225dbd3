import type { SampleMap, TrainingKernels } from '@hbnn/wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { WasmHeap } from './wasmHeap.ts';

/**
 * Our own operations, as kernels: the WASM backend has all of them, the backends with tensors elsewhere the
 * binarizations (hostBinarization.ts), the cpu backend none. src/ops says what they compute.
 */
export const fused = {
  moments: 'HbnnMoments',
  normalize: 'HbnnNormalize',
  batchNormBackprop: 'HbnnBatchNormBackprop',
  straightThrough: 'HbnnStraightThrough',
  onHost: 'HbnnOnHost',
  binarizeSamples: 'HbnnBinarizeSamples',
  binarizeShared: 'HbnnBinarizeShared',
  meanMagnitudes: 'HbnnMeanMagnitudes',
  sgdMomentum: 'HbnnSgdMomentum',
} as const;

export type FusedName = (typeof fused)[keyof typeof fused];
type Inputs = Record<string, tf.TensorInfo>;

/** Arguments of the fused kernels that are not tensors. */
export interface FusedAttributes {
  HbnnMoments: Record<never, never>;
  HbnnNormalize: { epsilon: number };
  HbnnBatchNormBackprop: { epsilon: number };
  HbnnStraightThrough: Record<never, never>;
  HbnnOnHost: { run: (x: Float32Array, out: Float32Array) => void };
  HbnnBinarizeSamples: { map: HostSampleMap; planes: number };
  HbnnBinarizeShared: { bits: Uint8Array; planes: number; scales?: Float32Array };
  HbnnMeanMagnitudes: Record<never, never>;
  HbnnSgdMomentum: { rate: number; momentum: number; decay: number };
}

/** A map for all samples, or how to choose one for each: bitwidths and the ranks they end at. */
export type HostSampleMap =
  | { readonly bits: Uint8Array }
  | {
      readonly rank: 'middle-out' | 'top-down' | 'bottom-up';
      readonly widths: Uint8Array;
      readonly ends: Int32Array;
    };

/** Whether the current backend has a fused kernel. */
export function hasFused(name: FusedName): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

/** Run a fused kernel of the current backend. */
export function runFused<N extends FusedName>(
  name: N,
  inputs: Record<string, tf.Tensor>,
  attrs: FusedAttributes[N],
): tf.Tensor[] {
  const result = tf
    .engine()
    .runKernel(name, inputs, attrs as unknown as tf.NamedAttrMap) as unknown;
  return Array.isArray(result) ? result : [result as tf.Tensor];
}

export function registerFusedKernels(heap: WasmHeap, kernels: TrainingKernels): void {
  const register = <N extends FusedName>(
    kernelName: N,
    run: (inputs: Inputs, attrs: FusedAttributes[N]) => tf.TensorInfo[],
  ) => {
    if (tf.getKernel(kernelName, 'wasm')) tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({
      kernelName,
      backendName: 'wasm',
      kernelFunc: ({ inputs, attrs }) =>
        run(inputs as Inputs, attrs as unknown as FusedAttributes[N]),
    });
  };
  registerNorm(heap, kernels, register);
  registerBinarization(heap, kernels, register);
  register(fused.sgdMomentum, ({ w, v, g }, attrs) => {
    const newW = heap.output(w.shape);
    const newV = heap.output(w.shape);
    const from = { w: heap.offset(w), v: heap.offset(v), g: heap.offset(g) };
    const to = { w: heap.offset(newW), v: heap.offset(newV) };
    kernels.sgdMomentum(from, to, tf.util.sizeFromShape(w.shape), attrs);
    return [newW, newV];
  });
}

type Register = <N extends FusedName>(
  kernelName: N,
  run: (inputs: Inputs, attrs: FusedAttributes[N]) => tf.TensorInfo[],
) => void;

/** All but the last axis are rows. */
function rowsOf(x: tf.TensorInfo): { rows: number; channels: number } {
  const channels = x.shape[x.shape.length - 1];
  return { rows: tf.util.sizeFromShape(x.shape) / channels, channels };
}

function registerNorm(heap: WasmHeap, kernels: TrainingKernels, register: Register): void {
  const at = heap.offset;
  register(fused.moments, ({ x }) => {
    const { rows, channels } = rowsOf(x);
    const mean = heap.output([channels]);
    const variance = heap.output([channels]);
    kernels.moments(at(x), rows, channels, at(mean), at(variance));
    return [mean, variance];
  });
  register(fused.normalize, ({ x, mean, variance, gamma, beta }, { epsilon }) => {
    const { rows, channels } = rowsOf(x);
    const y = heap.output(x.shape);
    const parameters = { mean: at(mean), variance: at(variance), gamma: at(gamma), beta: at(beta) };
    kernels.normalize(at(x), rows, channels, { ...parameters, epsilon }, at(y));
    return [y];
  });
  register(fused.batchNormBackprop, ({ x, dy, mean, variance, gamma }, { epsilon }) => {
    const { rows, channels } = rowsOf(x);
    const [dx, dGamma, dBeta] = [x.shape, [channels], [channels]].map((s) => heap.output(s));
    const parameters = { mean: at(mean), variance: at(variance), gamma: at(gamma), epsilon };
    const grads = { dx: at(dx), dGamma: at(dGamma), dBeta: at(dBeta) };
    kernels.batchNormBackprop(at(x), at(dy), rows, channels, parameters, grads);
    return [dx, dGamma, dBeta];
  });
}

function registerBinarization(heap: WasmHeap, kernels: TrainingKernels, register: Register): void {
  const at = heap.offset;
  register(fused.straightThrough, ({ x, dy }) => {
    const dx = heap.output(x.shape);
    kernels.straightThrough(at(x), at(dy), at(dx), tf.util.sizeFromShape(x.shape));
    return [dx];
  });
  register(fused.onHost, ({ x }, { run }) => {
    const out = heap.output(x.shape); // before the views: it may grow the memory under them
    run(heap.floats(x), heap.floats(out));
    return [out];
  });
  register(fused.binarizeSamples, ({ x }, { map, planes }) => {
    const { samples, features } = samplesOf(x);
    const out = heap.output(x.shape);
    const scales = heap.output([samples, planes]);
    withMap(heap, map, (sampleMap) =>
      kernels.binarizeSamples(at(x), at(out), samples, features, sampleMap, planes, at(scales)),
    );
    return [out, scales];
  });
  register(fused.binarizeShared, ({ x }, { bits, planes, scales: given }) => {
    const { samples, features } = samplesOf(x);
    const out = heap.output(x.shape);
    const scales = heap.output([planes]);
    if (given) heap.floats(scales).set(given.subarray(0, planes));
    heap.withBytes([bits], ([map]) =>
      kernels.binarizeShared(at(x), at(out), samples, features, map, planes, at(scales), !given),
    );
    return [out, scales];
  });
  register(fused.meanMagnitudes, ({ x }) => {
    const { samples, features } = samplesOf(x);
    const means = heap.output(x.shape.slice(1));
    kernels.meanMagnitudes(at(x), samples, features, at(means));
    return [means];
  });
}

function samplesOf(x: tf.TensorInfo): { samples: number; features: number } {
  return { samples: x.shape[0], features: tf.util.sizeFromShape(x.shape.slice(1)) };
}

/** Lends a map's arrays on the heap. */
function withMap(heap: WasmHeap, map: HostSampleMap, use: (map: SampleMap) => void): void {
  if ('bits' in map) {
    heap.withBytes([map.bits], ([bits]) => use({ bits }));
    return;
  }
  const { rank, widths, ends } = map;
  heap.withBytes([widths, ends], ([atWidths, atEnds]) =>
    use({ rank, classes: widths.length, widths: atWidths, ends: atEnds }),
  );
}
