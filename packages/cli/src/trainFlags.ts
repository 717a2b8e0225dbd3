import { HbnnError } from '@hbnn/core';
import type { RunConfigInput } from '@hbnn/train';
import { Option } from 'commander';
import { decimal, seedNumber, wholeNumber } from './numbers.ts';

type Kind = 'text' | 'whole' | 'seed' | 'decimal' | 'wholes' | 'texts' | 'size' | 'switch';

/** A flag that sets a field of the configuration. */
export interface TrainFlag {
  /** The flag and what it takes: `--epochs <n>`. */
  readonly flag: string;
  readonly field: keyof RunConfigInput;
  /** How its text is read. */
  readonly kind: Kind;
  readonly about: string;
  /** What holds without it: as the configuration has it, or in words. */
  readonly fallback: string | number;
}

type Line = readonly [string, keyof RunConfigInput, Kind, string, string | number];

const flagsOf = (lines: readonly Line[]): TrainFlag[] =>
  lines.map(([flag, field, kind, about, fallback]) => ({
    flag,
    field,
    kind,
    about,
    fallback,
  }));

/** The flags under the headings of the help. */
export const trainFlags: Readonly<Record<string, readonly TrainFlag[]>> = {
  'Data:': flagsOf([
    ['--data <name>', 'data', 'text', 'data set (hbnn datasets list)', 'fashion-mnist-subset'],
    ['--from <path>', 'from', 'text', 'local folder or archive of the data set', 'as fetched'],
    [
      '--limit <n>',
      'limit',
      'whole',
      'use only n training images; classes keep their shares',
      'all',
    ],
    [
      '--test-limit <n>',
      'testLimit',
      'whole',
      'use only n test images; classes keep their shares',
      'all',
    ],
    ['--shrink <k>', 'shrink', 'whole', 'replace each k×k pixels by their mean', 1],
    [
      '--size <n>',
      'size',
      'size',
      'with --data folder: crop images to n×n pixels, or to 120x160 (height x width)',
      224,
    ],
    [
      '--augment <list>',
      'augment',
      'text',
      'change training images at random: crop:4 (add 4 pixels on each side, then crop to the old size), flip, or crop:4,flip; not with --data folder, whose training images are always cropped and flipped',
      'none',
    ],
    [
      '--validation <n>',
      'validation',
      'whole',
      'measure the accuracy after each epoch on n training images that are held out (or on n images of val/, if a folder has val/ and test/)',
      'none',
    ],
    [
      '--skip-bad-images',
      'skipBadImages',
      'switch',
      'with --data folder: leave out images that cannot be read, and say how many',
      'they are an error',
    ],
  ]),
  'Network:': flagsOf([
    ['--network <name>', 'network', 'text', 'a name from hbnn networks', 'fcn4'],
    ['--widths <list>', 'widths', 'wholes', 'channels of fcn4', '6,8,8'],
    [
      '--pools <list>',
      'pools',
      'wholes',
      'layers of fcn4 that are followed by pooling, counted from 0',
      'all',
    ],
    [
      '--width-multiplier <x>',
      'widthMultiplier',
      'decimal',
      'multiply the channels of a network other than fcn4, e.g. by 0.5',
      1,
    ],
  ]),
  'Bits of the weights:': flagsOf([
    ['--weights <bits>', 'weights', 'text', 'float, an average (1.4) or a mix (0.7/0.2/0.1)', 1.4],
    [
      '--layer-bits <list>',
      'layerBits',
      'texts',
      'bits of each layer, e.g. 3,1,2,1',
      '--weights for all',
    ],
    [
      '--select <rule>',
      'select',
      'text',
      'middle-out, top-down, bottom-up, random, gain, curvature or optimal',
      'middle-out',
    ],
    [
      '--balance <g>',
      'balance',
      'whole',
      'give every group of g inputs the same mix of bitwidths',
      'none',
    ],
    ['--min-bits <n>', 'minBits', 'whole', 'fewest bits of a weight, for gain and curvature', 1],
    [
      '--map-per <unit>',
      'mapPer',
      'text',
      'element, block:K, position, input or output',
      'element',
    ],
    ['--scale-per <unit>', 'scalePer', 'text', 'tensor or output', 'tensor'],
    ['--scale-form <form>', 'scaleForm', 'text', 'free, powers-of-two or integers:B', 'free'],
    [
      '--renew-every <k>',
      'renewEvery',
      'whole',
      'choose the bit maps of weights anew every k steps; 0: only once',
      1,
    ],
    [
      '--freeze-maps <share>',
      'freezeMaps',
      'decimal',
      'stop changing bit maps after this share of the training, 0 to 1',
      'never',
    ],
  ]),
  'Bits of the inputs of binarized layers:': flagsOf([
    ['--inputs <bits>', 'inputs', 'text', 'float, an average or a mix', 'float'],
    [
      '--input-select <rule>',
      'inputSelect',
      'text',
      'middle-out, top-down, bottom-up or random',
      'middle-out',
    ],
    [
      '--input-map <kind>',
      'inputMap',
      'text',
      'dynamic (per sample) or static (fixed at inference)',
      'dynamic',
    ],
    [
      '--input-map-per <unit>',
      'inputMapPer',
      'text',
      'element, position or channel, for static maps',
      'element',
    ],
  ]),
  'Methods of other papers, in place of bits of weights and inputs:': flagsOf([
    [
      '--quantizer <name>',
      'quantizer',
      'text',
      'bwn, xnor-net, bnn, dorefa:W/I, qnn:W/I, twn, sq-bwn, sq-twn, trq, bit-pruning:X or bayesian-bits:X',
      'none',
    ],
  ]),
  'Optimization:': flagsOf([
    ['--epochs <n>', 'epochs', 'whole', 'passes over the training images', 6],
    ['--max-steps <n>', 'maxSteps', 'whole', 'stop after n steps', 'all epochs'],
    ['--batch <n>', 'batch', 'whole', 'images per step', 64],
    ['--seed <n>', 'seed', 'seed', 'starting weights and order of the images', 1],
    ['--learning-rate <x>', 'learningRate', 'decimal', 'of the first step', 0.01],
    ['--schedule <name>', 'schedule', 'text', 'constant, cosine or steps', 'cosine'],
    ['--momentum <x>', 'momentum', 'decimal', 'of the gradient, from 0 to below 1', 0.9],
    [
      '--weight-decay <x>',
      'weightDecay',
      'decimal',
      'this times the weights is added to the gradient',
      0.0001,
    ],
    [
      '--recalibrate <n>',
      'recalibrate',
      'whole',
      'images to recompute statistics on at the end',
      1000,
    ],
  ]),
};

