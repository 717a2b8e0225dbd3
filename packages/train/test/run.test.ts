import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchSource } from '@hbnn/core';
import {
  buildNetwork,
  evaluate,
  openRun,
  type RunConfig,
  type RunConfigInput,
  runConfig,
  runTraining,
  useBackend,
} from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { squares } from './squares.ts';

let backend = '';
beforeAll(async () => {
  backend = (await useBackend({ prefer: 'wasm' })).name;
});

const sources = { train: squares(320, 'train'), test: squares(100, 'test') };
const dirs = mkdtempSync(join(tmpdir(), 'hbnn-run-'));
let madeBefore = 0;
const folder = (): string => join(dirs, `${madeBefore++}`);
const quick = (input: RunConfigInput): RunConfig =>
  runConfig({ epochs: 2, batch: 32, learningRate: 0.1, recalibrate: 64, ...input });

/** Train, but stop as if killed after some steps: the last checkpoint is all that is left. */
async function interrupted(config: RunConfig, dir: string, steps: number): Promise<void> {
  const onProgress = ({ step }: { step: number }): void => {
    if (step === steps) throw new Error('killed');
  };
  const options = { dir, backend, checkpointSeconds: 0, onProgress };
  await expect(runTraining(config, sources, options)).rejects.toThrow('killed');
}

const settings: [string, RunConfigInput][] = [
  ['1.4-bit middle-out', { weights: 1.4 }],
  ['optimal', { weights: 1.4, select: 'optimal' }],
  ['gain, from 0 bits on', { weights: 1.4, select: 'gain', minBits: 0 }],
  ['curvature', { weights: 1.4, select: 'curvature' }],
  ['random, renewed every third step', { weights: 1.4, select: 'random', renewEvery: 3 }],
  ['a map frozen at the start', { weights: 1.4, renewEvery: 0 }],
  ['dynamic inputs', { weights: 1.4, inputs: 1.4 }],
  ['static inputs', { weights: 1, inputs: 1.4, inputMap: 'static' }],
  [
    'static inputs per channel',
    { weights: 2, inputs: 2, inputMap: 'static', inputMapPer: 'channel' },
  ],
  [
    'static inputs per position, maps kept from half way on',
    { weights: 1.4, inputs: 1.4, inputMap: 'static', inputMapPer: 'position', freezeMaps: 0.5 },
  ],
  ['scales that are powers of two', { weights: 1.4, scaleForm: 'powers-of-two' }],
  ['MobileNet', { network: 'mobilenet', weights: 1.4, inputs: 1.4 }],
  ['ResNet-8', { network: 'resnet8', weights: 1.4, inputs: 1.4 }],
  ['MobileNet of half the channels', { network: 'mobilenet', widthMultiplier: 0.5, weights: 1.4 }],
];

