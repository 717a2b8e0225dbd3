import { HbnnError } from '@hbnn/core';
import { type Fold, type FoldMatrix, foldCycles } from './folds.ts';

/** The next larger divisor; undefined at the whole. */
function nextDivisor(of: number, from: number): number | undefined {
  for (let n = from + 1; n <= of; n++) if (of % n === 0) return n;
  return undefined;
}

/** The slowest layer, and the folds one step wider in it: by its next PE or its next SIMD. */
function widened(layers: readonly FoldMatrix[], folds: readonly Fold[]) {
  const cycles = layers.map((layer, i) => foldCycles(layer, folds[i]));
  const most = Math.max(...cycles);
  const slowest = cycles.indexOf(most);
  const { matrixHeight, matrixWidth } = layers[slowest];
  const { pe, simd } = folds[slowest];
  const wider: readonly Partial<Fold>[] = [
    { pe: nextDivisor(matrixHeight, pe) },
    { simd: nextDivisor(matrixWidth, simd) },
  ];
  const next = wider
    .filter((step) => Object.values(step)[0] !== undefined)
    .map((step) => folds.map((fold, i) => (i === slowest ? { ...fold, ...step } : fold)));
  return { cycles: most, slowest: layers[slowest], next };
}

/**
 * A small folding that is fast enough: as long as a layer takes more cycles than there are for an image, the slowest is
 * widened, by what gains most cycles for what it costs.
 *
 * @param cycles for an image
 * @param cost a measure of what folds take
 * @throws HbnnError when a layer takes longer even with all of its matrix at once
 */
export function foldsWithin(
  layers: readonly FoldMatrix[],
  cycles: number,
  cost: (folds: readonly Fold[]) => number,
): Fold[] {
  let folds: Fold[] = layers.map(() => ({ pe: 1, simd: 1 }));
  for (;;) {
    const { cycles: most, slowest, next } = widened(layers, folds);
    if (most <= cycles) return folds;
    const now = cost(folds);
    const at = layers.indexOf(slowest);
    const gain = (to: readonly Fold[]): number =>
      (most / foldCycles(slowest, to[at]) - 1) / Math.max(1e-9, cost(to) - now);
    const [best] = [...next].sort((a, b) => gain(b) - gain(a));
    if (best === undefined)
      throw new HbnnError(
        `${slowest.name}: expected at most ${Math.floor(cycles)} cycles for an image, got ${most} with its whole matrix at once; lower the rate or raise the clock`,
      );
    folds = best;
  }
}

/**
 * The largest folding that fits: the layer that takes longest is widened, by the cheaper of its next PE and SIMD,
 * as long as the whole still fits.
 *
 * @param cost a measure of what folds take, to tell the cheaper
 * @throws HbnnError when not even one lane per layer fits
 */
export function largestFolds(
  layers: readonly FoldMatrix[],
  fits: (folds: readonly Fold[]) => boolean,
  cost: (folds: readonly Fold[]) => number,
): Fold[] {
  let folds: Fold[] = layers.map(() => ({ pe: 1, simd: 1 }));
  if (!fits(folds))
    throw new HbnnError(
      'fold: expected a device that holds at least one lane per layer; take a larger one or a smaller model',
    );
  for (;;) {
    const better = widened(layers, folds)
      .next.filter((next) => fits(next))
      .sort((a, b) => cost(a) - cost(b))[0];
    if (better === undefined) return folds;
    folds = better;
  }
}
