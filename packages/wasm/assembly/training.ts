// Training kernels on the heap of TensorFlow.js's WASM backend. All pointers are byte offsets into the imported
// memory; outputs need not be cleared. No globals, no data segment: nothing of the heap's owner is touched.
export { matMul } from './gemm';
export { conv2d, conv2dBackpropFilter, conv2dBackpropInput } from './conv';
export { depthwiseBackpropFilter, depthwiseBackpropInput, narrow, widen } from './depthwise';
export { maxPoolGrad } from './pool';
export { batchNormBackprop, moments, normalize } from './batchNorm';
export { sgdMomentum, straightThrough } from './elementwise';
export { binarizeSamples, binarizeShared, meanMagnitudes } from './binarize';
