import type { IntegerWeights } from '@hbnn/core';
import { canPack, packWeights } from './packed.ts';
import { type DividedWeights, dividedPlanes, type InputOrder, quadsOf } from './quads.ts';

/** Weights as a kernel keeps them: bytes, or packed in about the bits they are made of. */
export interface HeldWeights {
  readonly weights: DividedWeights;
  readonly quads: Int8Array;
  readonly bytes: Int8Array | Uint8Array;
  readonly packed: boolean;
}

/** Make quads, and pack them where asked and possible; undefined where they do not fit into int8. */
export function heldWeights(
  layer: IntegerWeights,
  divided: DividedWeights,
  order: InputOrder,
  pack: boolean,
): HeldWeights | undefined {
  if (pack && canPack(layer)) {
    const weights = dividedPlanes(layer, divided);
    if (weights.fit) {
      const quads = quadsOf(weights, order);
      return { weights, quads, bytes: packWeights(layer, weights, order), packed: true };
    }
  }
  if (!divided.fit) return undefined;
  const quads = quadsOf(divided, order);
  return { weights: divided, quads, bytes: quads, packed: false };
}
