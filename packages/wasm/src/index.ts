export type { KernelTime, LoadedLayer, LoadedModel, LoadedPlan } from './inference/loadedModel.ts';
export { type LoadOptions, loadModel } from './inference/loadModel.ts';
export { loadThreads, type ThreadedModel, type ThreadOptions } from './inference/loadThreads.ts';
export { type LookupLimit, lookupLimit } from './inference/lookupLimit.ts';
export {
  type ModelKernelName,
  type ModelKernelRow,
  modelKernelTable,
  type ProductKernelName,
  productKernelNames,
} from './inference/modelKernels.ts';
export {
  kernelTable,
  type RankBy,
  type SampleMap,
  type TrainingKernelName,
  type TrainingKernelRow,
  type TrainingKernels,
  type WithScratch,
} from './training/kernelTable.ts';
export type { ConvShape, MatMulShape, Offset, WindowShape } from './training/shapes.ts';
export { trainingKernels } from './training/trainingKernels.ts';
export { hasRelaxedSimd, type WasmMemory } from './webAssembly.ts';
