export { type KernelRow, kernelTable } from './kernelTable.ts';
export {
  type KernelTime,
  type LoadedLayer,
  type LoadedModel,
  type LoadedPlan,
  type LoadOptions,
  loadModel,
} from './model/loadModel.ts';
export { loadThreads, type ThreadedModel, type ThreadOptions } from './model/loadThreads.ts';
export { type LookupLimit, lookupLimit } from './model/lookupLimit.ts';
export {
  type ModelKernelName,
  type ModelKernelRow,
  modelKernelTable,
  type ProductKernelName,
  productKernelNames,
} from './model/modelKernels.ts';
export type { ConvShape, WindowShape } from './shapes.ts';
export {
  type Offset,
  type RankBy,
  type SampleMap,
  type TrainingKernels,
  trainingKernels,
  type WithScratch,
} from './trainingKernels.ts';
export { hasRelaxedSimd, type WasmMemory } from './webAssembly.ts';