/** The same flags in one list. */
export const allFlags = Object.values(trainFlags).flat();

/** The flag alone: `--epochs`. */
export const nameOf = ({ flag }: TrainFlag): string => flag.split(' ')[0];

/** Options of the command for the flags, under their headings. */
export const trainOptions = (): Option[] =>
  Object.entries(trainFlags).flatMap(([heading, flags]) =>
    flags.map(({ flag, about, fallback }) =>
      new Option(flag, `${about} (default: ${fallback})`).helpGroup(heading),
    ),
  );

type Typed = Readonly<Record<string, unknown>>;

const typedFlagsOf = (typed: Typed): [TrainFlag, string][] =>
  allFlags.flatMap((flag): [TrainFlag, string][] => {
    const text = typed[camel(nameOf(flag))];
    if (flag.kind === 'switch' && text === true) return [[flag, '']];
    return typeof text === 'string' ? [[flag, text]] : [];
  });

/** What commander calls the option of a flag: `--map-per` is `mapPer`. */
export const camel = (name: string): string =>
  name.replace(/^--/, '').replace(/-(.)/g, (_, c: string) => c.toUpperCase());

/** The flags that were typed, each with the field it sets. */
export const typedFields = (typed: Typed): Map<string, string> =>
  new Map(typedFlagsOf(typed).map(([flag]) => [nameOf(flag), flag.field]));

/** The fields that flags set, with their values. @throws HbnnError for text that is no number where one is needed */
export const flagSettings = (typed: Typed): Record<string, unknown> =>
  Object.fromEntries(
    typedFlagsOf(typed).map(([flag, text]) => [flag.field, fieldValue(flag, text)]),
  );

function fieldValue(flag: TrainFlag, text: string): unknown {
  const name = nameOf(flag);
  switch (flag.kind) {
    case 'text':
      return text;
    case 'switch':
      return true;
    case 'whole':
      return wholeNumber(text, name);
    case 'seed':
      return seedNumber(text, name);
    case 'decimal':
      return decimal(text, name);
    case 'wholes':
      return text.split(',').map((part) => wholeNumber(part, name, 'in a list such as 8,16,16'));
    case 'size':
      return imageSize(text, name);
    case 'texts':
      return text.split(',').map((part) => layerBits(part.trim(), name));
    default:
      return flag.kind satisfies never;
  }
}

/** The side of square images, or their height and width. */
function imageSize(text: string, name: string): number | number[] {
  const sides = text.split(/[x×]/).map((side) => wholeNumber(side, name, 'such as 224 or 120x160'));
  if (sides.length > 2)
    throw new HbnnError(
      `${name}: expected one whole number, or height and width, got '${text}'; write it as 224 or 120x160`,
    );
  return sides[0] === sides[1] || sides.length === 1 ? sides[0] : sides;
}

/** Bits of one layer: a number stays one, so that equal configurations are equal as JSON. */
function layerBits(text: string, name: string): string | number {
  if (text === 'float' || /[/:]/.test(text)) return text;
  return decimal(text, name, 'of bits in a list such as 3,1,2,1');
}

/**
 * What errors call a field: the flag that was typed, else the field of the configuration file.
 *
 * @param file the configuration file, where there is one
 */
export function placeOfField(typed: Typed, file?: string): (field: string) => string {
  const flags = new Map(typedFlagsOf(typed).map(([flag]) => [String(flag.field), nameOf(flag)]));
  if (typed.patience !== undefined || typed.minEpochs !== undefined)
    flags.set('earlyStop', typed.patience === undefined ? '--min-epochs' : '--patience');
  const all = new Map(allFlags.map((flag) => [String(flag.field), nameOf(flag)]));
  return (field) => {
    const [top, ...below] = field.split('.');
    if (field === 'earlyStop.minEpochs' && typed.minEpochs !== undefined) return '--min-epochs';
    const flag = flags.get(top);
    if (flag !== undefined) return flag;
    if (file !== undefined) return field === '' ? file : `${file}: ${field}`;
    return all.get(top) ?? ['config', top, ...below].filter((part) => part !== '').join('.');
  };
}

/** @throws HbnnError for seconds below 0 */
export function secondsFrom(text: unknown, name: string): number | undefined {
  if (typeof text !== 'string') return undefined;
  const value = decimal(text, name, 'of seconds, such as 20');
  if (value >= 0) return value;
  throw new HbnnError(
    `${name}: expected 0 or more, got ${text}; give some seconds, as in ${name} 60`,
  );
}
