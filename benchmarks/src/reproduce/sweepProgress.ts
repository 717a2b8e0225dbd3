import { duration } from '@hbnn/cli/progress';
import type { RunConfig, RunResult } from '@hbnn/train';
import type { PoolOptions, TrainingTask } from './trainingTask.ts';

/** Shows how far a sweep is. */
export interface SweepProgress {
  runs(key: string, share: number, waitsFor?: string): void;
  ended(key: string, result: RunResult): void;
  end(): void;
}

/** A number of trainings in words: 1 training, 2 trainings. */
export const trainingsText = (count: number): string =>
  `${count} ${count === 1 ? 'training' : 'trainings'}`;

/** A training that says nothing for so long has no time left that is known: it is tested, or waits for its folder. */
const silentMs = 20_000;
const showEveryMs = 5000;

/**
 * Show how far a sweep is: trainings done and running, and the time left.
 *
 * @param threads how many trainings run side by side now
 */
export function sweepProgress(
  tasks: readonly TrainingTask[],
  threads: () => number,
  o: Pick<PoolOptions, 'meter' | 'done'>,
): SweepProgress {
  const results = new Map<string, RunResult>();
  const shares = new Map<string, number>();
  const heard = new Map<string, number>();
  const waits = new Map<string, string>();
  const timeLeft = remainingTime(tasks, results, shares, threads);
  /** The time left, or what the sweep waits for where no training has said anything for a while. */
  const leftText = (): string => {
    if (waits.size > 0) return `waits for ${[...new Set(waits.values())].join(', ')}`;
    const silent = Math.min(
      ...[...shares.keys()].map((key) => performance.now() - (heard.get(key) ?? 0)),
    );
    if (shares.size === 0 || silent < silentMs) return `${timeLeft()} left`;
    const finishing = [...shares.values()].every((share) => share === 1);
    const what = finishing ? 'testing' : 'no step';
    return `${what} for ${duration(silent / 1000)}`;
  };
  const show = (): void => {
    const running = [...shares.values()].reduce((sum, share) => sum + share, 0);
    const stages = tasks.filter(({ key }) => shares.has(key)).map(({ stage }) => stage);
    const now = [...new Set(stages)].join(', ') || 'trainings';
    const done = o.done + results.size;
    const text = `${now} (${trainingsText(done)} done, ${shares.size} running), ${leftText()}`;
    const all = o.done + tasks.length;
    o.meter.update(done, all, text, (done + running) / all);
  };
  // What is shown ages where no training says anything.
  const timer = setInterval(() => {
    if (shares.size > 0) show();
  }, showEveryMs);
  timer.unref();
  return {
    runs(key, share, waitsFor) {
      if (results.has(key)) return;
      if (waitsFor === undefined) waits.delete(key);
      else waits.set(key, waitsFor);
      shares.set(key, share);
      heard.set(key, performance.now());
      show();
    },
    ended(key, result) {
      shares.delete(key);
      waits.delete(key);
      results.set(key, result);
      show();
    },
    end: () => clearInterval(timer),
  };
}

/** Trainings alike in network, epochs and binarization take about the same time. */
const costKey = ({ network, inputs, epochs, weights, select }: RunConfig): string =>
  [network, inputs === 'float', weights === 'float', select === 'optimal', epochs].join();

/** Time left, from what trainings of the same kind took and, before any has ended, from progress. */
function remainingTime(
  open: readonly TrainingTask[],
  results: ReadonlyMap<string, RunResult>,
  shares: ReadonlyMap<string, number>,
  threads: () => number,
): () => string {
  const start = performance.now();
  return () => {
    const byCost = new Map<string, number[]>();
    const done = open.flatMap(({ key }) => results.get(key) ?? []);
    for (const { config, seconds } of done) {
      byCost.set(costKey(config), [...(byCost.get(costKey(config)) ?? []), seconds]);
    }
    const average = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    const progress = [...shares.values()].reduce((sum, share) => sum + share, 0);
    const elapsed = (performance.now() - start) / 1000;
    if (done.length === 0 && progress < 0.1) return duration(Number.NaN);
    const typical =
      done.length > 0
        ? average(done.map(({ seconds }) => seconds))
        : (elapsed * threads()) / progress;
    const left = open
      .filter(({ key }) => !results.has(key))
      .reduce((sum, { config, key }) => {
        const alike = byCost.get(costKey(config));
        return sum + (1 - (shares.get(key) ?? 0)) * (alike ? average(alike) : typical);
      }, 0);
    return duration(left / threads());
  };
}
