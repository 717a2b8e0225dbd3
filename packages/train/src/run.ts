import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BatchSource, HbnnError } from '@hbnn/core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { precisionOf, type RunConfig, runConfig } from './config.ts';
import { type Evaluation, evaluate, recalibrate } from './evaluate.ts';
import { type EpochSummary, fit, startState, stepsOf, type TrainState } from './fit.ts';
import { binarizedLayers } from './layers/binarized.ts';
import { networks } from './networks/registry.ts';
import { SgdMomentum } from './optimizer.ts';
import { exportArrays, importArrays, initialize, parametersOf } from './parameters.ts';
import {
  makeFolder,
  type NamedArray,
  readTensorFile,
  writeTensorFile,
  writeWhole,
} from './tensorFile.ts';

/** What a run is trained and judged on. */
export interface RunSources {
  readonly train: BatchSource;
  readonly test: BatchSource;
  /** What a table should call the data; the training source's name where it is left out. */
  readonly label?: string;
}

export interface Progress {
  readonly step: number;
  readonly steps: number;
  readonly epoch: number;
  /** Over the present epoch so far. */
  readonly loss: number;
  readonly accuracy: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number;
}

export interface RunResult {
  readonly config: RunConfig;
  readonly backend: string;
  /** The data set and how many of its images were trained on. */
  readonly data: string;
  readonly trainImages: number;
  readonly top1: number;
  readonly top5: number;
  readonly testLoss: number;
  readonly testImages: number;
  /** Mean training cross-entropy of the last epoch. */
  readonly trainLoss: number;
  readonly epochs: readonly EpochSummary[];
  readonly steps: number;
  readonly parameters: number;
  /** Digest of all weights, masks of chance and time away: equal runs have equal digests. */
  readonly weightsSha256: string;
  /** Training time on this machine, over all sittings. */
  readonly seconds: number;
}

export interface RunOptions {
  /** Folder for config.json, checkpoint.bin, metrics.jsonl, weights.bin and result.json. */
  readonly dir: string;
  /** Go on from the folder's checkpoint, or return its result when it has ended. */
  readonly resume?: boolean;
  readonly backend: string;
  readonly checkpointSeconds?: number;
  readonly onProgress?: (progress: Progress) => void;
}

