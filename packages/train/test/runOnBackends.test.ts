import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type RunConfigInput,
  type RunResult,
  runConfig,
  runTraining,
  useBackend,
} from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { available } from './availableBackends.ts';
import { squares } from './squares.ts';

const sources = { train: squares(48, 'train'), test: squares(20, 'test') };
const dirs = mkdtempSync(join(tmpdir(), 'hbnn-backends-'));
let madeBefore = 0;

/** Six steps or less, recalibration and a test, with batch norm, pooling and binarized weights and inputs. */
async function train(backend: string, input: RunConfigInput, o = {}): Promise<RunResult> {
  const config = runConfig({ epochs: 2, batch: 16, learningRate: 0.05, recalibrate: 16, ...input });
  return runTraining(config, sources, { dir: join(dirs, `${madeBefore++}`), backend, ...o });
}

/** `pnpm --filter @hbnn/train backends`: WebGPU, which takes long where it is software, in every setting. */
const all = process.env.HBNN_BACKENDS === 'all';

const settings: [string, RunConfigInput][] = [
  ['dynamic inputs', { widths: [4, 6], pools: [0, 1], weights: 1.4, inputs: 1.4 }],
  [
    'static inputs',
    { widths: [4, 6], pools: [0, 1], weights: 1.4, inputs: 1.4, inputMap: 'static' },
  ],
  ['MobileNet', { network: 'mobilenet', weights: 1.4, inputs: 1.4, epochs: 1 }],
];

/**
 * Sums of float32 in another order differ by parts of 1e-7, and so do these losses. An element that this moves past a cut of its map, or past 0, would change by a whole
 * scale: in six steps of these networks none does, or it moves the loss by less than this.
 */
const tolerance = 1e-4;

describe.each(available.filter((name) => name !== 'cpu'))('on %s', (backend) => {
  it.each(all || backend !== 'webgpu' ? settings : settings.slice(0, 1))(
    'comes to the loss of the cpu backend: %s',
    async (_, input) => {
      await useBackend({ prefer: 'cpu' });
      const wanted = await train('cpu', input);
      await useBackend({ prefer: backend });
      const before = tf.memory().numTensors;
      const found = await train(backend, input);
      expect(tf.memory().numTensors).toBe(before);
      expect(Math.abs(found.trainLoss / wanted.trainLoss - 1)).toBeLessThan(tolerance);
      expect(Math.abs(found.testLoss / wanted.testLoss - 1)).toBeLessThan(tolerance);
    },
  );

  it('goes on after an interruption to the same bits', async () => {
    await useBackend({ prefer: backend });
    const [, input] = settings[0];
    const alone = await train(backend, input);
    const onProgress = ({ step }: { step: number }): void => {
      if (step === 4) throw new Error('killed');
    };
    const options = { dir: join(dirs, `${madeBefore++}`), checkpointSeconds: 0 };
    await expect(train(backend, input, { ...options, onProgress })).rejects.toThrow('killed');
    const again = await train(backend, input, { ...options, resume: true });
    expect(again.weightsSha256).toBe(alone.weightsSha256);
  });
});
