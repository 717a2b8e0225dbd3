import type { FoldTable } from '@hbnn/circuit';
import { random } from '@hbnn/core';
import type { CheckedModel } from '@hbnn/model';

/** A random fold of each layer with weights; some have their weights as constants. */
export function randomFolds(model: CheckedModel, seed: number): FoldTable {
  const rng = random(seed, 'folds', model.name);
  const divisor = (n: number): number => {
    const all = Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);
    return all[rng.below(all.length)];
  };
  return Object.fromEntries(
    model.checkedLayers.flatMap(({ layer }): [string, FoldTable[string]][] => {
      if (!('weights' in layer)) return [];
      const [rows, ...rest] = layer.weights.shape;
      const fold = { pe: divisor(rows), simd: divisor(rest.reduce((a, b) => a * b, 1)) };
      return [[layer.name, rng.below(3) === 0 ? 'constant' : fold]];
    }),
  );
}
