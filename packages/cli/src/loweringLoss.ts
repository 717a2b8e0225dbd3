import type { TrainedLayer } from '@hbnn/model';
import type { ScoreChange } from './scoreChange.ts';

/** Accuracy that lowering may cost without a note, in points: a level turned here and there costs less. */
const noteworthyPoints = 2;
/** The share of images that may get another class without a note, where scores lie close to each other. */
const noteworthyClasses = 0.05;
/** The share of the largest score that a score may be off without a note. */
const noteworthyDifference = 0.2;

/** What a network and the integer model made of it reach on the same images. */
export interface LoweringAccuracy {
  readonly top1Before: number;
  readonly top1After: number;
  readonly images: number;
}

/**
 * Say what lowering costs, or how far it moves classes and scores, why that may be, and the way out; undefined where
 * that is little.
 */
export function lossNote(
  { top1Before, top1After, images }: LoweringAccuracy,
  { otherClass, meanDifference, largestDifference }: ScoreChange,
  layers: readonly TrainedLayer[],
  scaleBits: number,
): string | undefined {
  const points = 100 * (top1Before - top1After);
  const isFar =
    largestDifference >= noteworthyDifference || otherClass >= noteworthyClasses * images;
  if (points < noteworthyPoints && !isFar) return undefined;
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
  const loss =
    points < noteworthyPoints
      ? ''
      : `has top-1 ${percent(top1After)} on ${images} images, ${points.toFixed(1)} points below the trained network's ${percent(top1Before)}, and `;
  return `the integer model ${loss}gives ${otherClass} of ${images} images another class than the trained network, with scores that are ${percent(meanDifference)} of the largest off in the mean and up to ${percent(largestDifference)}; ${ways.join(', or ')}`;
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
