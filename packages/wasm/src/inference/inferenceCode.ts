import { plain, relaxed } from '../../build/inference.mjs';
import { hasRelaxedSimd, type PackedCode } from '../webAssembly.ts';

/** The code of integer models' kernels, with relaxed SIMD by default where the engine has it. */
export const inferenceCode = (withRelaxed: boolean = hasRelaxedSimd()): PackedCode =>
  withRelaxed ? relaxed : plain;
