import { describe, expect, test } from 'vitest';
import { kernelTable, type TrainingKernelName, trainingKernels } from '../src/index.ts';
import {
  binarizeSamplesSuite,
  binarizeSharedSuite,
  meanMagnitudesSuite,
} from './binarizeSuites.ts';
import { TestMemory } from './memory.ts';
import { convSuite, matMulSuite } from './productSuites.ts';
import {
  batchNormSuite,
  depthwiseSuite,
  maxPoolGradSuite,
  sgdMomentumSuite,
  straightThroughSuite,
} from './windowSuites.ts';

/** What each kernel must compute: a row of the table without a suite here fails to compile. */
const suites: Readonly<Record<TrainingKernelName, () => void>> = {
  matMul: matMulSuite,
  conv2d: () => convSuite('conv2d'),
  conv2dBackpropInput: () => convSuite('conv2dBackpropInput'),
  conv2dBackpropFilter: () => convSuite('conv2dBackpropFilter'),
  depthwiseBackpropInput: () => depthwiseSuite('depthwiseBackpropInput'),
  depthwiseBackpropFilter: () => depthwiseSuite('depthwiseBackpropFilter'),
  maxPoolGrad: maxPoolGradSuite,
  moments: () => batchNormSuite('moments'),
  normalize: () => batchNormSuite('normalize'),
  batchNormBackprop: () => batchNormSuite('batchNormBackprop'),
  straightThrough: straightThroughSuite,
  binarizeSamples: binarizeSamplesSuite,
  binarizeShared: binarizeSharedSuite,
  meanMagnitudes: meanMagnitudesSuite,
  sgdMomentum: sgdMomentumSuite,
};

for (const { name } of kernelTable) describe(name, suites[name]);

test('a layer of more than 4 GiB asks for as much scratch memory as it needs', async () => {
  const asked: number[] = [];
  const { memory } = await TestMemory.create();
  const kernels = await trainingKernels(memory, (bytes) => void asked.push(bytes));
  const [n, k] = [2 ** 16, 2 ** 15];
  kernels.matMul(64, 64, 64, { m: 1, n, k, transposeA: false, transposeB: false });
  expect(asked).toEqual([128 + Math.max(2 ** 17, k * 16) + n * k * 4]);
});
