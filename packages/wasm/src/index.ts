export {
  type KernelTime,
  type LoadedLayer,
  type LoadedModel,
  type LoadedPlan,
  type LoadOptions,
  loadModel,
} from './inference/loadModel.ts';
export { loadThreads, type ThreadedModel, type ThreadOptions } from './inference/loadThreads.ts';
export { type LookupLimit, lookupLimit } from './inference/lookupLimit.ts';
export {
  type ModelKernelName,
  type ModelKernelRow,
  modelKernelTable,
  type ProductKernelName,
  productKernelNames,
} from './inference/modelKernels.ts';
export { type KernelRow, kernelTable } from './training/kernelTable.ts';
export type { ConvShape, WindowShape } from './training/shapes.ts';
export {
  type Offset,
  type RankBy,
  type SampleMap,
  type TrainingKernels,
  trainingKernels,
  type WithScratch,
} from './training/trainingKernels.ts';
export { hasRelaxedSimd, type WasmMemory } from './webAssembly.ts';
