import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BatchSource, HbnnError } from '@hbnn/core';
import type { Dataset } from '@hbnn/datasets';
import type { StoredNetwork } from '@hbnn/import';
import type { Precision, RunConfig, RunConfigInput } from '@hbnn/train';

/** A network as `tf.layers` has it. */
export type TrainedNetwork = ReturnType<typeof import('@hbnn/train')['buildNetwork']>;

/** A trained network's settings, and what opens it on a data set. */
export interface Trained {
  readonly config: RunConfig;
  /** Build the network with its weights, for images and classes such as it was trained on. */
  readonly build: (kind: TrainedOn) => Promise<TrainedNetwork> | TrainedNetwork;
  readonly open: (data: Dataset) => Promise<OpenedNetwork> | OpenedNetwork;
}

/** The images and classes that a network was trained on. */
export type TrainedOn = Pick<BatchSource, 'shape' | 'classes'>;

/** A trained network with data as it takes them. */
export interface OpenedNetwork {
  readonly model: TrainedNetwork;
  readonly train: BatchSource;
  readonly test: BatchSource;
}

/** The settings of training that fine-tuning has too. */
export const fineTuneFields = [
  'data',
  'from',
  'limit',
  'testLimit',
  'shrink',
  'size',
  'skipBadImages',
  'weights',
  'select',
  'mapPer',
  'scalePer',
  'scaleForm',
  'inputs',
  'inputSelect',
  'inputMapPer',
  'epochs',
  'batch',
  'seed',
  'learningRate',
  'schedule',
  'momentum',
  'weightDecay',
  'recalibrate',
] as const satisfies readonly (keyof RunConfigInput)[];

/** What `fineTune` takes of a configuration. */
export const tuningOf = ({
  epochs,
  batch,
  seed,
  learningRate,
  schedule,
  momentum,
  weightDecay,
  recalibrate,
}: RunConfig) => ({
  epochs,
  batch,
  seed,
  learningRate,
  schedule,
  momentum,
  weightDecay,
  recalibrate,
});

/** What a folder of a fine-tuned network says of it. */
export interface FineTuneFile {
  readonly format: 'hbnn fine-tuned network';
  readonly version: 1;
  readonly settings: RunConfigInput;
  /** Layers that were left float. */
  readonly skip: readonly string[];
  /** Average bits of each layer, of a network that `hbnn quantize` made. */
  readonly layers?: Readonly<Record<string, number>>;
  /** Settings of the float training that the network is of; left out: the folder has an imported network. */
  readonly run?: RunConfigInput;
}

export const fineTuneFile = (dir: string): string => join(dir, 'fine-tune.json');

/** Whether a folder holds a fine-tuned network rather than a run of `hbnn train`. */
export const isFineTuned = (dir: string): boolean => existsSync(fineTuneFile(dir));

/** Data in the network's normalization, where it has one. */
export async function dataFor(
  { normalization }: Pick<StoredNetwork, 'normalization'>,
  { train, test }: Dataset,
): Promise<Pick<OpenedNetwork, 'train' | 'test'>> {
  if (normalization === undefined) return { train, test };
  const { normalizedAs } = await import('@hbnn/import');
  return { train: normalizedAs(train, normalization), test: normalizedAs(test, normalization) };
}

const maxShrink = 64;

/**
 * The shrinking that gives images of a wanted size, of images that another one has made smaller, which leaves out rows
 * and columns that do not fill a block; undefined where there is none.
 */
function fittingShrink(
  shape: readonly number[],
  wanted: readonly (number | null)[],
  shrink: number,
): number | undefined {
  const fits = (factor: number): boolean =>
    wanted.every((size, axis) => {
      if (size === null) return true;
      const [min, max] = [shrink * shape[axis], shrink * (shape[axis] + 1) - 1];
      return size * factor <= max && min <= size * factor + factor - 1;
    });
  return Array.from({ length: maxShrink }, (_, i) => i + 1).find(fits);
}

/**
 * Check that a data set's images are of a network's size.
 *
 * @param place what errors call the data set
 * @throws HbnnError with the option that makes them so
 */
export function checkImageSize(
  model: TrainedNetwork,
  { shape, name }: BatchSource,
  { data, shrink = 1 }: Pick<RunConfig, 'data' | 'shrink'>,
  place: string,
): void {
  const wanted = model.inputs[0].shape.slice(1);
  if (wanted.length !== 3 || wanted.every((size, i) => size === null || size === shape[i])) return;
  const [height, width] = wanted;
  const factor = fittingShrink(shape, [height, width], shrink);
  const wayOut =
    wanted[2] !== null && wanted[2] !== shape[2]
      ? `give data of ${wanted[2]} channel${wanted[2] === 1 ? '' : 's'}`
      : data === 'folder' && height !== null && width !== null
        ? `add --size ${height === width ? height : `${height}x${width}`}`
        : factor !== undefined && factor !== shrink
          ? factor === 1
            ? 'leave --shrink out'
            : `add --shrink ${factor}`
          : 'give data of that size';
  throw new HbnnError(
    `${place}: expected images of ${wanted.map((size) => size ?? 'any').join('×')}, the network's size, got ${shape.join('×')} from ${name}; ${wayOut}`,
  );
}

