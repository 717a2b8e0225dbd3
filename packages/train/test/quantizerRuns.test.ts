import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildNetwork,
  evaluate,
  exportModel,
  openRun,
  quantizedLayers,
  type RunConfig,
  type RunConfigInput,
  runConfig,
  runTraining,
  useBackend,
} from '@hbnn/train';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { pixelSquares, squares } from './squares.ts';

let backend = '';
beforeAll(async () => {
  backend = (await useBackend({ prefer: 'wasm' })).name;
});

const sources = { train: pixelSquares(1280, 'train'), test: pixelSquares(200, 'test') };
const dirs = mkdtempSync(join(tmpdir(), 'hbnn-quantizers-'));
let foldersBefore = 0;
const folder = (): string => join(dirs, `${foldersBefore++}`);
const quick = (input: RunConfigInput): RunConfig =>
  runConfig({
    network: 'fcn4',
    widths: [12, 12, 12],
    pools: [0, 1],
    epochs: 1,
    batch: 32,
    learningRate: 0.1,
    recalibrate: 64,
    ...input,
  });

/** Each method, and the bits per weight that it must end with. */
const methods: [string, number | [number, number]][] = [
  ['bwn', 1],
  ['xnor-net', 1],
  ['bnn', 1],
  ['dorefa', 1],
  ['dorefa:2/float', 2],
  ['qnn', 1],
  ['qnn:2/2', 2],
  ['twn', Math.log2(3)],
  ['sq-bwn', 1],
  ['sq-twn', Math.log2(3)],
  ['trq', Math.log2(3)],
  ['bit-pruning', [1, 8]],
  ['bayesian-bits', [2, 8]],
];

describe('a training of one epoch with the quantizer', () => {
  it.each(methods)(
    '%s learns, tests the same when opened again, and keeps no tensors',
    async (quantizer, bits) => {
      const losses: number[] = [];
      const counts: number[] = [];
      const dir = folder();
      const before = tf.memory().numTensors;
      const result = await runTraining(quick({ quantizer }), sources, {
        dir,
        backend,
        onProgress: ({ loss }) => {
          losses.push(loss);
          counts.push(tf.memory().numTensors);
        },
      });
      expect(tf.memory().numTensors).toBe(before);
      expect(new Set(counts.slice(2)).size).toBe(1);
      // Progress tells means over the epoch so far.
      const single = losses.map((loss, i) => loss * (i + 1) - (losses[i - 1] ?? 0) * i);
      const quarter = single.length / 4;
      expect(mean(single.slice(-quarter))).toBeLessThan(0.85 * mean(single.slice(0, quarter)));
      const [least, greatest] = typeof bits === 'number' ? [bits, bits] : bits;
      expect(result.weightBits).toBeGreaterThanOrEqual(least - 1e-12);
      expect(result.weightBits).toBeLessThanOrEqual(greatest + 1e-12);
      const { model } = openRun(dir, sources.train);
      expect((await evaluate(model, sources.test, { batch: 7 })).top1).toBe(result.top1);
      for (const layer of quantizedLayers(model)) {
        const { shape, data } = layer.quantizedKernel();
        const outputs = shape.at(-1) as number;
        const filters = Array.from(
          { length: outputs },
          (_, f) => new Set(data.filter((_, i) => i % outputs === f)),
        );
        for (const values of filters)
          expect(values.size).toBeLessThanOrEqual(Math.round(2 ** layer.weightBits().bits));
      }
      model.dispose();
    },
  );
});

describe('an interrupted training goes on to the same bits:', () => {
  it.each(['sq-bwn', 'sq-twn', 'trq', 'bit-pruning:0.05', 'bayesian-bits:0.05', 'bnn', 'xnor-net'])(
    '%s',
    async (quantizer) => {
      const config = quick({ quantizer, epochs: 2 });
      const alone = await runTraining(config, sources, { dir: folder(), backend });
      // In the second quarter, and where learned bits and gates stay already.
      for (const steps of [25, 65]) {
        const dir = folder();
        const onProgress = ({ step }: { step: number }): void => {
          if (step === steps) throw new Error('killed');
        };
        await expect(
          runTraining(config, sources, { dir, backend, checkpointSeconds: 0, onProgress }),
        ).rejects.toThrow('killed');
        const again = await runTraining(config, sources, { dir, backend, resume: true });
        expect(again.weightsSha256).toBe(alone.weightsSha256);
        expect(again.top1).toBe(alone.top1);
      }
    },
  );
});

describe('networks with a quantizer', () => {
  it.each(['alexnet-bn', 'mobilenet', 'vgg8'] as const)(
    '%s is built and trained',
    async (network) => {
      const train = wide('train');
      const config = runConfig({
        network,
        quantizer: 'xnor-net',
        batch: 16,
        maxSteps: 2,
        recalibrate: 16,
      });
      const dir = folder();
      const result = await runTraining(config, { train, test: wide('test') }, { dir, backend });
      expect(result.weightBits).toBe(1);
      const { model } = openRun(dir, train);
      const names = quantizedLayers(model).map(({ name }) => name);
      const expected = {
        'alexnet-bn': ['conv2', 'conv3', 'conv4', 'conv5', 'dense6', 'dense7'],
        mobilenet: [1, 2, 3, 4, 5].map((i) => `pointwise${i}`),
        vgg8: ['conv2', 'conv3', 'conv4', 'conv5', 'conv6', 'dense7', 'dense8'],
      };
      expect(names).toEqual(expected[network]);
      model.dispose();
    },
  );

  it('quantize the first and the last layer too where inputs stay float', () => {
    const model = buildNetwork(quick({ quantizer: 'twn' }), sources.train);
    const names = quantizedLayers(model).map(({ name }) => name);
    expect(names).toEqual(['conv1', 'conv2', 'conv3', 'conv4']);
    model.dispose();
  });

  it('are refused by exportModel, which names the layer and the way out', async () => {
    const dir = folder();
    await runTraining(quick({ quantizer: 'twn', maxSteps: 2 }), sources, { dir, backend });
    const { model } = openRun(dir, sources.train);
    await expect(exportModel(model, sources.train)).rejects.toThrow(
      "conv1: exportModel expected weights that are float or binarized by this project, got the quantizer 'twn', which has no integer form; train with --weights and --inputs in place of --quantizer",
    );
    model.dispose();
  });
});

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The same labels with images of 32×32×3, for networks that need them. */
function wide(name: string) {
  const source = squares(64, name);
  return {
    ...source,
    shape: [32, 32, 3] as const,
    async *batches(o: Parameters<typeof source.batches>[0]) {
      for await (const { labels, count } of source.batches(o)) {
        const images = Float32Array.from({ length: count * 3072 }, (_, i) => Math.sin(i));
        yield { images, labels, count };
      }
    },
  };
}
