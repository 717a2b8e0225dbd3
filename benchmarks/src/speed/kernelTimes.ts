import * as tf from '@tensorflow/tfjs-core';
import type { Trainer } from './trainer.ts';

/** A product as a matrix product [m, k] x [k, n]. */
interface ProductShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

/** What the calls of one kernel in one step come to. */
interface KernelTime {
  readonly kernel: string;
  /** Without the kernels that it calls. */
  readonly ms: number;
  readonly calls: number;
  /** Billions of operations per second, two per multiply-add; products have it. */
  readonly gigaflops?: number;
  /** Speed of the backend's own matrix product of the same sizes; products have it. */
  readonly matMulGigaflops?: number;
}

export interface StepProfile {
  /** CPU time of one step; on webgpu time that passes. */
  readonly stepMs: number;
  readonly kernels: readonly KernelTime[];
  /** Share of the step that goes to choosing maps and binarizing weights and inputs. */
  readonly binarizationShare: number;
}

const binarization = new Set([
  'HbnnOnHost',
  'HbnnBinarizeSamples',
  'HbnnBinarizeShared',
  'HbnnMeanMagnitudes',
]);

interface Sum {
  ms: number;
  calls: number;
  readonly products: ProductShape[];
}

/**
 * Milliseconds of CPU time so far, of all threads: what else the machine does hardly counts. A GPU's work shows in
 * the time that passes alone.
 */
function clockOf(backend: string): () => number {
  if (backend === 'webgpu') return () => performance.now();
  return () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
}

/**
 * Time each kernel of a backend over some steps, in CPU time. On webgpu, where a kernel returns before its work
 * is done, each result is waited for, in time that passes: that costs time, which the step's own is larger by.
 */
export async function profileSteps(
  trainer: Trainer,
  backend: string,
  steps: number,
): Promise<StepProfile> {
  const sums = new Map<string, Sum>();
  const now = clockOf(backend);
  const restore = timeKernels(backend, now, sums);
  let stepMs: number;
  try {
    const start = now();
    await trainer.steps(steps);
    stepMs = (now() - start) / steps;
  } finally {
    restore();
  }
  const kernels = [...sums].map(([kernel, sum]) => kernelTime(kernel, sum, steps, now));
  const inside = kernels.reduce((total, { ms }) => total + ms, 0);
  kernels.push({ kernel: '(outside kernels)', ms: stepMs - inside, calls: 1 });
  const binarizing = kernels.filter(({ kernel }) => binarization.has(kernel));
  const binarizationShare = binarizing.reduce((total, { ms }) => total + ms, 0) / stepMs;
  return { stepMs, kernels: kernels.sort((a, b) => b.ms - a.ms), binarizationShare };
}

function timeKernels(backend: string, now: () => number, sums: Map<string, Sum>): () => void {
  // Milliseconds of the kernels called by each kernel that runs now.
  const inner: number[] = [];
  const configs = tf.getKernelsForBackend(backend);
  for (const config of configs) {
    const { kernelName } = config;
    tf.unregisterKernel(kernelName, backend);
    tf.registerKernel({
      ...config,
      kernelFunc: (parameters) => {
        const start = now();
        inner.push(0);
        const result = config.kernelFunc(parameters);
        if (backend === 'webgpu') wait(parameters.backend as tf.KernelBackend, result);
        const whole = now() - start;
        const sum = sums.get(kernelName) ?? { ms: 0, calls: 0, products: [] };
        sum.ms += whole - (inner.pop() as number);
        sum.calls++;
        const product = productOf(kernelName, parameters, [result].flat()[0]);
        if (product) sum.products.push(product);
        sums.set(kernelName, sum);
        if (inner.length > 0) inner[inner.length - 1] += whole;
        return result;
      },
    });
  }
  return () => {
    for (const config of configs) {
      tf.unregisterKernel(config.kernelName, backend);
      tf.registerKernel(config);
    }
  };
}

/** Read a result back, and forget that it was: what the backend keeps of it would change what follows. */
function wait(backend: tf.KernelBackend, result: tf.TensorInfo | tf.TensorInfo[]): void {
  const { tensorMap } = backend as unknown as {
    tensorMap: { get(id: object): { values: unknown; resource?: unknown } };
  };
  for (const { dataId } of [result].flat()) {
    const data = tensorMap.get(dataId);
    if (!data.resource || data.values) continue;
    backend.readSync(dataId);
    data.values = null;
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

/** The matrix product that a kernel's call amounts to; none if it is no product. */
function productOf(
  kernel: string,
  { inputs, attrs }: { inputs: tf.NamedTensorInfoMap; attrs?: tf.NamedAttrMap },
  out: tf.TensorInfo,
): ProductShape | undefined {
  const shape = (name: string): readonly number[] => (inputs[name] as tf.TensorInfo).shape;
  if (kernel === tf.Conv2D) {
    const [kh, kw, channels, n] = shape('filter');
    return { m: sizeOf(out.shape) / n, k: kh * kw * channels, n };
  }
  if (kernel === tf.Conv2DBackpropInput) {
    const [kh, kw, n, outputs] = shape('filter');
    // dx has a row per position of x, but a product per position of dy.
    return { m: sizeOf(shape('dy')) / outputs, k: kh * kw * outputs, n };
  }
  if (kernel === tf.Conv2DBackpropFilter) {
    const [kh, kw, channels, n] = out.shape;
    return { m: kh * kw * channels, k: sizeOf(shape('dy')) / n, n };
  }
  if (kernel === tf.BatchMatMul) {
    const transposed = (attrs as { transposeA?: boolean } | undefined)?.transposeA;
    const [k] = shape('a').slice(transposed ? -2 : -1);
    const n = out.shape.at(-1) as number;
    return { m: sizeOf(out.shape) / n, k, n };
  }
  return undefined;
}

function kernelTime(
  kernel: string,
  { ms, calls, products }: Sum,
  steps: number,
  now: () => number,
): KernelTime {
  const row = { kernel, ms: ms / steps, calls: calls / steps };
  if (products.length === 0) return row;
  const operations = products.reduce((sum, { m, k, n }) => sum + 2 * m * k * n, 0);
  const alike = products
    .slice(0, products.length / steps)
    .reduce((sum, product) => sum + matMulMs(product, now), 0);
  return {
    ...row,
    gigaflops: operations / ms / 1e6,
    matMulGigaflops: operations / steps / alike / 1e6,
  };
}

const knownNames = new Map<string, number>();

/** Milliseconds of one matrix product on the current backend: the best of some. */
function matMulMs({ m, k, n }: ProductShape, now: () => number): number {
  const key = [tf.getBackend(), m, k, n].join();
  const before = knownNames.get(key);
  if (before !== undefined) return before;
  const [a, b] = [tf.ones([m, k]), tf.ones([k, n])];
  const read = (): void => tf.tidy(() => void tf.slice(tf.matMul(a, b), [0, 0], [1, 1]).dataSync());
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 6; i++) {
    const start = now();
    read();
    best = Math.min(best, now() - start);
  }
  tf.dispose([a, b]);
  knownNames.set(key, best);
  return best;
}
