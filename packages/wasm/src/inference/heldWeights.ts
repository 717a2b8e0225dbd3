import { packWeights } from './packed.ts';
import type { ProductWeights } from './productWeights.ts';
import { type InputOrder, quadsOf } from './quads.ts';

/** Weights as kernels read them: quads, or packed. */
export const heldWeights = (weights: ProductWeights, order: InputOrder): Int8Array | Uint8Array =>
  weights.packed ? packWeights(weights, order) : quadsOf(weights, order);
