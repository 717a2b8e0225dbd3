import * as tf from '@tensorflow/tfjs-core';
import { type FusedAttributes, type FusedName, fused } from './fusedKernels.ts';
import { type KernelHeap, kernelHeap } from './kernelHeap.ts';

interface Values {
  readonly shape: number[];
  readonly data: Float32Array;
}
type Run<N extends FusedName> = (x: Values, attrs: FusedAttributes[N]) => Values[];

/**
 * Register the binarizations on a backend whose tensors lie outside the WASM heap: values are read back,
 * binarized by core (weights) and the kernels of @hbnn/wasm on a heap of their own (inputs), and handed in again. So
 * every backend has core's numbers, bit for bit.
 */
export async function registerHostBinarization(backendName: string): Promise<void> {
  const heap = await kernelHeap();
  const register = <N extends FusedName>(kernelName: N, run: Run<N>): void => {
    if (tf.getKernel(kernelName, backendName)) return;
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs, backend }) => {
        const x = inputs.x as tf.TensorInfo;
        const { readSync, write } = backend as tf.KernelBackend;
        const data = readSync.call(backend, x.dataId) as Float32Array;
        return run({ shape: x.shape, data }, attrs as unknown as FusedAttributes[N]).map(
          ({ shape, data }) => {
            const dataId = write.call(backend, data, shape, 'float32');
            return { dataId, shape, dtype: 'float32' as const };
          },
        );
      },
    });
  };
  register(fused.onHost, ({ shape, data }, { run }) => {
    const out = new Float32Array(data.length);
    run(data, out);
    return [{ shape, data: out }];
  });
  register(fused.binarizeSamples, (x, attrs) => binarizeSamples(heap, x, attrs));
  register(fused.binarizeShared, (x, attrs) => binarizeShared(heap, x, attrs));
  register(fused.meanMagnitudes, (x) => {
    const { samples, features } = sizesOf(x);
    return heap.session(() => {
      const [at, means] = [heap.place(x.data), heap.reserve(features * 4)];
      heap.kernels.meanMagnitudes(at, samples, features, means);
      return [{ shape: x.shape.slice(1), data: heap.floats(means, features) }];
    });
  });
}

function sizesOf({ shape, data }: Values): { samples: number; features: number } {
  return { samples: shape[0], features: data.length / shape[0] };
}

function binarizeSamples(
  heap: KernelHeap,
  x: Values,
  { map, planes }: FusedAttributes['HbnnBinarizeSamples'],
): Values[] {
  const { samples, features } = sizesOf(x);
  return heap.session(() => {
    const [at, out] = [heap.place(x.data), heap.reserve(x.data.byteLength)];
    const scales = heap.reserve(samples * planes * 4);
    const placed =
      'bits' in map
        ? { bits: heap.place(map.bits) }
        : {
            rank: map.rank,
            classes: map.widths.length,
            widths: heap.place(map.widths),
            ends: heap.place(map.ends),
          };
    heap.kernels.binarizeSamples(at, out, samples, features, placed, planes, scales);
    return [
      { shape: x.shape, data: heap.floats(out, x.data.length) },
      { shape: [samples, planes], data: heap.floats(scales, samples * planes) },
    ];
  });
}

function binarizeShared(
  heap: KernelHeap,
  x: Values,
  { bits, planes, scales: given }: FusedAttributes['HbnnBinarizeShared'],
): Values[] {
  const { samples, features } = sizesOf(x);
  return heap.session(() => {
    const [at, out] = [heap.place(x.data), heap.reserve(x.data.byteLength)];
    const scales = given ? heap.place(given.subarray(0, planes)) : heap.reserve(planes * 4);
    const map = heap.place(bits);
    heap.kernels.binarizeShared(at, out, samples, features, map, planes, scales, !given);
    return [
      { shape: x.shape, data: heap.floats(out, x.data.length) },
      { shape: [planes], data: heap.floats(scales, planes) },
    ];
  });
}
