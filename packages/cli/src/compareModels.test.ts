import { checkModel, featureCount, type IntegerLayer, interpreter, randomModel } from '@hbnn/model';
import { expect, it } from 'vitest';
import { compareExecutors, compareModels, type Executor } from './compareModels.ts';

const model = randomModel(1, { layer: 'conv:4x4x3,k2x2,o5' });
const pixels = Uint8Array.from({ length: 3 * featureCount(model.input.shape) }, (_, i) => i % 256);

const reference: Executor = async (part, images) => interpreter(part).run(images);

/** An executor that is wrong by one in an output of the networks that end with a layer of some kind. */
const wrongFrom =
  (kinds: readonly IntegerLayer['kind'][], at: number): Executor =>
  async (part, images) => {
    const scores = interpreter(part).run(images);
    const kind = part.layers[part.layers.length - 1].kind;
    return scores.map((score, i) => (kinds.includes(kind) && i === at ? score + 1 : score));
  };

it('finds the layer, image and place at which an executor is wrong', async () => {
  const size = featureCount(model.checkedLayers[1].output);
  const wrong = wrongFrom(['conv'], size + 7);
  const { equal, difference } = await compareExecutors(model, [reference, wrong], pixels);
  expect(equal).toBe(false);
  expect(difference).toMatchObject({
    layer: 'layer',
    kind: 'conv',
    image: 1,
    position: [0, 1, 2],
    differing: 1,
  });
  expect(difference?.second).toBe((difference?.first ?? 0) + 1);
});

it('names an earlier layer where it is wrong too', async () => {
  const wrong = wrongFrom(['conv', 'threshold'], 0);
  const { difference } = await compareExecutors(model, [reference, wrong], pixels);
  expect(difference).toMatchObject({ layer: 'input', image: 0, position: [0, 0, 0] });
});

it('finds a wrong layer on one of several branches', async () => {
  const branched = randomModel(3, { branches: true });
  const images = Uint8Array.from(
    { length: 2 * featureCount(branched.input.shape) },
    (_, i) => (37 * i) % 256,
  );
  const joins = branched.checkedLayers.filter(({ sources }) => sources.length > 1);
  expect(joins.length).toBeGreaterThan(0);
  for (const { layer } of branched.checkedLayers) {
    const wrong: Executor = async (part, pixels) => {
      const scores = interpreter(part).run(pixels);
      // From this layer on every network is wrong.
      if (part.layers.some(({ name }) => name === layer.name)) scores[0] += 1;
      return scores;
    };
    const { difference } = await compareExecutors(branched, [reference, wrong], images);
    expect(difference).toMatchObject({ layer: layer.name, image: 0, position: [0, 0, 0] });
  }
});

it('compares scores that only offsets make different', () => {
  const { name, input, layers, scoreFactor, classes, scoreOffsets } = model;
  const offsets = scoreOffsets.map((_, k) => (k === 4 ? 9 : 0));
  const other = checkModel({ name, input, layers, scoreFactor, classes, scoreOffsets: offsets });
  const { difference } = compareModels(model, other, pixels);
  expect(difference).toMatchObject({ layer: 'scores', image: 0, position: [4], differing: 3 });
  expect(compareModels(model, model, pixels)).toEqual({ equal: true, images: 3 });
});

it('names layers of other shapes', () => {
  const larger = randomModel(1, { layer: 'conv:4x4x3,k2x2,o6' });
  const { name, input, scoreFactor, scoreOffsets, classes } = larger;
  const layers = [model.layers[0], larger.layers[1]];
  const other = checkModel({ name, input, layers, scoreFactor, scoreOffsets, classes });
  expect(compareModels(model, other, pixels).difference).toEqual({
    layer: 'layer',
    kind: 'conv',
    shapes: '3×3×5 and 3×3×6',
  });
});
