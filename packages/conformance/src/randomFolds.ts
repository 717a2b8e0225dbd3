import { type Fold, planeMap } from '@hbnn/circuit';
import { type Random, random } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';

/** How a layer with weights is folded: lanes for outputs and inputs, or all weights as constants. */
export type RandomFold = Fold | 'constant';

/**
 * A random fold of each layer with weights, for executors that fold.
 *
 * @param isConstant draws whether a layer has its weights as constants
 */
export function randomFolds(
  model: CheckedModel,
  seed: number,
  isConstant: (rng: Random) => boolean,
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
      // Plane after plane, or all planes of the weights at once.
      const map = planeMap(layer.weights);
      const isAtOnce =
        map?.kind === 'shared' &&
        map.planes > 1 &&
        random(seed, 'planes', layer.name).below(2) === 0;
      return [[layer.name, isAtOnce ? { ...fold, planes: map.planes } : fold]];
    }),
  );
}
