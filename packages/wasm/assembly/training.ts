// Training kernels on the heap of TensorFlow.js's WASM backend. All pointers are byte offsets into the imported
// memory; outputs need not be cleared. No globals, no data segment: nothing of the heap's owner is touched.
export { matMul } from './training/gemm';
export { conv2d, conv2dBackpropFilter, conv2dBackpropInput } from './training/conv';
export { depthwiseBackpropFilter, depthwiseBackpropInput, narrow, widen } from './training/depthwise';
export { maxPoolGrad } from './training/pool';
export { batchNormBackprop, moments, normalize } from './training/batchNorm';
export { sgdMomentum, straightThrough } from './training/elementwise';
export { binarizeSamples, binarizeShared, meanMagnitudes } from './training/binarize';
