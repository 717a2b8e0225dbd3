import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { interpreter, lower } from '@hbnn/model';
import {
  evaluate,
  exportModel,
  openRun,
  type RunConfigInput,
  runConfig,
  runTraining,
  useBackend,
} from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { pixelSquares } from './squares.ts';

let backend = '';
beforeAll(async () => {
  backend = (await useBackend({ prefer: 'wasm' })).name;
});

const sources = { train: pixelSquares(320, 'train'), test: pixelSquares(100, 'test') };

/** Norm of the scores' difference over that of the scores. */
const maxDifference = 0.15;
/** The same where a sign that the stem's 8-bit weights turn goes through eight blocks. */
const deep = 0.35;

const fixed = { inputs: 1.4, inputMap: 'static' } as const;
const settings: [string, RunConfigInput][] = [
  ['4 layers, 1.4/1.4, map per element', { ...fixed, weights: 1.4 }],
  ['4 layers, 2/2', { weights: 2, inputs: 2, inputMap: 'static' }],
  ['4 layers, 1.4/3 bits, map per channel', { ...fixed, inputs: 3, inputMapPer: 'channel' }],
  ['4 layers, scales per output', { ...fixed, weights: 1.4, scalePer: 'output' }],
  ['4 layers, weights alone', { weights: 1.4 }],
  ['4 layers, float weights', { weights: 'float' }],
];
/** `pnpm --filter @hbnn/train backends`: ResNet-18 with float inputs too. */
const all = process.env.HBNN_BACKENDS === 'all';
const deepFloat: [string, RunConfigInput, number?][] = [
  ['ResNet-18, weights alone', { network: 'resnet18', weights: 1.4 }],
];
/** Networks with branches, whose widths are not to choose. */
const branched: [string, RunConfigInput, number?][] = [
  ['ResNet-8, weights alone', { network: 'resnet8', weights: 1.4 }],
  ...(all ? deepFloat : []),
  ['MobileNetV2, weights alone', { network: 'mobilenetv2', weights: 1.4 }],
  ['ResNet-18, 2/2', { network: 'resnet18', ...fixed, inputs: 2, weights: 2 }, deep],
];

describe('a lowered network', () => {
  const small = settings.map(([name, input]): [string, RunConfigInput, number?] => [
    name,
    { widths: [6, 8, 8], pools: [0, 1], ...input },
  ]);

  it.each([...small, ...branched])('scores as the trained one does: %s', async (_, input, max) => {
    const dir = join(mkdtempSync(join(tmpdir(), 'hbnn-lower-')), 'run');
    const common = { epochs: 3, batch: 32, learningRate: 0.1, recalibrate: 320 };
    const config = runConfig({ ...common, ...input });
    const result = await runTraining(config, sources, { dir, backend });
    const { model } = openRun(dir, sources.train);
    const trained = await exportModel(model, sources.train);
    const lowered = lower(trained);
    const { run } = interpreter(lowered.model);
    const scores = run(sources.test.pixels);
    const truth = tf.tidy(() => {
      const x = tf.tensor(sources.test.images, [100, ...sources.test.shape]);
      return (model.apply(x, { training: false }) as tf.Tensor).dataSync();
    });
    let agree = 0;
    let difference = 0;
    let norm = 0;
    for (let i = 0; i < 100; i++) {
      const row = [...truth.subarray(10 * i, 10 * i + 10)];
      const own = [...scores.subarray(10 * i, 10 * i + 10)].map(
        (score) => score * lowered.model.scoreFactor,
      );
      const best = (values: number[]): number => values.indexOf(Math.max(...values));
      agree += best(row) === best(own) ? 1 : 0;
      row.forEach((value, k) => {
        difference += (value - own[k]) ** 2;
        norm += value ** 2;
      });
    }
    expect(Math.sqrt(difference / norm)).toBeLessThan(max ?? maxDifference);
    expect((await evaluate(model, sources.test)).top1).toBe(result.top1);
    expect(agree).toBeGreaterThanOrEqual(95);
  });
});
