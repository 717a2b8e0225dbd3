import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { ignoredOptions, openDataset } from '@hbnn/datasets';
import type { RunConfig, RunConfigInput } from '@hbnn/train';
import { backendChoices } from '@hbnn/train/backends';
import { Command } from 'commander';
import { backendFrom } from '../backend.ts';
import { refuseWithoutEffect } from '../effect.ts';
import { decimal, wholeNumber } from '../numbers.ts';
import { printResult } from '../output.ts';
import { duration, progressMeter } from '../progress.ts';

/** Flags that set a field of the configuration, and how their text is read. */
export const flags: readonly [
  flag: string,
  field: keyof RunConfigInput,
  kind: 'text' | 'number' | 'list',
  about: string,
][] = [
  ['--data <name>', 'data', 'text', 'data set (hbnn datasets list); default fashion-mnist-subset'],
  ['--from <path>', 'from', 'text', 'local folder or archive of the data set'],
  ['--limit <n>', 'limit', 'number', 'use so many training images, stratified'],
  ['--test-limit <n>', 'testLimit', 'number', 'use so many test images, stratified'],
  ['--shrink <k>', 'shrink', 'number', 'average k×k pixels into one'],
  ['--size <n>', 'size', 'number', 'pixels that images of a folder are cropped to; default 224'],
  ['--network <name>', 'network', 'text', 'a name from hbnn networks; default fcn4'],
  ['--widths <list>', 'widths', 'list', 'channels of fcn4, e.g. 8,16,16'],
  ['--pools <list>', 'pools', 'list', 'layers of fcn4 that pooling follows, from 0, e.g. 1,2'],
  [
    '--weights <bits>',
    'weights',
    'text',
    'float, an average (1.4) or a mix (0.7/0.2/0.1); default 1.4',
  ],
  ['--layer-bits <list>', 'layerBits', 'list', 'bits of each layer, e.g. 3,1,2,1'],
  ['--select <rule>', 'select', 'text', 'middle-out, top-down, bottom-up, random or optimal'],
  ['--map-per <unit>', 'mapPer', 'text', 'element, block:K, position, input or output'],
  ['--scale-per <unit>', 'scalePer', 'text', 'tensor or output'],
  ['--renew-every <k>', 'renewEvery', 'number', 'choose weight maps anew every k steps; 0: once'],
  ['--scale-form <form>', 'scaleForm', 'text', 'free, powers-of-two or integers:B; default free'],
  [
    '--freeze-maps <share>',
    'freezeMaps',
    'number',
    'keep maps from this share of the training on, 0 to 1; default never',
  ],
  ['--inputs <bits>', 'inputs', 'text', 'bits of the inputs of binarized layers; default float'],
  ['--input-select <rule>', 'inputSelect', 'text', 'middle-out, top-down, bottom-up or random'],
  ['--input-map <kind>', 'inputMap', 'text', 'dynamic (per sample) or static (fixed at inference)'],
  [
    '--input-map-per <unit>',
    'inputMapPer',
    'text',
    'element, position or channel, for static maps',
  ],
  ['--epochs <n>', 'epochs', 'number', 'passes over the training images; default 6'],
  ['--batch <n>', 'batch', 'number', 'images per step; default 64'],
  ['--seed <n>', 'seed', 'number', 'starting weights and order of the images; default 1'],
  ['--learning-rate <x>', 'learningRate', 'number', 'default 0.01'],
  ['--schedule <name>', 'schedule', 'text', 'constant, cosine or steps; default cosine'],
  ['--momentum <x>', 'momentum', 'number', 'default 0.9'],
  ['--weight-decay <x>', 'weightDecay', 'number', 'default 1e-4'],
  [
    '--recalibrate <n>',
    'recalibrate',
    'number',
    'images to recompute statistics on at the end; default 1000',
  ],
  ['--max-steps <n>', 'maxSteps', 'number', 'stop after so many steps'],
  [
    '--augment <list>',
    'augment',
    'text',
    'change training images at random: crop:4 (pad by 4 pixels, cut anew), flip, or crop:4,flip',
  ],
  [
    '--validation <n>',
    'validation',
    'number',
    'hold out so many training images, stratified, and measure them after each epoch',
  ],
];

interface Options extends Record<string, string | boolean | undefined> {
  config?: string;
  out: string;
  resume?: boolean;
  backend: string;
  patience?: string;
  minEpochs?: string;
  tensorboard?: boolean;
  json?: boolean;
}

