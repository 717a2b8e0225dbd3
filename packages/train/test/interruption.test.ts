import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchSource } from '@hbnn/core';
import { type RunOptions, runConfig, runTraining, useBackend } from '@hbnn/train';
import { beforeAll, expect, it } from 'vitest';
import { squares } from './squares.ts';

let backend = '';
beforeAll(async () => {
  backend = (await useBackend({ prefer: 'wasm' })).name;
});

const root = mkdtempSync(join(tmpdir(), 'hbnn-interruption-'));
const [train, test] = [squares(320, 'train'), squares(100, 'test')];
const validation = squares(60, 'validation');
const config = runConfig({
  widths: [4, 6],
  pools: [0, 1],
  weights: 1.4,
  inputs: 1.4,
  inputMap: 'static',
  epochs: 3,
  batch: 32,
  learningRate: 0.1,
  recalibrate: 96,
  validation: 60,
});

/** A source that tells when its images are asked for. */
const watched = (source: BatchSource, onRead: () => void): BatchSource => ({
  ...source,
  async *batches(o) {
    onRead();
    yield* source.batches(o);
  },
});

type Sources = Parameters<typeof runTraining>[1];

/** When the signal comes: a training's sources and progress, with what gives it. */
const moments: readonly [
  string,
  (stop: () => void) => { sources?: Partial<Sources>; onProgress?: RunOptions['onProgress'] },
][] = [
  ['in the middle of an epoch', (stop) => ({ onProgress: ({ step }) => step === 14 && stop() })],
  ['at the first step', (stop) => ({ onProgress: ({ step }) => step === 1 && stop() })],
  ['at the last step', (stop) => ({ onProgress: ({ step }) => step === 30 && stop() })],
  [
    'while validation images are measured',
    (stop) => {
      let reads = 0;
      return { sources: { validation: watched(validation, () => ++reads === 2 && stop()) } };
    },
  ],
  ['while test images are measured', (stop) => ({ sources: { test: watched(test, stop) } })],
];

it.each(moments)('a training ended %s goes on to the same bits', async (name, moment) => {
  const whole = { train, test, validation };
  const alone = await runTraining(config, whole, { dir: join(root, `alone ${name}`), backend });
  const dir = join(root, name);
  const controller = new AbortController();
  const reason = new Error('told to stop');
  const { sources, onProgress } = moment(() => controller.abort(reason));
  const ended = runTraining(
    config,
    { ...whole, ...sources },
    {
      dir,
      backend,
      onProgress,
      signal: controller.signal,
      checkpointSeconds: 1e6,
    },
  );
  await expect(ended).rejects.toBe(reason);
  expect(existsSync(join(dir, 'checkpoint.bin'))).toBe(true);
  expect(existsSync(join(dir, 'result.json'))).toBe(false);
  expect(existsSync(join(dir, 'run.lock'))).toBe(false);
  let first = 0;
  const again = await runTraining(config, whole, {
    dir,
    backend,
    resume: true,
    onProgress: ({ step }) => {
      if (first === 0) first = step;
    },
  });
  // It did not begin anew.
  expect(first).not.toBe(1);
  expect(again.weightsSha256).toBe(alone.weightsSha256);
  expect(again.epochs).toEqual(alone.epochs);
  expect([again.top1, again.best]).toEqual([alone.top1, alone.best]);
  const metrics = (folder: string): number[] =>
    readFileSync(join(folder, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { step: number }).step);
  expect(metrics(dir)).toEqual(metrics(join(root, `alone ${name}`)));
});

it('writes nothing when it was told to stop before it began', async () => {
  const dir = join(root, 'never');
  const signal = AbortSignal.abort(new Error('told to stop'));
  const ended = runTraining(config, { train, test, validation }, { dir, backend, signal });
  await expect(ended).rejects.toThrow('told to stop');
  expect(existsSync(dir)).toBe(false);
});
