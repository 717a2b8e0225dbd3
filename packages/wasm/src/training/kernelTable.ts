import type { TrainingKernels } from './trainingKernels.ts';

/** One kernel: a new one is one row here, one function in assembly/ and its tests. */
export interface KernelRow {
  readonly name: keyof TrainingKernels;
  /** What it computes. */
  readonly operation: string;
  /** WebAssembly features beyond the first version. */
  readonly needs: readonly ('simd128' | 'bulk-memory')[];
  /** The TensorFlow.js kernel it stands in for on the WASM backend; none for an operation of our own. */
  readonly replaces?: string;
  readonly tile?: string;
}

const simd = ['simd128', 'bulk-memory'] as const;

/** All training kernels. */
export const kernelTable: readonly KernelRow[] = [
  {
    name: 'matMul',
    operation: 'C = op(A) op(B)',
    needs: simd,
    replaces: 'BatchMatMul',
    tile: '4x8',
  },
  { name: 'conv2d', operation: 'convolution', needs: simd, replaces: 'Conv2D', tile: '4x8' },
  {
    name: 'conv2dBackpropInput',
    operation: 'input gradient of a convolution',
    needs: simd,
    replaces: 'Conv2DBackpropInput',
    tile: '4x8',
  },
  {
    name: 'conv2dBackpropFilter',
    operation: 'filter gradient of a convolution',
    needs: simd,
    replaces: 'Conv2DBackpropFilter',
    tile: '4x8',
  },
  {
    name: 'depthwiseBackpropInput',
    operation: 'input gradient of a depthwise convolution',
    needs: simd,
    replaces: 'DepthwiseConv2dNativeBackpropInput',
  },
  {
    name: 'depthwiseBackpropFilter',
    operation: 'filter gradient of a depthwise convolution',
    needs: simd,
    replaces: 'DepthwiseConv2dNativeBackpropFilter',
  },
  {
    name: 'maxPoolGrad',
    operation: 'gradient of max pooling',
    needs: simd,
    replaces: 'MaxPoolGrad',
  },
  { name: 'moments', operation: 'mean and variance per channel', needs: simd },
  { name: 'normalize', operation: 'batch norm, forward', needs: simd },
  { name: 'batchNormBackprop', operation: 'batch norm, gradients in training', needs: simd },
  { name: 'straightThrough', operation: 'straight-through gradient', needs: simd },
  { name: 'binarizeSamples', operation: 'residual binarization, scales per sample', needs: simd },
  { name: 'binarizeShared', operation: 'residual binarization, shared scales', needs: simd },
  { name: 'meanMagnitudes', operation: 'mean |x| over the batch', needs: simd },
  { name: 'sgdMomentum', operation: 'SGD with momentum and weight decay', needs: simd },
];
