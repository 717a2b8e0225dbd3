import type { TrainedLayer } from '@hbnn/model';

/**
 * Find the binarizations that may meet a sum of exactly 0: behind a layer whose weights and inputs are binarized, with
 * no offset between. The integer model takes such a sum for −1, as the quantizer does; the framework adds scales in
 * float32, and what rounding leaves may lie on either side of 0.
 *
 * @returns a sentence for the user about each
 */
export function tiesIn(layers: readonly TrainedLayer[]): string[] {
  const notes: string[] = [];
  let sums: string | undefined;
  let offsets = Float64Array.of(0);
  layers.forEach((layer, i) => {
    if ('weights' in layer) {
      const exact = layer.weights.kind === 'residual' && layers[i - 1]?.kind === 'binarize';
      sums = exact ? layer.name : undefined;
      offsets = Float64Array.of(0);
    } else if (layer.kind === 'affine') offsets = shifted(offsets, layer);
    else if (layer.kind === 'binarize' && sums !== undefined && offsets.includes(0))
      notes.push(
        `${layer.name}: no batch norm or bias decides a sum of exactly 0 that ${sums} may give; the integer model takes it for −1, the trained network for the sign that float32 rounding leaves, so that a few values may differ; give ${sums} a bias or a batch norm that is trained`,
      );
  });
  return notes;
}

/** What an affine layer makes of offsets; either may have one for all channels, or for each value. */
function shifted(
  before: Float64Array,
  { scales, offsets }: Extract<TrainedLayer, { kind: 'affine' }>,
): Float64Array<ArrayBuffer> {
  const count = Math.max(before.length, scales.length, offsets.length);
  const at = (values: Float64Array, i: number): number => values[i % values.length];
  return Float64Array.from(
    { length: count },
    (_, i) => at(scales, i) * at(before, i) + at(offsets, i),
  );
}
