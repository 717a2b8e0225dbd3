import { chooseFolds, type FoldTable, foldedDesign, planesAtOnce } from '@hbnn/circuit';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { simulate } from '@hbnn/verilog';
import { describe, expect, test } from 'vitest';
import { branchedCases, differenceFrom, modelCases, pixelsFor, randomFolds } from '../src/index.ts';

/** `pnpm --filter @hbnn/conformance folded`: every case that can be stepped in minutes, each with both folds. */
const everything = process.env.HBNN_FOLDED === 'all';
/** Outputs of all layers beyond which a chain of streams takes too long to be read back and stepped here … */
const maxOutputs = 50;
/** … but for some that are out of the common. */
const larger = new Set([
  'weights of 0 bits',
  'weight plane of multiple 0',
  'inputs of 0 bits',
  'inputs of 4 bits',
  'a map per channel',
  'thresholds at the ends',
  'padding beyond the input',
  'stride beyond the input',
  'requantized pixels',
  'pools of whole values',
]);

/** … and few outputs may take long all the same: dense:7x32 is like the other two in the quick run. */
const slow = new Set(['zeros of 255', 'dense:7x31', 'dense:7x33']);

/** Geometries of one layer, such as dense:7x32: in the quick run every other one. */
const isGeometry = (name: string): boolean => /^(conv|dense|depthwise|maxPool|sumPool):/.test(name);

/** Whole networks with branches, whose layers get folds that take about as long. */
const isShape = (name: string): boolean => name.startsWith('the shape of');

const outputs = (model: CheckedModel): number =>
  model.checkedLayers.reduce((sum, { output }) => sum + output[0] * output[1] * output[2], 0);

const cases = [...modelCases(), ...branchedCases()]
  .map(({ name, make }) => ({ name, model: make() }))
  .filter(
    ({ name, model }) =>
      (outputs(model) <= maxOutputs && !slow.has(name)) ||
      name.startsWith('small branches') ||
      (everything && (larger.has(name) || slow.has(name) || isShape(name))),
  )
  .filter(({ name }, i) => everything || !isGeometry(name) || i % 2 === 0)
  .map((one, at) => ({ ...one, at }));

/** The second of two folds has some layers with their weights as constants. */
const foldsOf = (model: CheckedModel, seed: number): FoldTable =>
  isShape(model.name)
    ? chooseFolds(model, { cycles: 4000 * seed })
    : randomFolds(model, seed, (rng) => seed > 1 && rng.below(2) === 0, planesAtOnce);

/** Folds of the model at a place in the list: both, or each of them in turn. */
const waysAt = (at: number) => (everything ? ways : [ways[at % 2]]);

/** Two folds of every model, with other levels between registers and other cells. */
const ways = [
  { seed: 1, style: 'gates', maxLevels: 10 },
  { seed: 2, style: 'xc7', maxLevels: 4 },
] as const;

describe('folded verilog agrees with the interpreter', () => {
  test('every kind of matrix is left', () => {
    const kinds = new Set(cases.flatMap(({ model }) => model.layers.map(({ kind }) => kind)));
    for (const kind of ['dense', 'conv', 'depthwise', 'add', 'concat'] as const)
      expect(kinds).toContain(kind);
  });

  test.each(cases)('$name', async ({ model, at }) => {
    for (const { seed, ...o } of waysAt(at)) {
      const folds = foldsOf(model, seed);
      const open = (one: CheckedModel) => simulate(one, foldedDesign(one, { ...o, folds }));
      expect(await differenceFrom(model, open, pixelsFor(model, 4)), JSON.stringify(folds)).toBe(
        '',
      );
    }
  });

  // Blocks wait for each other, so that with shallow buffers not all images take as long.
  test.runIf(everything).each(branchedCases().filter(({ name }) => isShape(name)))(
    '$name keeps the pace of its slowest layer',
    ({ make }) => {
      const model = make();
      const { cyclesPerImage, scheduledCycles } = foldedDesign(model, { folds: foldsOf(model, 1) });
      expect(cyclesPerImage).toBeLessThanOrEqual(1.01 * scheduledCycles);
      expect(cyclesPerImage).toBeGreaterThanOrEqual(0.99 * scheduledCycles);
    },
  );

  test.each(everything ? [3, 9, 15, 36, 81] : [3, 9, 36])(
    'random network of seed %i',
    async (seed) => {
      const model = randomModel(seed);
      for (const { seed: foldSeed, ...o } of waysAt(seed)) {
        const folds = foldsOf(model, foldSeed);
        const open = (one: CheckedModel) => simulate(one, foldedDesign(one, { ...o, folds }));
        expect(await differenceFrom(model, open, pixelsFor(model, 20)), JSON.stringify(folds)).toBe(
          '',
        );
      }
    },
  );
});
