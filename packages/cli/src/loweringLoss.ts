import type { TrainedLayer } from '@hbnn/model';

/** Accuracy that lowering may cost without a note, in points: a level turned here and there costs less. */
const noteworthyPoints = 2;

/** What a network and the integer model made of it reach on the same images. */
export interface LoweringAccuracy {
  readonly top1Before: number;
  readonly top1After: number;
  readonly images: number;
}

/** Say what lowering costs, why that may be, and the way out; undefined where it costs little. */
export function lossNote(
  { top1Before, top1After, images }: LoweringAccuracy,
  layers: readonly TrainedLayer[],
  scaleBits: number,
): string | undefined {
  const points = 100 * (top1Before - top1After);
  if (points < noteworthyPoints) return undefined;
  const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
  const names = layersWithoutNorm(layers);
  const ways = [
    ...(names.length === 0
      ? []
      : [
          `put a batch norm behind the binarized layers that have none (${namedText(names)}), whose sums lie close to thresholds without it, and fine-tune the network`,
        ]),
    ...(scaleBits < 8 ? ['lower it with --scale-bits 8'] : []),
    `see with 'hbnn compare' which layer differs first`,
  ];
  return `the integer model has top-1 ${percent(top1After)} on ${images} images, ${points.toFixed(1)} points below the trained network's ${percent(top1Before)}; ${ways.join(', or ')}`;
}

const maxNames = 4;

const namedText = (names: readonly string[]): string => {
  const text = names.slice(0, maxNames).map((name) => `'${name}'`);
  const others = names.length - text.length;
  return others > 0 ? `${text.join(', ')} and ${others} more` : text.join(', ');
};

/** Binarized layers whose sums no scale of a batch norm multiplies before the next layer with weights. */
export function layersWithoutNorm(layers: readonly TrainedLayer[]): string[] {
  const readersOf = (i: number): number[] =>
    layers.flatMap((layer, k) => {
      if ('inputs' in layer) return layer.inputs.includes(layers[i].name) ? [k] : [];
      if (layer.from !== undefined) return layer.from === layers[i].name ? [k] : [];
      return k === i + 1 ? [k] : [];
    });
  const isNormalized = (i: number): boolean =>
    readersOf(i).some((k) => {
      const layer = layers[k];
      if (layer.kind === 'affine' && layer.scales.some((scale) => scale !== 1)) return true;
      return 'weights' in layer || layer.kind === 'add' ? false : isNormalized(k);
    });
  // Scores are compared with each other, so that they need no norm.
  const last = layers.findLastIndex((layer) => 'weights' in layer);
  return layers.flatMap((layer, i) =>
    i !== last && 'weights' in layer && layer.weights.kind === 'residual' && !isNormalized(i)
      ? [layer.name]
      : [],
  );
}
