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
  const behind = new Map<string, Sums>();
  let before: TrainedLayer | undefined;
  const byName = new Map(layers.map((layer) => [layer.name, layer]));
  for (const layer of layers) {
    const source = sourceOf(layer, before, byName);
    let { sums, channels } = behind.get(source?.name ?? '') ?? noSums;
    if ('weights' in layer) {
      const exact = layer.weights.kind === 'residual' && source?.kind === 'binarize';
      sums = exact ? layer.name : undefined;
      channels = [plain];
    } else if (layer.kind === 'affine') channels = scaled(channels, layer);
    else if (layer.kind === 'binarize' && sums !== undefined && channels.some(undecided))
      notes.push(
        `${layer.name}: no batch norm or bias decides a sum of exactly 0 that ${sums} may give; the integer model takes it for −1, the trained network for the sign that float32 rounding leaves, so that a few values may differ; give ${sums} a bias or a batch norm that is trained`,
      );
    behind.set(layer.name, { sums, channels });
    before = layer;
  }
  return notes;
}

/** The layer whose values a layer reads; undefined for the pixels, and where branches meet. */
function sourceOf(
  layer: TrainedLayer,
  before: TrainedLayer | undefined,
  byName: ReadonlyMap<string, TrainedLayer>,
): TrainedLayer | undefined {
  if (layer.kind === 'add' || layer.kind === 'concat') return undefined;
  return layer.from === undefined ? before : byName.get(layer.from);
}

/** What lies behind a layer: the product whose sums may be exactly 0, and what stands for each channel's. */
interface Sums {
  readonly sums: string | undefined;
  readonly channels: readonly Channel[];
}

/** What stands for a channel's sums: scale · sum + offset. */
interface Channel {
  readonly scale: number;
  readonly offset: number;
}

const plain: Channel = { scale: 1, offset: 0 };
const noSums: Sums = { sums: undefined, channels: [plain] };

/** Whether a sum of 0 stays 0. A scale of 0 makes every sum 0, in floats too. */
const undecided = ({ scale, offset }: Channel): boolean => scale !== 0 && offset === 0;

/** What an affine layer makes of channels; either may be one for all channels, or one for each value. */
function scaled(
  before: readonly Channel[],
  { scales, offsets }: Extract<TrainedLayer, { kind: 'affine' }>,
): Channel[] {
  const count = Math.max(before.length, scales.length, offsets.length);
  return Array.from({ length: count }, (_, i) => {
    const { scale, offset } = before[i % before.length];
    const factor = scales[i % scales.length];
    return { scale: factor * scale, offset: factor * offset + offsets[i % offsets.length] };
  });
}
