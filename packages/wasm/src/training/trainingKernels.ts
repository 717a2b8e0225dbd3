import { kernelsOn, type WasmMemory } from '../webAssembly.ts';
import { bindKernels, type TrainingKernels, type WithScratch } from './kernelTable.ts';

/** The kernels' code, beside src/ and dist/ alike. */
const code = new URL('../../build/training.wasm', import.meta.url);

/** Instantiate the training kernels on a memory whose owner lends scratch space in it. */
export async function trainingKernels(
  memory: WasmMemory,
  withScratch: WithScratch,
): Promise<TrainingKernels> {
  return bindKernels(await kernelsOn(code, memory), withScratch);
}
