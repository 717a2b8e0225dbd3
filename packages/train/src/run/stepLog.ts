import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RunConfig } from '../config.ts';
import type { TrainState } from '../fit.ts';
import { learningRateAt } from '../schedule.ts';
import type { TrainingClock } from './clock.ts';
import { appendMetrics, cutMetrics, type MetricsLine, readMetrics } from './metrics.ts';
import type { Progress, RunOptions } from './runResult.ts';
import { eventWriter } from './tensorboard.ts';

/** Tells of a training's steps: progress after each, and a line of metrics about a hundred times in a run. */
export class StepLog {
  readonly #config: RunConfig;
  readonly #steps: number;
  readonly #options: Pick<RunOptions, 'dir' | 'onProgress'>;
  readonly #clock: TrainingClock;
  readonly #events: ReturnType<typeof eventWriter> | undefined;
  readonly #stepsPerLine: number;
  #stepsSeen = 0;

  /** Drops the lines of steps after `startStep`, which will be taken again. */
  constructor(
    config: RunConfig,
    steps: number,
    startStep: number,
    options: RunOptions,
    clock: TrainingClock,
  ) {
    this.#config = config;
    this.#steps = steps;
    this.#options = options;
    this.#clock = clock;
    this.#stepsPerLine = Math.max(1, Math.round(steps / 100));
    const { dir } = options;
    cutMetrics(dir, startStep);
    const earlier = (): MetricsLine[] =>
      existsSync(join(dir, 'metrics.jsonl')) ? readMetrics(dir) : [];
    this.#events = options.tensorboard ? eventWriter(dir, earlier()) : undefined;
  }

  /** Tell of the step that was just done. */
  tell(state: TrainState): void {
    this.#stepsSeen++;
    const progress = this.#progress(state);
    this.#options.onProgress?.(progress);
    const { step } = state;
    const closed = state.running.images === 0 ? state.epochs.at(-1) : undefined;
    const due = step % this.#stepsPerLine === 0 || step === this.#steps;
    if (due || closed?.validation !== undefined) this.#append(progress, closed?.validation);
  }

  #progress(state: TrainState): Progress {
    const { step, epoch, running } = state;
    const closed = running.images === 0 ? state.epochs.at(-1) : undefined;
    const loss = closed ? closed.loss : running.loss / running.images;
    const accuracy = closed ? closed.accuracy : running.top1 / running.images;
    const imagesPerSecond = (this.#stepsSeen * this.#config.batch) / this.#clock.sitting();
    const secondsLeft = ((this.#steps - step) * this.#config.batch) / imagesPerSecond;
    return { step, steps: this.#steps, epoch, loss, accuracy, imagesPerSecond, secondsLeft };
  }

  #append(progress: Progress, validation: { loss: number; accuracy: number } | undefined): void {
    const { step, epoch, loss, accuracy, imagesPerSecond } = progress;
    const { schedule, learningRate } = this.#config;
    const line: MetricsLine = {
      step,
      epoch,
      loss,
      accuracy,
      imagesPerSecond: Math.round(imagesPerSecond),
      learningRate: learningRateAt(schedule, learningRate, step - 1, this.#steps),
      seconds: Number(this.#clock.total().toFixed(2)),
      validationLoss: validation?.loss,
      validationAccuracy: validation?.accuracy,
    };
    appendMetrics(this.#options.dir, line);
    this.#events?.add(line);
  }
}