/** Say which layers of a binarized network `hbnn lower` will refuse, before time goes into its training. */
export async function noteFaults(
  model: TrainedNetwork,
  note: (text: string) => void,
): Promise<void> {
  const { integerForms } = await import('@hbnn/train');
  for (const { fault } of integerForms(model))
    if (fault !== undefined) note(`hbnn lower will refuse the network: ${fault}`);
}

/**
 * The imported network with the binarized layers of its settings, and its float weights. What it cannot be lowered for
 * is left to `noteFaults`.
 */
export async function binarizedNetwork(
  { model }: Pick<StoredNetwork, 'model'>,
  config: RunConfig,
  skip: readonly string[],
): Promise<TrainedNetwork> {
  const { binarize, precisionOf } = await import('@hbnn/train');
  const { weights, inputs } = precisionOf(config) as Precision;
  return binarize(model, { weights, inputs, skip, seed: config.seed, onNote: () => {} });
}

/** How an imported network's inputs are binarized; a run has them as it was trained. */
export async function inputsOf(
  config: RunConfig,
  run: RunConfigInput | undefined,
): Promise<Precision['inputs']> {
  const { precisionOf } = await import('@hbnn/train');
  return run === undefined ? (precisionOf(config) as Precision).inputs : undefined;
}

/**
 * Find what a folder holds: a run of `hbnn train` or a fine-tuned network.
 *
 * @throws HbnnError where it holds neither, or a file that cannot be read
 */
export async function openTrained(dir: string, weights?: 'last' | 'best'): Promise<Trained> {
  if (isFineTuned(dir)) return openFineTuned(dir, weights);
  const { openRun, storedConfig } = await import('@hbnn/train');
  const config = storedConfig(dir);
  weightsFileOf(dir);
  const build = (kind: TrainedOn): TrainedNetwork => openRun(dir, kind, weights).model;
  return {
    config,
    build,
    open: ({ train, test }) => ({ model: build(train), train, test }),
  };
}

/** The file of a run's weights at its end. @throws HbnnError where its training has not ended */
export function weightsFileOf(dir: string): string {
  const file = join(dir, 'weights.bin');
  if (existsSync(file)) return file;
  throw new HbnnError(
    `${dir}: expected a run that has ended, with weights.bin, found none; continue it with 'hbnn train --out ${dir} --resume'`,
  );
}

/** An imported network as it is, with images as a configuration says. */
export function openImported(dir: string, config: RunConfig): Trained {
  const read = async (): Promise<StoredNetwork> => {
    const { openNetwork } = await import('@hbnn/import');
    return openNetwork(dir);
  };
  return {
    config,
    build: async () => (await read()).model,
    async open(data) {
      const stored = await read();
      checkImageSize(stored.model, data.train, config, '--data');
      return { model: stored.model, ...(await dataFor(stored, data)) };
    },
  };
}

async function openFineTuned(dir: string, weights?: 'last' | 'best'): Promise<Trained> {
  if (weights === 'best')
    throw new HbnnError(
      `--weights: expected last for a fine-tuned network, got best; ${dir} keeps the weights of its end alone`,
    );
  const { buildNetwork, quantizedCopy, readModelWeights, runConfig } = await import('@hbnn/train');
  const { openNetwork } = await import('@hbnn/import');
  const file = readFineTuneFile(fineTuneFile(dir));
  const { settings, skip, layers, run } = file;
  const config = runConfig(settings, `${fineTuneFile(dir)}: settings`);
  const read = async (kind: TrainedOn) => {
    const network = run === undefined ? openNetwork(join(dir, 'network')) : undefined;
    const float =
      network?.model ?? buildNetwork(runConfig(run ?? {}, `${fineTuneFile(dir)}: run`), kind);
    const model =
      layers === undefined
        ? await binarizedNetwork({ model: float }, config, skip)
        : quantizedCopy(float, { layers, skip, inputs: await inputsOf(config, run) });
    readModelWeights(join(dir, 'weights.bin'), model, kind);
    return { model, normalization: network?.normalization };
  };
  return {
    config,
    build: async (kind) => (await read(kind)).model,
    async open(data) {
      const { model, normalization } = await read(data.train);
      return { model, ...(await dataFor({ normalization }, data)) };
    },
  };
}

function readFineTuneFile(file: string): FineTuneFile {
  const needed = ['format', 'version', 'settings', 'skip'];
  const fields = [...needed, 'layers', 'run'];
  let read: Partial<FineTuneFile>;
  try {
    read = JSON.parse(readFileSync(file, 'utf8')) as Partial<FineTuneFile>;
  } catch (error) {
    throw new HbnnError(
      `${file}: could not be read (${(error as Error).message}); fine-tune the network again`,
    );
  }
  const known = Object.keys(read).every((field) => fields.includes(field));
  if (known && read.format === 'hbnn fine-tuned network' && read.version === 1)
    return read as FineTuneFile;
  throw new HbnnError(
    `${file}: expected a fine-tuned network of version 1 with ${needed.join(', ')}, got ${Object.keys(read).join(', ')}; fine-tune the network again with this version of hbnn`,
  );
}
