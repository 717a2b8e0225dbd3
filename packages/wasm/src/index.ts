export { type KernelRow, kernelTable } from './kernelTable.ts';
export type { ConvShape, WindowShape } from './shapes.ts';
export {
  type Offset,
  type RankBy,
  type SampleMap,
  type TrainingKernels,
  trainingKernels,
  type WithScratch,
} from './trainingKernels.ts';
export type { WasmMemory } from './webAssembly.ts';
