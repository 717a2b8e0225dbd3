import { HbnnError } from '@hbnn/core';
import { type Dataset, ignoredOptions } from '@hbnn/datasets';
import type { StoredNetwork } from '@hbnn/import';
import type { LayerSensitivity, RunConfig, RunConfigInput } from '@hbnn/train';
import { backendChoices } from '@hbnn/train/backends';
import { Command } from 'commander';
import { backendFrom } from '../backend.ts';
import { refuseWithoutEffect } from '../effect.ts';
import {
  binarizedNetwork,
  checkImageSize,
  dataFor,
  inputsOf,
  noteFaults,
  type OpenedNetwork,
  tuningOf,
} from '../fineTuned.ts';
import { keptAtEnd } from '../interruption.ts';
import { hbnnLine, lowerLine } from '../nextSteps.ts';
import { decimal, wholeNumber } from '../numbers.ts';
import { noteTo, openData } from '../openData.ts';
import {
  numberText,
  percentText,
  printNext,
  printResult,
  quietFlag,
  typedCommand,
} from '../output.ts';
import { checkNetworkFolder, checkRunFolder, wayToQuantize } from '../pathKind.ts';
import { progressMeter } from '../progress.ts';
import { allFlags, flagSettings, placeOfField, trainOptions, typedFields } from '../trainFlags.ts';
import { skipFrom, writeTunedFolder } from './fineTune.ts';

interface Options extends Record<string, string | boolean | undefined> {
  run?: string;
  average: string;
  images?: string;
  fineTune: string;
  skip?: string;
  out: string;
  backend: string;
  json?: boolean;
  quiet?: boolean;
}

/** The settings of data that a run has from its training, unless they are typed. */
const dataFields = [
  'data',
  'from',
  'limit',
  'testLimit',
  'shrink',
  'size',
  'skipBadImages',
] as const;
const inputFields = ['inputs', 'inputSelect', 'inputMapPer'] as const;
const tuneFields = ['batch', 'learningRate', 'schedule', 'momentum', 'weightDecay'] as const;
const fields: readonly string[] = [...dataFields, ...inputFields, ...tuneFields, 'seed'];

export function quantizeCommand(): Command {
  const command = new Command('quantize')
    .description('binarize a float network without training, with the help of a few hundred images')
    .argument('[network]', 'folder of hbnn import')
    .option(
      '--run <folder>',
      'in place of the argument: the folder of a training by hbnn train --weights float',
    )
    .requiredOption(
      '--out <folder>',
      'the folder to make, for hbnn lower --run and hbnn eval --run',
    )
    .option('--average <bits>', 'average bits over all binarized weights, 1 to 4', '1.4')
    .option('--images <n>', 'the number of training images that are used (default: 512)')
    .option('--fine-tune <epochs>', 'the number of epochs to train afterwards', '0')
    .option(
      '--skip <list>',
      'layers to leave float: names, or none (default: the first and the last)',
    )
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag);
  const flags = allFlags.filter(({ field }) => fields.includes(field));
  const names = new Set(flags.map(({ flag }) => flag));
  for (const option of trainOptions()) if (names.has(option.flags)) command.addOption(option);
  return command
    .addHelpText(
      'after',
      '\nThe table says for each layer how large the relative error of the network’s outputs is if only this layer is binarized.\n\nExample (after hbnn import network.onnx --out net):\n  hbnn quantize net --data cifar10 --average 1.4 --out quantized',
    )
    .action((network: string | undefined, o: Options) =>
      keptAtEnd(() => run(network, o), `nothing: ${o.out} is made at the end`, typedCommand()),
    );
}

/** A float network to quantize, and where it comes from. */
interface FloatNetwork {
  readonly place: string;
  readonly config: RunConfig;
  readonly settings: RunConfigInput;
  /** Where the network was imported. */
  readonly stored?: StoredNetwork;
  /** The settings of a run's training. */
  readonly trained?: RunConfig;
  readonly open: (data: Dataset) => Promise<OpenedNetwork>;
}

