import { type Random, random } from '@hbnn/core';
import type { CheckedModel, IntegerWeights } from '@hbnn/model';

/** How a layer with weights is folded: lanes for outputs and inputs, or all weights as constants. */
export type RandomFold =
  | { readonly pe: number; readonly simd: number; readonly planes?: number }
  | 'constant';

/**
 * A random fold of each layer with weights, for executors that fold.
 *
 * @param isConstant draws whether a layer has its weights as constants
 * @param planesOf how many planes of some weights a fold of any lanes may take at once; half of the folds do
 */
export function randomFolds(
  model: CheckedModel,
  seed: number,
  isConstant: (rng: Random) => boolean,
  planesOf: (weights: IntegerWeights) => number = () => 1,
): Record<string, RandomFold> {
  const rng = random(seed, 'folds', model.name);
  const divisor = (n: number): number => {
    const all = Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);
    return all[rng.below(all.length)];
  };
  return Object.fromEntries(
    model.checkedLayers.flatMap(({ layer }): [string, RandomFold][] => {
      if (!('weights' in layer)) return [];
      const [rows, ...rest] = layer.weights.shape;
      const fold = { pe: divisor(rows), simd: divisor(rest.reduce((a, b) => a * b, 1)) };
      if (isConstant(rng)) return [[layer.name, 'constant']];
      const planes = planesOf(layer.weights);
      const isAtOnce = planes > 1 && random(seed, 'planes', layer.name).below(2) === 0;
      return [[layer.name, isAtOnce ? { ...fold, planes } : fold]];
    }),
  );
}
