import { plain, relaxed } from '../../build/inference.mjs';
import { hasRelaxedSimd, type PackedCode } from '../webAssembly.ts';

/**
 * Whether this engine has relaxed SIMD that computes rightly. Node 20 has it behind a flag, and its first compiler gives
 * wrong sums there.
 *
 * @param version of Node; undefined in a page
 */
export const hasSoundRelaxedSimd = (version = globalThis.process?.version): boolean =>
  !(Number(/^v(\d+)/.exec(version ?? '')?.[1]) < 22) && hasRelaxedSimd();

/** The code of integer models' kernels, with relaxed SIMD by default where the engine has it. */
export const inferenceCode = (withRelaxed: boolean = hasSoundRelaxedSimd()): PackedCode =>
  withRelaxed ? relaxed : plain;