interface Checkpoint {
  readonly config: RunConfig;
  readonly state: TrainState;
  readonly seconds: number;
  readonly backend: string;
  readonly trainImages: number;
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
 * @throws HbnnError when the folder holds another run, or a checkpoint of another configuration
 */
export async function runTraining(
  config: RunConfig,
  sources: RunSources,
  o: RunOptions,
): Promise<RunResult> {
  const finished = checkRunFolder(config, o);
  if (finished) return finished;
  // First the network, which may refuse the configuration; only then is anything written.
  const model = buildNetwork(config, sources.train);
  const variables = parametersOf(model).filter(({ trainable }) => trainable);
  const optimizer = new SgdMomentum(variables, config);
  try {
    makeRunFolder(config, o.dir);
    const checkpoint = join(o.dir, 'checkpoint.bin');
    const trainImages = sources.train.count;
    const resumed = o.resume && existsSync(checkpoint);
    const before = resumed
      ? restore(checkpoint, config, model, optimizer, o.backend, trainImages)
      : undefined;
    const state = before?.state ?? startState();
    cutMetrics(join(o.dir, 'metrics.jsonl'), state.step);
    const clock = sitting(before?.seconds ?? 0);
    const save = (): void =>
      writeTensorFile(checkpoint, checkpointArrays(model, optimizer), {
        ...{ config, state, seconds: clock.total(), backend: o.backend, trainImages },
      } satisfies Checkpoint);
    const onStep = stepReporter(config, sources.train, o, clock, save);
    await fit(model, sources.train, optimizer, variables, state, { ...config, onStep });
    const images = recalibrationImages(config, sources.train);
    if (images > 0) await recalibrate(model, sources.train, { ...config, images });
    const test = await evaluate(model, sources.test);
    return finish(config, model, state, test, clock.total(), sources, o);
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

/** Images to recalibrate on: a training cut short sees no more of them than it was trained on. */
function recalibrationImages(config: RunConfig, source: BatchSource): number {
  const { maxSteps, recalibrate: images } = config;
  const whole = stepsOf(source, { ...config, maxSteps: undefined });
  if (maxSteps === undefined || maxSteps >= whole) return images;
  return Math.min(images, maxSteps * config.batch);
}

/** Open a finished run's network with its trained weights. */
export function openRun(
  dir: string,
  source: Pick<BatchSource, 'shape' | 'classes'>,
): { model: tfl.LayersModel; config: RunConfig } {
  const config = storedConfig(dir);
  const model = buildNetwork(config, source);
  const file = join(dir, 'weights.bin');
  const { arrays } = readTensorFile(file);
  importModel(model, arrays, file);
  return { model, config };
}

/** The configuration a run folder was made with. */
export function storedConfig(dir: string): RunConfig {
  const file = join(dir, 'config.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new HbnnError(
      `${dir}: expected a run folder with config.json, found none; make one with 'hbnn train --out ${dir}'`,
    );
  }
  try {
    return runConfig(JSON.parse(text), file);
  } catch (error) {
    if (error instanceof HbnnError) throw error;
    throw new HbnnError(`${file}: is not JSON (${(error as Error).message})`);
  }
}

/** Check that a folder is this run's or none's yet; returns the result when the run has ended. */
function checkRunFolder(config: RunConfig, o: RunOptions): RunResult | undefined {
  const file = join(o.dir, 'config.json');
  if (!existsSync(file)) return undefined;
  if (!o.resume) {
    throw new HbnnError(
      `${o.dir}: holds a run already; go on with it by --resume, or choose another folder`,
    );
  }
  if (JSON.stringify(storedConfig(o.dir)) !== JSON.stringify(config)) {
    throw new HbnnError(
      `${file}: is of another configuration than the one to resume; choose another folder`,
    );
  }
  return storedResult(o.dir);
}

/** The result of a finished run; undefined while its weights or its result are not there (any more). */
function storedResult(dir: string): RunResult | undefined {
  const file = join(dir, 'result.json');
  if (!existsSync(file) || !existsSync(join(dir, 'weights.bin'))) return undefined;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunResult;
  } catch (error) {
    throw new HbnnError(
      `${file}: could not be read (${(error as Error).message}); delete it and resume to write it again`,
    );
  }
}

function makeRunFolder(config: RunConfig, dir: string): void {
  try {
    makeFolder(dir);
  } catch (error) {
    throw new HbnnError(`${dir}: could not be made (${(error as Error).message})`);
  }
  // What a killed process left half-written.
  for (const name of readdirSync(dir).filter((entry) => /\.\d+\.tmp$/.test(entry))) {
    rmSync(join(dir, name), { force: true });
  }
  const file = join(dir, 'config.json');
  if (!existsSync(file)) writeWhole(file, `${JSON.stringify(config, null, 2)}\n`);
}

function sitting(before: number): { total: () => number; now: () => number } {
  const start = performance.now();
  const now = (): number => (performance.now() - start) / 1000;
  return { now, total: () => before + now() };
}

/** Drop the lines of steps after the checkpoint, which will be written again, and damaged ones. */
function cutMetrics(file: string, step: number): void {
  if (!existsSync(file)) return;
  const stepOf = (line: string): number => {
    try {
      return Number((JSON.parse(line) as { step: unknown }).step);
    } catch {
      return Number.NaN;
    }
  };
  try {
    const kept = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => stepOf(line) <= step);
    writeWhole(file, kept.map((line) => `${line}\n`).join(''));
  } catch (error) {
    throw new HbnnError(`${file}: could not be read (${(error as Error).message}); delete it`);
  }
}

function appendMetrics(file: string, line: object): void {
  try {
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  } catch (error) {
    throw new HbnnError(
      `${file}: could not be written (${(error as Error).message}); free disk space and resume`,
    );
  }
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
    if (step % window === 0 || step === steps) {
      const line = { step, epoch, loss, accuracy, imagesPerSecond: Math.round(imagesPerSecond) };
      appendMetrics(join(o.dir, 'metrics.jsonl'), line);
    }
    if (performance.now() - saved >= interval && step < steps) {
      const begun = performance.now();
      save();
      saved = performance.now();
      // Large networks take seconds to save: no more than a tenth of the time goes into it.
      if (every > 0) interval = Math.max(every, 10 * (saved - begun));
    }
  };
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
  trainImages: number,
): Checkpoint {
  const { arrays, state } = readTensorFile(file);
  const checkpoint = state as Checkpoint;
  if (JSON.stringify(checkpoint.config) !== JSON.stringify(config)) {
    throw new HbnnError(`${file}: is of another configuration; delete it to start anew`);
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
  writeTensorFile(join(o.dir, 'weights.bin'), arrays, { config });
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
    steps: state.step,
    parameters: parametersOf(model).reduce((sum, { variable }) => sum + variable.size, 0),
    weightsSha256: digest.digest('hex'),
    seconds: Number(seconds.toFixed(2)),
  };
  writeWhole(join(o.dir, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  return result;
}
