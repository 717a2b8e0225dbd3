import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { BatchSource } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { augmented } from '../augment.ts';
import type { RunConfig } from '../config.ts';
import { type Evaluation, evaluate, recalibrate } from '../evaluate.ts';
import { type EpochSummary, fit, startState, stepsOf, type TrainState } from '../fit.ts';
import { averageWeightBits } from '../layers/quantized.ts';
import { SgdMomentum, type TrainedVariable } from '../optimizer.ts';
import { parametersOf } from '../parameters.ts';
import { type NamedArray, writeTensorFile, writeWhole } from '../tensorFile.ts';
import { modelArrays, restoreCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { CheckpointTimer, startClock, type TrainingClock } from './clock.ts';
import { buildNetwork } from './openRun.ts';
import { checkRunFolder, settleRunFolder, takeRunFolder } from './runFolder.ts';
import type { RunLock } from './runLock.ts';
import type { RunOptions, RunResult } from './runResult.ts';
import { kindOfSource } from './sourceKind.ts';
import { StepLog } from './stepLog.ts';
import {
  bestEpoch,
  rememberStatistics,
  stopsEarly,
  validate,
  validationSource,
} from './validate.ts';

/** What a run is trained and judged on. */
export interface RunSources {
  readonly train: BatchSource;
  readonly test: BatchSource;
  /** Images of the same kind that are neither trained nor tested on; needed where `config.validation` is set. */
  readonly validation?: BatchSource;
  /** What a table should call the data; the training source's name where it is left out. */
  readonly label?: string;
}

/**
 * Train, recalibrate and test one configuration, leaving everything in a run folder. Killed at any
 * moment and resumed, it ends with the same weights to the bit as one left alone on the same backend.
 *
 * @throws HbnnError when the folder holds another run or a checkpoint of another configuration, or another
 *   process trains into it
 */
export async function runTraining(
  config: RunConfig,
  sources: RunSources,
  options: RunOptions,
): Promise<RunResult> {
  const finished = checkRunFolder(config, options);
  if (finished) return finished;
  options.signal?.throwIfAborted();
  // First the network, which may refuse the configuration; only then is anything written.
  const run = new TrainingRun(config, sources, options);
  try {
    const lock = await takeRunFolder(options);
    try {
      // Another process may have had the folder in the meantime.
      const ended = checkRunFolder(config, options);
      if (ended) return ended;
      settleRunFolder(config, options.dir);
      return await run.train(lock);
    } finally {
      lock.release();
    }
  } finally {
    run.dispose();
  }
}

/** One training: owns its model and optimizer, its state and clock, and writes its folder. */
class TrainingRun {
  readonly #config: RunConfig;
  readonly #sources: RunSources;
  readonly #options: RunOptions;
  readonly #validation: BatchSource | undefined;
  readonly #model: tfl.LayersModel;
  readonly #variables: readonly TrainedVariable[];
  readonly #optimizer: SgdMomentum;
  readonly #checkpoints: CheckpointTimer;
  /** The training images as the network sees them. */
  readonly #seen: BatchSource;
  #state: TrainState = startState();
  #clock: TrainingClock = startClock(0);
  #lock: RunLock | undefined;

  constructor(config: RunConfig, sources: RunSources, options: RunOptions) {
    this.#config = config;
    this.#sources = sources;
    this.#options = options;
    this.#validation = validationSource(config, sources.validation);
    this.#model = buildNetwork(config, sources.train);
    this.#variables = parametersOf(this.#model).filter(({ trainable }) => trainable);
    this.#optimizer = new SgdMomentum(this.#variables, config);
    this.#checkpoints = new CheckpointTimer(options.checkpointSeconds ?? 20);
    const { augment } = config;
    const place = options.placeOf?.('augment');
    this.#seen = augment ? augmented(sources.train, augment, place) : sources.train;
  }

  dispose(): void {
    this.#optimizer.dispose();
    this.#model.dispose();
  }

  /** Train from the start or the folder's checkpoint to the end, and write the result. */
  async train(lock: RunLock): Promise<RunResult> {
    this.#lock = lock;
    this.#restore();
    const { train } = this.#sources;
    const steps = stepsOf(train, this.#config);
    const log = new StepLog(this.#config, steps, this.#state.step, this.#options, this.#clock);
    const onStep = (): void => {
      log.tell(this.#state);
      this.#saveWhenDue(steps);
    };
    const onEpoch = this.#validation && (() => this.#closeEpoch());
    if (onEpoch && this.#validationIsDue()) {
      await onEpoch();
      onStep();
    }
    const { earlyStop } = this.#config;
    await fit(this.#model, this.#seen, this.#optimizer, this.#variables, this.#state, {
      ...this.#config,
      onStep,
      onEpoch,
      stop: (epochs) => stopsEarly(epochs, earlyStop),
    });
    return this.#finish(await this.#measureTest());
  }

  #restore(): void {
    if (!this.#options.resume) return;
    const { dir } = this.#options;
    const before = restoreCheckpoint(dir, this.#owner(), this.#model, this.#optimizer);
    if (before === undefined) return;
    this.#state = before.state;
    this.#clock = startClock(before.seconds);
  }

  #owner(): { config: RunConfig; backend: string; train: BatchSource } {
    return {
      config: this.#config,
      backend: this.#options.backend,
      train: this.#sources.train,
    };
  }

  #save(): void {
    this.#lock?.check();
    const seconds = this.#clock.total();
    const { dir } = this.#options;
    writeCheckpoint(dir, this.#owner(), this.#model, this.#optimizer, this.#state, seconds);
  }

  /** Write a checkpoint when one is due, and one to go on from when the signal ends the training. */
  #saveWhenDue(steps: number): void {
    const save = (): void => this.#save();
    if (this.#state.step < steps && this.#checkpoints.due()) this.#checkpoints.write(save);
    const { signal } = this.#options;
    if (signal?.aborted) {
      save();
      throw signal.reason;
    }
  }

  /** Whether a training was ended while the validation images of its last epoch were measured. */
  #validationIsDue(): boolean {
    const { batchInEpoch, epochs } = this.#state;
    return batchInEpoch === 0 && epochs.length > 0 && epochs.at(-1)?.validation === undefined;
  }

  /** After an epoch: measure the validation images, and keep the weights when they are the best so far. */
  async #closeEpoch(): Promise<void> {
    const { signal } = this.#options;
    const sources = {
      train: this.#sources.train,
      validation: this.#validation as BatchSource,
    };
    try {
      const keep = (measured: Evaluation): void => this.#keepWhenBest(measured);
      await validate(this.#model, sources, this.#config, keep, signal);
    } catch (error) {
      if (signal?.aborted) this.#save();
      throw error;
    }
  }

  #keepWhenBest({ loss, top1: accuracy }: Evaluation): void {
    const { epochs } = this.#state;
    const closed = epochs.pop() as EpochSummary;
    epochs.push({ ...closed, validation: { loss, accuracy } });
    const best = bestEpoch(epochs);
    if (best?.epoch !== closed.epoch) return;
    this.#lock?.check();
    writeTensorFile(join(this.#options.dir, 'best.bin'), modelArrays(this.#model), {
      config: this.#config,
      best,
      trainedOn: kindOfSource(this.#sources.train),
    });
  }

  /** Recalibrate and test; ended by the signal, leave a checkpoint of the training's end. */
  async #measureTest(): Promise<Evaluation> {
    const { train, test } = this.#sources;
    const { signal } = this.#options;
    const { batch, seed } = this.#config;
    const images = this.#recalibrationImages();
    const restore = signal && rememberStatistics(this.#model);
    try {
      // On images as they are: the test images come like that too.
      if (images > 0) await recalibrate(this.#model, train, { images, batch, seed, signal });
      return await evaluate(this.#model, test, { signal });
    } catch (error) {
      if (signal?.aborted) {
        restore?.();
        this.#save();
      }
      throw error;
    }
  }

  /** Images to recalibrate on: a training cut short sees no more of them than it was trained on. */
  #recalibrationImages(): number {
    const { maxSteps, recalibrate: images, batch } = this.#config;
    const whole = stepsOf(this.#sources.train, { ...this.#config, maxSteps: undefined });
    if (maxSteps === undefined || maxSteps >= whole) return images;
    return Math.min(images, maxSteps * batch);
  }

  /** Write the weights, then the result, which says that the run has ended. */
  #finish(test: Evaluation): RunResult {
    const { dir } = this.#options;
    this.#lock?.check();
    const arrays = modelArrays(this.#model);
    const trainedOn = kindOfSource(this.#sources.train);
    writeTensorFile(join(dir, 'weights.bin'), arrays, { config: this.#config, trainedOn });
    const result = this.#result(test, weightsDigest(arrays));
    writeWhole(join(dir, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
    return result;
  }

  #result(test: Evaluation, weightsSha256: string): RunResult {
    const { epochs, running, step } = this.#state;
    const { train, label } = this.#sources;
    const { earlyStop } = this.#config;
    return {
      config: this.#config,
      backend: this.#options.backend,
      data: label ?? train.name,
      trainImages: train.count,
      top1: test.top1,
      top5: test.top5,
      testLoss: test.loss,
      testImages: test.images,
      trainLoss: epochs.at(-1)?.loss ?? running.loss / running.images,
      epochs,
      best: bestEpoch(epochs),
      stoppedEarly:
        earlyStop && epochs.length < this.#config.epochs && stopsEarly(epochs, earlyStop),
      steps: step,
      parameters: parametersOf(this.#model).reduce((sum, { variable }) => sum + variable.size, 0),
      weightBits: averageWeightBits(this.#model),
      weightsSha256,
      seconds: Number(this.#clock.total().toFixed(2)),
    };
  }
}

/** SHA-256 of all arrays with their names. */
export function weightsDigest(arrays: readonly NamedArray[]): string {
  const digest = createHash('sha256');
  for (const { name, data } of arrays) {
    digest.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return digest.digest('hex');
}
