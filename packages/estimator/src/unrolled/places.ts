import { HbnnError } from '@hbnn/core';
import { type CheckedLayer, featureCount, windowOf, windowTaps } from '@hbnn/model';

/** One place of a product. */
export interface Place {
  /** Its first output among the feature map's elements, and the outputs of its part of the weights. */
  readonly at: number;
  readonly from: number;
  readonly outputs: number;
  /** Places of a weights' row that lie inside the input, and the elements there. */
  readonly taps: readonly number[];
  readonly inputs: readonly number[];
}

/** Places of a layer whose windows lie in the input alike: their sums are the same but for the inputs' widths. */
export function placesOf({ layer, input, output }: CheckedLayer): { readonly places: Place[] }[] {
  if (layer.kind === 'dense') {
    const taps = Array.from({ length: featureCount(input) }, (_, i) => i);
    const outputs = layer.weights.shape[0];
    return [{ places: [{ at: 0, from: 0, outputs, taps, inputs: taps }] }];
  }
  if (layer.kind !== 'conv' && layer.kind !== 'depthwise')
    throw new HbnnError(`${layer.name}: expected a layer with weights, got ${layer.kind}`);
  const [outputs, , , depth] = layer.weights.shape;
  const window = windowOf(layer);
  const groups = layer.kind === 'conv' ? 1 : input[2];
  const byKey = new Map<string, Place[]>();
  for (let y = 0; y < output[0]; y++)
    for (let x = 0; x < output[1]; x++) {
      const inside = windowTaps(window, input, y, x);
      for (let g = 0; g < groups; g++) {
        const taps: number[] = [];
        const inputs: number[] = [];
        for (const { tap, pixel } of inside)
          for (let c = 0; c < depth; c++) {
            taps.push(tap * depth + c);
            inputs.push(pixel * input[2] + (layer.kind === 'conv' ? c : g));
          }
        const each = outputs / groups;
        const place = { at: (y * output[1] + x) * outputs, from: g * each, outputs: each };
        // A window's part inside the input is a rectangle.
        const key = `${g}:${taps[0] ?? ''}:${taps[taps.length - 1] ?? ''}`;
        const list = byKey.get(key) ?? [];
        list.push({ ...place, taps, inputs });
        byKey.set(key, list);
      }
    }
  return [...byKey.values()].map((places) => ({ places }));
}

/** Outputs that are counted at once; of more, some stand for all: outputs share sums with a few neighbours only. */
const maxOutputs = 84;

export function slicesOf(place: Place): readonly (Place & { readonly stands: number })[] {
  const { from, outputs } = place;
  if (outputs <= maxOutputs) return [{ ...place, stands: 1 }];
  const half = maxOutputs / 2;
  const middle = Math.floor(outputs / 2);
  return [
    { ...place, outputs: half, stands: middle / half },
    { ...place, from: from + middle, outputs: half, stands: (outputs - middle) / half },
  ];
}
