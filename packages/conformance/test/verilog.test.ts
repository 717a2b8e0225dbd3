import { type DesignOptions, estimateAdders, unrolledDesign } from '@hbnn/circuit';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { simulate } from '@hbnn/verilog';
import { describe, expect, test } from 'vitest';
import {
  branchedCases,
  differenceFrom,
  type ModelCase,
  modelCases,
  pixelsFor,
} from '../src/index.ts';

/** Hardware of more adders than this takes too long to be read back here; the smaller cases are of every kind too. */
const maxAdders = 500;
const randomAdders = 2500;
/** `pnpm --filter @hbnn/conformance unrolled` */
const everything = process.env.HBNN_VERILOG === 'all';
const randomModels = everything ? 100 : 24;

const adders = (model: CheckedModel): number =>
  estimateAdders(model.checkedLayers).reduce((sum, layer) => sum + layer.adders, 0);

const builtCase = ({ name, make }: ModelCase) => ({ name, model: make() });
const cases = [
  ...modelCases()
    .map(builtCase)
    .filter(({ model }) => adders(model) <= maxAdders),
  ...branchedCases()
    .map(builtCase)
    .filter(({ model }) => adders(model) <= randomAdders),
];
const seeds = Array.from({ length: randomModels }, (_, seed) => seed)
  .filter((seed) => adders(randomModel(seed)) <= randomAdders)
  // In the quick run every other one; the first test sees that no kind of layer is lost.
  .filter((_, i) => randomModels === 100 || i % 2 === 0);
/** Networks with branches, small enough to be read back. */
const branched = Array.from({ length: 100 }, (_, seed) => seed)
  .filter(
    (seed) =>
      adders(randomModel(seed, { branches: true })) <= (randomModels < 100 ? 1000 : randomAdders),
  )
  .filter((_, i) => randomModels === 100 || i % 2 === 0);

type Options = Pick<DesignOptions, 'style' | 'maxLevels'>;

const open = (o: Options) => (model: CheckedModel) => simulate(model, unrolledDesign(model, o));

/** Without registers, and with few and many levels of gates between them. */
const ways: readonly Options[] = [
  { style: 'gates' },
  { style: 'gates', maxLevels: 3 },
  { style: 'xc7', maxLevels: 10 },
];

const text = ({ style, maxLevels }: Options): string => `${style}, ${maxLevels ?? 'no'} levels`;

describe('verilog agrees with the interpreter', () => {
  test('the budget leaves cases of every kind of layer', () => {
    const models = [...cases.map(({ model }) => model), ...seeds.map((seed) => randomModel(seed))];
    const kinds = new Set(models.flatMap(({ layers }) => layers.map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual(
      [
        'add',
        'concat',
        'conv',
        'dense',
        'depthwise',
        'maxPool',
        'requantize',
        'sumPool',
        'threshold',
      ].sort(),
    );
  });

  // In the quick run each case goes one way, in turn.
  test.each(cases.map((one, at) => ({ ...one, at })))('$name', async ({ model, at }) => {
    for (const way of everything ? ways : [ways[at % ways.length]])
      expect(await differenceFrom(model, open(way), pixelsFor(model, 4)), text(way)).toBe('');
  });

  test.each(branched)('random network with branches of seed %i', async (seed) => {
    const model = randomModel(seed, { branches: true });
    for (const way of everything ? ways : [ways[seed % ways.length]])
      expect(await differenceFrom(model, open(way), pixelsFor(model, 40)), text(way)).toBe('');
  });

  const allWays: readonly Options[] = [...ways, { style: 'xc7' }];
  const waysOf = (seed: number): readonly Options[] =>
    randomModels === 100 ? allWays : allWays.filter((_, i) => i % 2 === seed % 2);

  test.each(seeds)('random network of seed %i', async (seed) => {
    const model = randomModel(seed);
    for (const way of waysOf(seed))
      expect(await differenceFrom(model, open(way), pixelsFor(model, 130)), text(way)).toBe('');
  });
});
