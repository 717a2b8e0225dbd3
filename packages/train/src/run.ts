import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type BatchSource, HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { augmented } from './augment.ts';
import { configDifference, precisionOf, type RunConfig } from './config.ts';
import { type Evaluation, evaluate, recalibrate } from './evaluate.ts';
import { type EpochSummary, fit, startState, stepsOf, type TrainState } from './fit.ts';
import { binarizedLayers } from './layers/binarized.ts';
import { appendMetrics, cutMetrics, type MetricsLine, readMetrics } from './metrics.ts';
import { networks } from './networks/registry.ts';
import { SgdMomentum } from './optimizer.ts';
import { exportArrays, importArrays, initialize, parametersOf } from './parameters.ts';
import { checkRunFolder, settleRunFolder, storedConfig, takeRunFolder } from './runFolder.ts';
import type { RunOptions, RunResult } from './runResult.ts';
import { learningRateAt } from './schedule.ts';
import { eventWriter } from './tensorboard.ts';
import { type NamedArray, readTensorFile, writeTensorFile, writeWhole } from './tensorFile.ts';
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

interface Checkpoint {
  readonly config: RunConfig;
  readonly state: TrainState;
  readonly seconds: number;
  readonly backend: string;
  readonly trainImages: number;
  readonly trainedOn?: SourceKind;
}

/** Build a configuration's network with its seeded starting weights. */
export function buildNetwork(
  config: RunConfig,
  source: Pick<BatchSource, 'shape' | 'classes'>,
): tfl.LayersModel {
  const shape = {
    input: source.shape as [number, number, number],
    classes: source.classes.length,
    precision: precisionOf(config),
    seed: config.seed,
  };
  const model = networks[config.network].build(shape, config.widths, config.pools);
  initialize(model, config.seed);
  return model;
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
  o: RunOptions,
): Promise<RunResult> {
  const finished = checkRunFolder(config, o);
  if (finished) return finished;
  o.signal?.throwIfAborted();
  const seen = config.augment ? augmented(sources.train, config.augment) : sources.train;
  const validation = validationSource(config, sources.validation);
  // First the network, which may refuse the configuration; only then is anything written.
  const model = buildNetwork(config, sources.train);
  try {
    const release = await takeRunFolder(o.dir, o.waitSeconds);
    try {
      // Another process may have had the folder in the meantime.
      const ended = checkRunFolder(config, o);
      if (ended) return ended;
      settleRunFolder(config, o.dir);
      return await trainInFolder(config, model, { ...sources, seen, validation }, o);
    } finally {
      release();
    }
  } finally {
    model.dispose();
  }
}

/** A run's sources, with the training images as training sees them. */
interface SeenSources extends RunSources {
  readonly seen: BatchSource;
}

async function trainInFolder(
  config: RunConfig,
  model: tfl.LayersModel,
  sources: SeenSources,
  o: RunOptions,
): Promise<RunResult> {
  const variables = parametersOf(model).filter(({ trainable }) => trainable);
  const optimizer = new SgdMomentum(variables, config);
  try {
    const checkpoint = join(o.dir, 'checkpoint.bin');
    const trainImages = sources.train.count;
    const resumed = o.resume && existsSync(checkpoint);
    const before = resumed
      ? restore(checkpoint, config, model, optimizer, o.backend, sources.train)
      : undefined;
    const state = before?.state ?? startState();
    cutMetrics(o.dir, state.step);
    const clock = sitting(before?.seconds ?? 0);
    const save = (): void =>
      writeTensorFile(checkpoint, checkpointArrays(model, optimizer), {
        config,
        state,
        seconds: clock.total(),
        backend: o.backend,
        trainImages,
        trainedOn: kindOfSource(sources.train),
      } satisfies Checkpoint);
    const onStep = stepReporter(config, sources.train, o, clock, save);
    const onEpoch = epochValidator(config, model, sources, o, save);
    if (onEpoch !== undefined && validationIsDue(state)) {
      await onEpoch(state);
      onStep(state);
    }
    await fit(model, sources.seen, optimizer, variables, state, {
      ...config,
      onStep,
      onEpoch,
      stop: (epochs) => stopsEarly(epochs, config.earlyStop),
    });
    const test = await conclude(config, model, sources, o.signal, save);
    return finish(config, model, state, test, clock.total(), sources, o);
  } finally {
    optimizer.dispose();
  }
}

/** Whether a training was ended while the validation images of its last epoch were measured. */
const validationIsDue = ({ batchInEpoch, epochs }: TrainState): boolean =>
  batchInEpoch === 0 && epochs.length > 0 && epochs[epochs.length - 1].validation === undefined;