export function trainCommand(): Command {
  const command = new Command('train')
    .description('train a network with heterogeneously binarized weights and inputs')
    .option('--config <file>', 'JSON file of settings; flags override it')
    .requiredOption('--out <folder>', 'run folder: checkpoint, metrics, weights, result')
    .option('--resume', 'go on from the run folder’s checkpoint')
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option('--patience <n>', 'end when so many epochs bring no better validation accuracy')
    .option('--min-epochs <n>', 'but not before so many epochs')
    .option('--tensorboard', 'write event files for TensorBoard into the run folder')
    .option('--checkpoint-seconds <s>', 'seconds between checkpoints; default 20')
    .option('--json', 'print the result as JSON');
  for (const [flag, , , about] of flags) command.option(flag, about);
  return command
    .addHelpText(
      'after',
      `
Example (some seconds on the embedded data):
  hbnn train --weights 1.4 --epochs 2 --limit 2000 --learning-rate 0.2 --out runs/first
  hbnn train --out runs/first --resume`,
    )
    .action((o: Options) => run(o));
}

export const camel = (flag: string): string =>
  flag.replace(/^--| <.*$/g, '').replace(/-(.)/g, (_, c: string) => c.toUpperCase());

/** The configuration: file, then flags. */
export function settings(o: Partial<Options>): Record<string, unknown> {
  const merged = o.config === undefined ? {} : readConfig(o.config);
  for (const [flag, field, kind] of flags) {
    const text = o[camel(flag)];
    if (typeof text === 'string') merged[field] = value(text, kind, flag.split(' ')[0]);
  }
  if (o.patience !== undefined || o.minEpochs !== undefined)
    merged.earlyStop = earlyStop(o, merged);
  return merged;
}

function earlyStop(o: Partial<Options>, { earlyStop: before }: Record<string, unknown>): object {
  if (o.patience === undefined && before === undefined) {
    throw new HbnnError('--min-epochs: has no effect without early stopping; give --patience too');
  }
  return {
    ...(typeof before === 'object' && before),
    ...(o.patience !== undefined && { patience: wholeNumber(o.patience, '--patience') }),
    ...(o.minEpochs !== undefined && { minEpochs: wholeNumber(o.minEpochs, '--min-epochs') }),
  };
}

/** The flags that were typed, each with the field it sets. */
export function typedFlags(o: Partial<Options>): Map<string, string> {
  const typed = flags.filter(([flag]) => typeof o[camel(flag)] === 'string');
  return new Map(typed.map(([flag, field]) => [flag.split(' ')[0], field]));
}

function value(text: string, kind: 'text' | 'number' | 'list', flag: string): unknown {
  if (kind === 'text') return text;
  const number = (part: string): number => decimal(part, flag);
  return kind === 'number' ? number(text) : text.split(',').map(number);
}

function readConfig(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new HbnnError(`${file}: could not be read (${(error as Error).message})`);
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return { ...parsed };
    }
  } catch (error) {
    throw new HbnnError(`${file}: is not JSON (${(error as Error).message.replaceAll('\n', ' ')})`);
  }
  throw new HbnnError(`${file}: expected a JSON object of settings`);
}

async function run(o: Options): Promise<void> {
  // TensorFlow.js takes a while to load: only the commands that need it do.
  const { runConfig, runTraining, storedConfig } = await import('@hbnn/train');
  const given = settings(o);
  if (o.resume && !existsSync(join(o.out, 'config.json'))) {
    throw new HbnnError(`--resume: there is no run in ${o.out}; leave out --resume to start one`);
  }
  const alone = o.resume && Object.keys(given).length === 0;
  const config: RunConfig = alone ? storedConfig(o.out) : runConfig(given);
  refuseWithoutEffect(typedFlags(o), config, ignoredOptions(config.data));
  const backend = await backendFrom(o.backend);
  const sources = await openDataset(config.data, config);
  const meter = progressMeter('training');
  try {
    const result = await runTraining(config, sources, {
      dir: o.out,
      resume: o.resume,
      tensorboard: o.tensorboard,
      backend,
      checkpointSeconds: seconds(o.checkpointSeconds),
      onProgress: (p) =>
        meter.update(
          p.step,
          p.steps,
          `epoch ${Math.min(p.epoch + 1, config.epochs)} loss ${p.loss.toFixed(3)} accuracy ${(100 * p.accuracy).toFixed(1)} % ` +
            `${Math.round(p.imagesPerSecond)} images/s, ${duration(p.secondsLeft)} left`,
        ),
    });
    meter.stop();
    const { config: _, epochs: __, ...shown } = result;
    printResult({ run: o.out, ...shown }, o.json);
  } finally {
    meter.stop();
  }
}

export function seconds(text: string | boolean | undefined): number | undefined {
  if (typeof text !== 'string') return undefined;
  const value = decimal(text, '--checkpoint-seconds', 'of seconds');
  if (value >= 0) return value;
  throw new HbnnError(`--checkpoint-seconds: expected 0 or more, got ${text}`);
}
