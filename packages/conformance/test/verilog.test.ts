import { type IntegerModel, planModel, randomModel } from '@hbnn/core';
import { estimateAdders, simulate, unrolledDesign } from '@hbnn/verilog';
import { describe, expect, test } from 'vitest';
import { differenceFrom, modelCases, pixelsFor } from '../src/index.ts';

/** Hardware of more adders than this takes too long to be read back here; the smaller cases are of every kind too. */
const mostAdders = 500;
const randomAdders = 2500;
const randomModels = 100;

const adders = (model: IntegerModel): number =>
  estimateAdders(planModel(model)).reduce((sum, layer) => sum + layer.adders, 0);

const cases = modelCases()
  .map(({ name, make }) => ({ name, model: make() }))
  .filter(({ model }) => adders(model) <= mostAdders);
const seeds = Array.from({ length: randomModels }, (_, seed) => seed).filter(
  (seed) => adders(randomModel(seed)) <= randomAdders,
);

const open = (style: 'gates' | 'xc7') => (model: IntegerModel) =>
  simulate(model, unrolledDesign(model, { style }));

describe('verilog agrees with the interpreter', () => {
  test('the budget leaves cases of every kind of layer', () => {
    const models = [...cases.map(({ model }) => model), ...seeds.map((seed) => randomModel(seed))];
    const kinds = new Set(models.flatMap(({ layers }) => layers.map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual(
      ['conv', 'dense', 'depthwise', 'maxPool', 'requantize', 'sumPool', 'threshold'].sort(),
    );
  });

  test.each(cases)('$name', async ({ model }) => {
    expect(await differenceFrom(model, open('gates'), pixelsFor(model, 4))).toBe('');
  });

  test.each(seeds)('random network of seed %i', async (seed) => {
    const model = randomModel(seed);
    for (const style of ['gates', 'xc7'] as const)
      expect(await differenceFrom(model, open(style), pixelsFor(model, 130)), style).toBe('');
  });
});