/** Recalibrate and test; ended by the signal, leave a checkpoint of the training's end. */
async function conclude(
  config: RunConfig,
  model: tfl.LayersModel,
  { train, test }: RunSources,
  signal: AbortSignal | undefined,
  save: () => void,
): Promise<Evaluation> {
  const images = recalibrationImages(config, train);
  const restore = signal && rememberStatistics(model);
  const { batch, seed } = config;
  try {
    // On images as they are: the test images come like that too.
    if (images > 0) await recalibrate(model, train, { images, batch, seed, signal });
    return await evaluate(model, test, { signal });
  } catch (error) {
    if (signal?.aborted) {
      restore?.();
      save();
    }
    throw error;
  }
}

/** After each epoch: measure the validation images, and keep the weights when they are the best so far. */
function epochValidator(
  config: RunConfig,
  model: tfl.LayersModel,
  { train, validation }: RunSources,
  { dir, signal }: RunOptions,
  save: () => void,
): ((state: TrainState) => Promise<void>) | undefined {
  if (validation === undefined) return undefined;
  return async (state) => {
    const keep = ({ loss, top1: accuracy }: Evaluation): void => {
      const closed = state.epochs.pop() as EpochSummary;
      state.epochs.push({ ...closed, validation: { loss, accuracy } });
      const best = bestEpoch(state.epochs);
      if (best?.epoch !== closed.epoch) return;
      writeTensorFile(join(dir, 'best.bin'), modelArrays(model), {
        config,
        best,
        trainedOn: kindOfSource(train),
      });
    };
    try {
      await validate(model, { train, validation }, config, keep, signal);
    } catch (error) {
      if (signal?.aborted) save();
      throw error;
    }
  };
}

/** Images to recalibrate on: a training cut short sees no more of them than it was trained on. */
function recalibrationImages(config: RunConfig, source: BatchSource): number {
  const { maxSteps, recalibrate: images } = config;
  const whole = stepsOf(source, { ...config, maxSteps: undefined });
  if (maxSteps === undefined || maxSteps >= whole) return images;
  return Math.min(images, maxSteps * config.batch);
}

/**
 * Open a run's network with the weights of its end, or those of its best epoch by validation accuracy.
 *
 * @throws HbnnError when the folder has not those weights, or the source has another size or other classes than the
 *   run's data
 */
export function openRun(
  dir: string,
  source: Pick<BatchSource, 'shape' | 'classes'>,
  weights: 'last' | 'best' = 'last',
): { model: tfl.LayersModel; config: RunConfig } {
  const config = storedConfig(dir);
  const file = join(dir, weights === 'best' ? 'best.bin' : 'weights.bin');
  if (weights === 'best' && !existsSync(file)) {
    throw new HbnnError(
      `${dir}: expected best.bin, found none; only trainings with validation images keep one, after ` +
        'their first epoch',
    );
  }
  const { arrays, state } = readTensorFile(file);
  checkTrainedOn(state, source, dir);
  const model = buildNetwork(config, source);
  importModel(model, arrays, file);
  return { model, config };
}

/** The images and classes that a network is made for. */
type SourceKind = Pick<BatchSource, 'shape' | 'classes'>;

const kindOfSource = ({ shape, classes }: SourceKind): SourceKind => ({ shape, classes });

/** Refuse data of another image size or other classes than a run's; files of earlier versions do not tell them. */
function checkTrainedOn(state: unknown, source: SourceKind, where: string): void {
  const trained = (state as { trainedOn?: SourceKind } | null)?.trainedOn;
  if (trained === undefined) return;
  const { shape, classes } = source;
  if (trained.shape.join() !== shape.join())
    throw new HbnnError(
      `${where}: expected images of ${trained.shape.join('×')}, as the run was trained on, got ${shape.join('×')}; open data of that size`,
    );
  if (trained.classes.length !== classes.length)
    throw new HbnnError(
      `${where}: expected data of the ${trained.classes.length} classes that the run was trained on (${listed(trained.classes)}), got ${classes.length} (${listed(classes)}); open data of the same classes`,
    );
  const other = classes.findIndex((name, k) => name !== trained.classes[k]);
  if (other >= 0)
    throw new HbnnError(
      `${where}: expected the classes that the run was trained on, with '${trained.classes[other]}' as class ${other}, got '${classes[other]}'; open data of the same classes, named alike`,
    );
}

