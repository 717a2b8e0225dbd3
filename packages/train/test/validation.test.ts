import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  evaluate,
  openRun,
  type RunConfig,
  type RunConfigInput,
  type RunResult,
  readMetrics,
  runConfig,
  runTraining,
  useBackend,
} from '@hbnn/train';
import { beforeAll, describe, expect, it } from 'vitest';
import { squares } from './squares.ts';

let backend = '';
beforeAll(async () => {
  backend = (await useBackend({ prefer: 'wasm' })).name;
});

const sources = {
  train: squares(320, 'train'),
  test: squares(100, 'test'),
  validation: squares(60, 'validation'),
};
const dirs = mkdtempSync(join(tmpdir(), 'hbnn-validation-'));
let madeBefore = 0;
const folder = (): string => join(dirs, `${madeBefore++}`);
const small = { widths: [4, 6], pools: [0, 1], batch: 32, learningRate: 0.1, recalibrate: 64 };
const quick = (input: RunConfigInput): RunConfig =>
  runConfig({ ...small, epochs: 3, weights: 1.4, ...input });

const train = (config: RunConfig, dir: string, resume = false): Promise<RunResult> =>
  runTraining(config, sources, { dir, backend, resume });

/** Train, but stop as if killed after some steps. */
async function interrupted(config: RunConfig, dir: string, steps: number): Promise<void> {
  const onProgress = ({ step }: { step: number }): void => {
    if (step === steps) throw new Error('killed');
  };
  const options = { dir, backend, checkpointSeconds: 0, onProgress };
  await expect(runTraining(config, sources, options)).rejects.toThrow('killed');
}

const kinds: [string, RunConfigInput][] = [
  ['1.4-bit weights', {}],
  ['a random map kept for three steps', { select: 'random', renewEvery: 3 }],
  ['optimal maps', { select: 'optimal' }],
  ['static inputs', { inputs: 1.4, inputMap: 'static' }],
  ['dynamic inputs', { inputs: 1.4 }],
];

describe('validation', () => {
  it.each(kinds)('changes nothing of the training it watches: %s', async (_, kind) => {
    const unwatched = await train(quick(kind), folder());
    const dir = folder();
    const watched = await train(quick({ ...kind, validation: 60 }), dir);
    expect(watched.weightsSha256).toBe(unwatched.weightsSha256);
    expect(watched.top1).toBe(unwatched.top1);
    const measured = readMetrics(dir).flatMap(({ step, validationAccuracy }) =>
      validationAccuracy === undefined ? [] : [[step, validationAccuracy]],
    );
    const expected = watched.epochs.map(({ validation }, i) => [
      10 * (i + 1),
      validation?.accuracy,
    ]);
    expect(measured).toEqual(expected);
  });

  it('keeps the weights of the best epoch, which test as they did', async () => {
    const dir = folder();
    const result = await train(quick({ validation: 60, learningRate: 0.4 }), dir);
    const accuracies = result.epochs.map(({ validation }) => validation?.accuracy as number);
    const highest = Math.max(...accuracies);
    expect(result.best).toMatchObject({
      epoch: accuracies.indexOf(highest),
      accuracy: highest,
    });
    const { model } = openRun(dir, sources.train, 'best');
    const again = await evaluate(model, sources.validation);
    expect(again.top1).toBe(highest);
    model.dispose();
  });

  it('has no best weights without validation images', async () => {
    const dir = folder();
    await train(quick({ maxSteps: 2 }), dir);
    expect(existsSync(join(dir, 'best.bin'))).toBe(false);
    expect(() => openRun(dir, sources.train, 'best')).toThrow('expected best.bin');
  });

  it('refuses a source of another size, or none', async () => {
    const other = quick({ validation: 50 });
    await expect(train(other, folder())).rejects.toThrow('expected 50 images to validate on');
    const { validation: _, ...without } = sources;
    const none = runTraining(other, without, { dir: folder(), backend });
    await expect(none).rejects.toThrow('got none');
  });
});

describe('early stop', () => {
  // At a vanishing learning rate no epoch is better than the first.
  const still = { validation: 60, learningRate: 1e-12, momentum: 0, weightDecay: 0, epochs: 9 };

  it('ends when the patience is over, and not before the least epochs', async () => {
    const soon = await train(quick({ ...still, earlyStop: { patience: 2 } }), folder());
    expect([soon.epochs.length, soon.steps, soon.stoppedEarly]).toEqual([3, 30, true]);
    expect(soon.best?.epoch).toBe(0);
    const later = { patience: 2, minEpochs: 5 };
    const held = await train(quick({ ...still, earlyStop: later }), folder());
    expect(held.epochs).toHaveLength(5);
    const never = await train(quick({ ...still, epochs: 2, earlyStop: { patience: 2 } }), folder());
    expect([never.epochs.length, never.stoppedEarly]).toEqual([2, false]);
  });

  it.each([10, 15, 30])('resumed after step %i, ends with the same bits', async (steps) => {
    const config = quick({ ...still, learningRate: 1e-9, earlyStop: { patience: 2 } });
    const reference = folder();
    const alone = await train(config, reference);
    const dir = folder();
    await interrupted(config, dir, steps);
    const again = await train(config, dir, true);
    expect({ ...again, seconds: 0 }).toEqual({ ...alone, seconds: 0 });
    const best = (of: string): Buffer => readFileSync(join(of, 'best.bin'));
    expect(best(dir).equals(best(reference))).toBe(true);
  });
});

describe('augmentation in a run', () => {
  const augment = { crop: 2, flip: true } as const;

  it('resumed, ends with the same bits; and it is not the training without', async () => {
    const config = quick({ augment, epochs: 2 });
    const alone = await train(config, folder());
    const dir = folder();
    await interrupted(config, dir, 13);
    expect((await train(config, dir, true)).weightsSha256).toBe(alone.weightsSha256);
    const plain = await train(quick({ epochs: 2 }), folder());
    expect(plain.weightsSha256).not.toBe(alone.weightsSha256);
  });

  it('leaves recalibration, validation and test alone', async () => {
    // Batches after the first epoch's are those of recalibration: at learning rate almost 0 the statistics
    // are of the images alone, and equal to those of a run without augmentation.
    const frozen = { learningRate: 1e-30, momentum: 0, weightDecay: 0, epochs: 1, validation: 60 };
    const plain = await train(quick(frozen), folder());
    const changed = await train(quick({ ...frozen, augment }), folder());
    expect(changed.top1).toBe(plain.top1);
    expect(changed.testLoss).toBe(plain.testLoss);
    expect(changed.epochs[0].validation).toEqual(plain.epochs[0].validation);
    expect(changed.epochs[0].loss).not.toBe(plain.epochs[0].loss);
  });
});
