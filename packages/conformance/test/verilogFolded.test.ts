import { type IntegerModel, planModel, random, randomModel } from '@hbnn/core';
import { type FoldTable, foldedDesign, simulate } from '@hbnn/verilog';
import { describe, expect, test } from 'vitest';
import { differenceFrom, modelCases, pixelsFor } from '../src/index.ts';

/** Outputs of all layers beyond which a chain of streams takes too long to be read back and stepped here. */
const mostOutputs = Number(process.env.MOST ?? 600);
const only = new RegExp(process.env.ONLY ?? '');

const outputs = (model: IntegerModel): number =>
  planModel(model).reduce((sum, { output }) => sum + output[0] * output[1] * output[2], 0);

const cases = modelCases()
  .map(({ name, make }) => ({ name, model: make() }))
  .filter(({ name, model }) => outputs(model) <= mostOutputs && only.test(name));

/** A random fold of each layer with weights; some have their weights as constants. */
function randomFolds(model: IntegerModel, seed: number): FoldTable {
  const rng = random(seed, 'folds', model.name);
  const divisor = (n: number): number => {
    const all = Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0);
    return all[rng.below(all.length)];
  };
  return Object.fromEntries(
    planModel(model).flatMap(({ layer }): [string, FoldTable[string]][] => {
      if (!('weights' in layer)) return [];
      const [rows, ...rest] = layer.weights.shape;
      const fold = { pe: divisor(rows), simd: divisor(rest.reduce((a, b) => a * b, 1)) };
      return [[layer.name, seed > 1 && rng.below(2) === 0 ? 'constant' : fold]];
    }),
  );
}

/** Two folds of every model, with other levels between registers and other cells. */
const ways = [
  { seed: 1, style: 'gates', maxLevels: 10 },
  { seed: 2, style: 'xc7', maxLevels: 4 },
] as const;

describe('folded verilog agrees with the interpreter', () => {
  test.each(cases)('$name', async ({ model }) => {
    for (const { seed, ...o } of ways) {
      const folds = randomFolds(model, seed);
      const open = (one: IntegerModel) => simulate(one, foldedDesign(one, { ...o, folds }));
      expect(await differenceFrom(model, open, pixelsFor(model, 4)), JSON.stringify(folds)).toBe(
        '',
      );
    }
  });

  test.each([3, 9, 15, 36, 81])('random network of seed %i', async (seed) => {
    const model = randomModel(seed);
    for (const way of ways) {
      const folds = randomFolds(model, way.seed);
      const open = (one: IntegerModel) => simulate(one, foldedDesign(one, { ...way, folds }));
      expect(await differenceFrom(model, open, pixelsFor(model, 20)), JSON.stringify(folds)).toBe(
        '',
      );
    }
  });
});