const listed = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`;

function sitting(before: number): { total: () => number; now: () => number } {
  const start = performance.now();
  const now = (): number => (performance.now() - start) / 1000;
  return { now, total: () => before + now() };
}

/** After each step: a checkpoint when one is due, a line of metrics now and then, progress. */
function stepReporter(
  config: RunConfig,
  source: BatchSource,
  o: RunOptions,
  clock: { now: () => number; total: () => number },
  save: () => void,
): (state: TrainState) => void {
  const steps = stepsOf(source, config);
  const events = o.tensorboard ? eventWriter(o.dir, metricsSoFar(o.dir)) : undefined;
  const every = (o.checkpointSeconds ?? 20) * 1000;
  let interval = every;
  const window = Math.max(1, Math.round(steps / 100));
  let saved = performance.now();
  let stepsHere = 0;
  return (state) => {
    stepsHere++;
    const last = state.epochs.at(-1);
    const fresh = state.running.images === 0 && last !== undefined;
    const loss = fresh ? last.loss : state.running.loss / state.running.images;
    const accuracy = fresh ? last.accuracy : state.running.top1 / state.running.images;
    const imagesPerSecond = (stepsHere * config.batch) / clock.now();
    const secondsLeft = ((steps - state.step) * config.batch) / imagesPerSecond;
    const { step, epoch } = state;
    o.onProgress?.({ step, steps, epoch, loss, accuracy, imagesPerSecond, secondsLeft });
    const validation = fresh ? last.validation : undefined;
    if (step % window === 0 || step === steps || validation !== undefined) {
      const line: MetricsLine = {
        step,
        epoch,
        loss,
        accuracy,
        imagesPerSecond: Math.round(imagesPerSecond),
        learningRate: learningRateAt(config.schedule, config.learningRate, step - 1, steps),
        seconds: Number(clock.total().toFixed(2)),
        validationLoss: validation?.loss,
        validationAccuracy: validation?.accuracy,
      };
      appendMetrics(o.dir, line);
      events?.add(line);
    }
    if (performance.now() - saved >= interval && step < steps) {
      const begun = performance.now();
      save();
      saved = performance.now();
      // Large networks take seconds to save: no more than a tenth of the time goes into it.
      if (every > 0) interval = Math.max(every, 10 * (saved - begun));
    }
    if (o.signal?.aborted) {
      save();
      throw o.signal.reason;
    }
  };
}

function metricsSoFar(dir: string): MetricsLine[] {
  return existsSync(join(dir, 'metrics.jsonl')) ? readMetrics(dir) : [];
}

function modelArrays(model: tfl.LayersModel): NamedArray[] {
  const weights = parametersOf(model).map(({ name, variable }) => [name, variable] as const);
  const maps = binarizedLayers(model).flatMap((layer) => layer.exportMaps());
  return [...exportArrays(weights), ...maps];
}

function importModel(
  model: tfl.LayersModel,
  arrays: ReadonlyMap<string, NamedArray>,
  where: string,
): void {
  const weights = parametersOf(model).map(({ name, variable }) => [name, variable] as const);
  importArrays(weights, arrays, where);
  for (const layer of binarizedLayers(model)) layer.importMaps(arrays, where);
}

function checkpointArrays(model: tfl.LayersModel, optimizer: SgdMomentum): NamedArray[] {
  return [...modelArrays(model), ...exportArrays(optimizer.velocities, 'velocity:')];
}

function restore(
  file: string,
  config: RunConfig,
  model: tfl.LayersModel,
  optimizer: SgdMomentum,
  backend: string,
  source: BatchSource,
): Checkpoint {
  const trainImages = source.count;
  const { arrays, state } = readTensorFile(file);
  const checkpoint = state as Checkpoint;
  const difference = configDifference(checkpoint.config, config);
  if (difference !== undefined) {
    throw new HbnnError(
      `${file}: is of another configuration (${difference}); delete it to start anew`,
    );
  }
  if (checkpoint.backend !== backend) {
    throw new HbnnError(
      `${file}: was trained on the ${checkpoint.backend} backend, this is ${backend}; ` +
        `resume with --backend ${checkpoint.backend} to end with the same bits, or start anew`,
    );
  }
  if (checkpoint.trainImages !== trainImages) {
    throw new HbnnError(
      `${file}: was trained on ${checkpoint.trainImages} images, the data set has ${trainImages} now; ` +
        'delete the run folder to start anew',
    );
  }
  checkTrainedOn(checkpoint, source, file);
  importModel(model, arrays, file);
  importArrays(optimizer.velocities, arrays, file, 'velocity:');
  return checkpoint;
}

function finish(
  config: RunConfig,
  model: tfl.LayersModel,
  state: TrainState,
  test: Evaluation,
  seconds: number,
  sources: RunSources,
  o: RunOptions,
): RunResult {
  const arrays = modelArrays(model);
  const trainedOn = kindOfSource(sources.train);
  writeTensorFile(join(o.dir, 'weights.bin'), arrays, { config, trainedOn });
  const digest = createHash('sha256');
  for (const { name, data } of arrays) {
    digest.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const result: RunResult = {
    config,
    backend: o.backend,
    data: sources.label ?? sources.train.name,
    trainImages: sources.train.count,
    top1: test.top1,
    top5: test.top5,
    testLoss: test.loss,
    testImages: test.images,
    trainLoss: state.epochs.at(-1)?.loss ?? state.running.loss / state.running.images,
    epochs: state.epochs,
    best: bestEpoch(state.epochs),
    stoppedEarly:
      config.earlyStop &&
      state.epochs.length < config.epochs &&
      stopsEarly(state.epochs, config.earlyStop),
    steps: state.step,
    parameters: parametersOf(model).reduce((sum, { variable }) => sum + variable.size, 0),
    weightsSha256: digest.digest('hex'),
    seconds: Number(seconds.toFixed(2)),
  };
  writeWhole(join(o.dir, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  return result;
}