async function floatNetwork(dir: string | undefined, o: Options): Promise<FloatNetwork> {
  if ((dir === undefined) === (o.run === undefined))
    throw new HbnnError(
      `quantize: expected a network folder or --run, got ${dir === undefined ? 'neither' : 'both'}; give one, as in 'hbnn quantize net' or 'hbnn quantize --run runs/float'`,
    );
  return dir === undefined ? ofRun(o.run as string, o) : ofImport(dir, o);
}

async function ofImport(dir: string, o: Options): Promise<FloatNetwork> {
  checkNetworkFolder(dir, wayToQuantize);
  const { openNetwork } = await import('@hbnn/import');
  const stored = openNetwork(dir);
  const typed = flagSettings(o) as RunConfigInput;
  const inputMap =
    typed.inputs === undefined || typed.inputs === 'float' ? undefined : ('static' as const);
  const settings = { ...typed, inputMap, weights: averageFrom(o) };
  const config = await checkedConfig(settings, o);
  const open = async (data: Dataset): Promise<OpenedNetwork> => {
    checkImageSize(stored.model, data.train, config, '--data');
    return { model: stored.model, ...(await dataFor(stored, data)) };
  };
  return { place: dir, config, settings, stored, open };
}

async function ofRun(dir: string, o: Options): Promise<FloatNetwork> {
  checkRunFolder(dir, `give the run of hbnn train that it was lowered from`);
  const { openRun, storedConfig } = await import('@hbnn/train');
  const trained = storedConfig(dir);
  const typed = flagSettings(o) as RunConfigInput;
  const input = inputFields.find((field) => typed[field] !== undefined);
  if (input !== undefined)
    throw new HbnnError(
      `${placeOfField(o)(input)}: expected no bits of inputs with --run, whose network has its inputs as it was trained, got ${String(typed[input])}; leave it out`,
    );
  const kept = Object.fromEntries(dataFields.map((field) => [field, trained[field]]));
  const settings = { ...kept, ...typed, weights: averageFrom(o) } as RunConfigInput;
  const open = async ({ train, test }: Dataset): Promise<OpenedNetwork> => ({
    model: openRun(dir, train).model,
    train,
    test,
  });
  return { place: dir, config: await checkedConfig(settings, o), settings, trained, open };
}

async function checkedConfig(settings: RunConfigInput, o: Options): Promise<RunConfig> {
  const { runConfig } = await import('@hbnn/train');
  const config = runConfig(settings, placeOfField(o));
  refuseWithoutEffect(typedFields(o), config, ignoredOptions(config.data));
  return config;
}

function averageFrom(o: Options): number {
  const average = decimal(o.average, '--average', 'of bits, such as 1.4');
  if (average >= 1 && average <= 4) return average;
  throw new HbnnError(
    `--average: expected bits from 1 to 4, got ${o.average}; give a number such as 1.4`,
  );
}

function countFrom(text: string, option: string, least: number): number {
  const count = wholeNumber(text, option);
  if (count >= least) return count;
  throw new HbnnError(`${option}: expected at least ${least}, got ${text}; give a larger number`);
}

/** Settings of a training have no say where there is none. */
function epochsFrom(o: Options): number {
  const epochs = countFrom(o.fineTune, '--fine-tune', 0);
  const typed = flagSettings(o) as RunConfigInput;
  const useless = tuneFields.find((field) => typed[field] !== undefined);
  if (epochs === 0 && useless !== undefined)
    throw new HbnnError(
      `${placeOfField(o)(useless)}: has no effect without --fine-tune; add --fine-tune 1, or leave it out`,
    );
  return epochs;
}

/** Grouped layers are binarized too: their zeros are kept. */
const layersLeftFloat = (o: Options, model: OpenedNetwork['model']): string[] =>
  skipFrom(o.skip, { model, groupedLayers: [] });

