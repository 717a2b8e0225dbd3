import { code } from '../../build/training.mjs';
import { kernelsOn, type WasmMemory } from '../webAssembly.ts';
import { bindKernels, type TrainingKernels, type WithScratch } from './kernelTable.ts';

/** Instantiate the training kernels on a memory whose owner lends scratch space in it. */
export async function trainingKernels(
  memory: WasmMemory,
  withScratch: WithScratch,
): Promise<TrainingKernels> {
  return bindKernels(await kernelsOn(code, memory), withScratch);
}
