import type { RunResult } from '@hbnn/train';
import { expect, it } from 'vitest';
import { sweepProgress, trainingsText } from './sweepProgress.ts';
import type { TrainingTask } from './trainingTask.ts';

it('counts whole trainings, and what is under way in the share alone', () => {
  const config = { network: 'fcn4', inputs: 'float', epochs: 1, weights: 1.4, select: 'random' };
  const tasks = ['a', 'b', 'c'].map(
    (key) => ({ key, stage: 'figure2a', config }) as unknown as TrainingTask,
  );
  const shown: unknown[] = [];
  const meter = {
    update: (...line: readonly unknown[]) => shown.push(line),
    stop() {},
  };
  const progress = sweepProgress(tasks, () => 2, { meter, done: 0 });
  progress.runs('a', 0.5);
  progress.ended('a', { config, seconds: 2 } as unknown as RunResult);
  progress.runs('b', 0.25);
  progress.end();
  const [first, second, third] = shown as [number, number, string, number][];
  expect(first).toEqual([0, 3, expect.stringContaining('(0 trainings done, 1 running)'), 0.5 / 3]);
  expect(second).toEqual([1, 3, expect.stringContaining('(1 training done, 0 running)'), 1 / 3]);
  expect(third).toEqual([1, 3, expect.stringContaining('(1 training done, 1 running)'), 1.25 / 3]);
  expect([trainingsText(1), trainingsText(2)]).toEqual(['1 training', '2 trainings']);
});
