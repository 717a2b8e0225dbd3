// Training in a page or a worker: what of the package needs no file system.
import { HbnnError, kindOf } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients of all operations.
import '@tensorflow/tfjs-layers';
import { registerAveragePoolGradient } from './backend/averagePoolGradient.ts';
import { type EmscriptenFactory, startWasm } from './backend/startWasm.ts';

export type { EmscriptenFactory } from './backend/startWasm.ts';
export { type Evaluation, evaluate, recalibrate } from './evaluate.ts';
export { type EpochSummary, type FitOptions, fit, startState, type TrainState } from './fit.ts';
export { BinarizedLayer, binarizedLayers } from './layers/binarized.ts';
export { averageWeightBits } from './layers/quantized.ts';
export type { NetworkShape } from './networks/network.ts';
export {
  type NetworkName,
  networkNames,
  networks,
  takesWidthMultiplier,
} from './networks/registry.ts';
export { SgdMomentum, type TrainedVariable } from './optimizer.ts';
export { initialize, parametersOf } from './parameters.ts';
export {
  type InputPrecision,
  inputPrecision,
  type NetworkPrecision,
  parseBits,
  type WeightPrecision,
  weightPrecision,
} from './precision.ts';

/** The two files of TensorFlow.js's WASM backend that a page has to fetch. */
export interface WebBackendFiles {
  /** The bytes of `@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm`. */
  readonly code: Uint8Array;
  /** What `@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js` exports. */
  readonly loader: EmscriptenFactory;
}

let started: Promise<void> | undefined;

/**
 * Start the `wasm` backend in a page or a worker, once.
 *
 * @throws HbnnError when the files are not what they should be, or the engine has no SIMD
 */
export async function useWebBackend(files: WebBackendFiles): Promise<void> {
  if (!(files?.code instanceof Uint8Array))
    throw new HbnnError(
      `useWebBackend: expected the bytes of tfjs-backend-wasm-simd.wasm as a Uint8Array, got ${kindOf(files?.code)}; fetch it and pass new Uint8Array(await response.arrayBuffer())`,
    );
  if (typeof files.loader !== 'function')
    throw new HbnnError(
      `useWebBackend: expected what tfjs-backend-wasm.js exports, a function, got ${kindOf(files.loader)}; import it from @tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js`,
    );
  started ??= startWasm(files.code, files.loader);
  try {
    await started;
  } catch (error) {
    started = undefined;
    throw error;
  }
  registerAveragePoolGradient();
  await tf.setBackend('wasm');
  await tf.ready();
}
