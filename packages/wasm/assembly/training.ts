// Training kernels on the heap of TensorFlow.js's WASM backend. All pointers are byte offsets into the imported
// memory; outputs need not be cleared. The module has no globals and no data segment: it touches nothing of the
// heap's owner. NAMEScratch tells how many bytes of scratch memory the kernel NAME needs.
export { matMul, matMulScratch } from './training/gemm';
export {
  conv2d, conv2dBackpropFilter, conv2dBackpropFilterScratch, conv2dBackpropInput, conv2dBackpropInputScratch,
  conv2dScratch,
} from './training/conv';
export { depthwiseBackpropFilter, depthwiseBackpropInput, narrow, widen } from './training/depthwise';
export { maxPoolGrad } from './training/pool';
export {
  batchNormBackprop, batchNormBackpropScratch, moments, momentsScratch, normalize, normalizeScratch,
} from './training/batchNorm';
export { sgdMomentum, straightThrough } from './training/elementwise';
export {
  binarizeSamples, binarizeSamplesScratch, binarizeShared, binarizeSharedScratch, meanMagnitudes,
  meanMagnitudesScratch,
} from './training/binarize';
