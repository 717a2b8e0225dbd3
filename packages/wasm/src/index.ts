export type { ClassifyOptions, ClassScore } from './inference/classify.ts';
export type {
  KernelTime,
  LoadedLayer,
  LoadedModel,
  LoadedPlan,
  ModelFacts,
} from './inference/loadedModel.ts';
export { type LoadOptions, loadModel, type ModelOrigin } from './inference/loadModel.ts';
export { type LookupLimit, lookupLimit } from './inference/lookupLimit.ts';
export {
  type ModelKernelName,
  type ModelKernelRow,
  modelKernelTable,
  type ProductKernelName,
  productKernelNames,
} from './inference/modelKernels.ts';
export type { DrawableFrame, DrawableImage, ModelInput, Picture } from './inference/pictures.ts';
export type { ByteSource, WebBlob, WebResponse } from './inference/sources.ts';
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