async function run(dir: string | undefined, o: Options): Promise<void> {
  const asked = countFrom(o.images ?? '512', '--images', 1);
  const epochs = epochsFrom(o);
  const average = averageFrom(o);
  const { checkFree } = await import('@hbnn/import');
  checkFree(o.out);
  const backend = await backendFrom(o.backend, o);
  const float = await floatNetwork(dir, o);
  const { config, stored } = float;
  // Said of an imported network before its data are opened, which takes a while.
  if (stored !== undefined) {
    const binarized = await binarizedNetwork(stored, config, layersLeftFloat(o, stored.model));
    await noteFaults(binarized, noteTo(o));
    binarized.dispose();
  }
  const data = await openData(config.data, config, placeOfField(o), o);
  const { model, train, test } = await float.open(data);
  const skip = layersLeftFloat(o, model);
  const keepZeros = stored?.groupedLayers.filter((name) => !skip.includes(name)) ?? [];
  const { evaluate, fewerImages, fineTune, quantize, writeModelWeights } = await import(
    '@hbnn/train'
  );
  const images = Math.min(asked, train.count);
  if (o.images !== undefined && images < asked) noteTo(o)(fewerImages(data.label, images, asked));
  backend.announce();
  const meter = progressMeter('quantizing', o);
  try {
    const before = await evaluate(model, test);
    const inputs = await inputsOf(config, float.trained);
    const made = await quantize(model, train, {
      weights: average,
      skip,
      keepZeros,
      images,
      seed: config.seed,
      ...(inputs !== undefined && { inputs }),
      onNote: (text) => stored === undefined && noteTo(o)(text),
      onLayer: (layer, done, all) => meter.update(done, all, `steps, layer ${layer}`),
    });
    const after = await evaluate(made.model, test);
    if (epochs > 0) await fineTune(made.model, train, { ...tuningOf(config), epochs });
    const tuned = epochs > 0 ? await evaluate(made.model, test) : undefined;
    meter.stop();
    const result = {
      run: o.out,
      network: float.place,
      data: data.label,
      images: made.images,
      averageBits: made.average,
      skip,
      layers: made.layers,
      top1Float: before.top1,
      top1: after.top1,
      ...(tuned !== undefined && { top1FineTuned: tuned.top1 }),
      testLoss: (tuned ?? after).loss,
      testImages: after.images,
      epochs,
    };
    const layers = made.kept;
    const about = {
      settings: float.settings,
      skip,
      layers,
      ...(float.trained !== undefined && { run: float.trained as RunConfigInput }),
    };
    await writeTunedFolder(o.out, stored, about, result, async (file) =>
      writeModelWeights(file, made.model, data.train),
    );
    print(result, o);
  } finally {
    meter.stop();
  }
}

interface Result {
  readonly run: string;
  readonly data: string;
  readonly images: number;
  readonly averageBits: number;
  readonly skip: readonly string[];
  readonly layers: readonly LayerSensitivity[];
  readonly top1Float: number;
  readonly top1: number;
  readonly top1FineTuned?: number;
  readonly testImages: number;
  readonly epochs: number;
}

function print(result: Result, o: Options): void {
  if (o.json) {
    printResult({ ...result }, true);
    return;
  }
  const { run: folder, skip, layers, testImages, top1FineTuned } = result;
  const accuracy = (top1: number): string =>
    `${percentText(top1)} of ${numberText(testImages)} images`;
  printResult({
    layers: layers.map(({ layer, weights, errors, average, outputError }) => ({
      layer,
      weights,
      ...Object.fromEntries(errors.map((at) => [`at ${at.average}`, numberText(at.error)])),
      bits: numberText(average),
      'own error': numberText(outputError),
    })),
    run: folder,
    data: result.data,
    'calibration images': result.images,
    'average bits': result.averageBits,
    'float layers': skip.length === 0 ? 'none' : skip.join(', '),
    'float accuracy': accuracy(result.top1Float),
    'binarized accuracy': accuracy(result.top1),
    'fine-tuned accuracy': top1FineTuned === undefined ? undefined : accuracy(top1FineTuned),
  });
  printNext([hbnnLine('eval', '--run', folder), lowerLine(folder)], o);
}