describe('runs', () => {
  it.each(settings)('go on after an interruption to the same bits: %s', async (_, input) => {
    const config = quick({ widths: [4, 6], pools: [0, 1], ...input });
    const alone = await runTraining(config, sources, { dir: folder(), backend });
    const dir = folder();
    await interrupted(config, dir, 7);
    const again = await runTraining(config, sources, { dir, backend, resume: true });
    expect(again.weightsSha256).toBe(alone.weightsSha256);
    expect(again.epochs).toEqual(alone.epochs);
    expect(again.top1).toBe(alone.top1);
    const lines = readFileSync(join(dir, 'metrics.jsonl'), 'utf8').trim().split('\n');
    const steps = lines.map((line) => (JSON.parse(line) as { step: number }).step);
    expect(steps).toEqual(Array.from({ length: again.steps }, (_, i) => i + 1));
  });

  it('learn, and test the same when opened again', async () => {
    const dir = folder();
    const config = quick({ widths: [8, 8], pools: [0, 1], epochs: 8, weights: 1.4 });
    const result = await runTraining(config, sources, { dir, backend });
    expect(result.top1).toBeGreaterThan(0.5);
    const { model } = openRun(dir, sources.train);
    const test = await evaluate(model, sources.test, { batch: 7 });
    expect(test.top1).toBe(result.top1);
    model.dispose();
  });

  it('train AlexNet-BN with binarized inputs on 28×28 images', async () => {
    const config = quick({ network: 'alexnet-bn', weights: 1.4, inputs: 1.4, maxSteps: 2 });
    const wide = (source: BatchSource): BatchSource => ({
      ...source,
      shape: [28, 28, 1],
      async *batches(o) {
        for await (const { labels, count } of source.batches(o)) {
          const images = Float32Array.from({ length: count * 784 }, (_, i) => Math.sin(i));
          yield { images, labels, count };
        }
      },
    });
    const both = { train: wide(sources.train), test: wide(sources.test) };
    const result = await runTraining(config, both, { dir: folder(), backend });
    expect(result.steps).toBe(2);
    expect(Number.isFinite(result.trainLoss)).toBe(true);
  });

  it('keep no tensors from step to step', async () => {
    const config = quick({ widths: [4, 6], pools: [0], weights: 1.4, inputs: 1.4, epochs: 3 });
    const counts: number[] = [];
    const onProgress = (): void => void counts.push(tf.memory().numTensors);
    const before = tf.memory().numTensors;
    await runTraining(config, sources, { dir: folder(), backend, onProgress });
    expect(new Set(counts.slice(2)).size).toBe(1);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuse a folder of another run, another configuration or another backend', async () => {
    const config = quick({ widths: [4], pools: [0], maxSteps: 4 });
    const dir = folder();
    await runTraining(config, sources, { dir, backend });
    const again = runTraining(config, sources, { dir, backend });
    await expect(again).rejects.toThrow('holds a run already');
    const other = runTraining(quick({ weights: 2 }), sources, { dir, backend, resume: true });
    await expect(other).rejects.toThrow(
      'of another configuration than the one to resume (weights is 1.4 there and 2 here)',
    );
    const cut = folder();
    await interrupted(config, cut, 2);
    const elsewhere = runTraining(config, sources, { dir: cut, backend: 'cpu', resume: true });
    await expect(elsewhere).rejects.toThrow('was trained on the wasm backend');
  });

  it('are trained into by one process at a time', async () => {
    const config = quick({ widths: [4], pools: [0], maxSteps: 4 });
    const dir = folder();
    let second: Promise<unknown> | undefined;
    const onProgress = (): void => {
      second ??= runTraining(config, sources, { dir, backend, resume: true }).catch(
        (error: unknown) => error,
      );
    };
    await runTraining(config, sources, { dir, backend, onProgress });
    expect(`${await second}`).toContain(`process ${process.pid} on`);
    expect(existsSync(join(dir, 'run.lock'))).toBe(false);
  });

  it('recalibrate on no more images than a training cut short has seen', async () => {
    const recalibrated = async (input: RunConfigInput): Promise<number> => {
      let images = 0;
      const { train } = sources;
      const counting: BatchSource = {
        ...train,
        async *batches(o) {
          for await (const batch of train.batches(o)) {
            if (o.epoch === -1) images += batch.count;
            yield batch;
          }
        },
      };
      const config = quick({ widths: [4], pools: [0], recalibrate: 200, epochs: 1, ...input });
      await runTraining(config, { ...sources, train: counting }, { dir: folder(), backend });
      return images;
    };
    expect(await recalibrated({ maxSteps: 2 })).toBe(64);
    // Whole batches; ten steps are the whole training, whether they are named or not.
    expect(await recalibrated({ maxSteps: 10 })).toBe(224);
    expect(await recalibrated({})).toBe(224);
  });

  it('name the file when a checkpoint is damaged, and do not touch it', async () => {
    const config = quick({ widths: [4], pools: [0], maxSteps: 6 });
    const dir = folder();
    await interrupted(config, dir, 4);
    const file = join(dir, 'checkpoint.bin');
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, bytes.length / 2));
    const resumed = runTraining(config, sources, { dir, backend, resume: true });
    await expect(resumed).rejects.toThrow(/checkpoint\.bin: checksum differs/);
    expect(existsSync(join(dir, 'result.json'))).toBe(false);
  });

  it('return the stored result when resumed after the end', async () => {
    const config = quick({ widths: [4], pools: [0], maxSteps: 3 });
    const dir = folder();
    const first = await runTraining(config, sources, { dir, backend });
    expect(await runTraining(config, sources, { dir, backend, resume: true })).toEqual(first);
  });

  it('build the same network for the same seed', () => {
    const digest = (config: RunConfig): number[] =>
      buildNetwork(config, sources.train).weights.flatMap((w) => [...w.read().dataSync()]);
    expect(digest(quick({ seed: 2 }))).toEqual(digest(quick({ seed: 2, weights: 2 })));
  });
});
