import { encodeNpy, HbnnError, parseMapPer, parseMix, parseScalePer, random } from '@hbnn/core';
import { type CheckedModel, encodeWithSize, randomModel } from '@hbnn/model';
import { writeWhole } from '@hbnn/train/files';
import { Command, Option } from 'commander';
import { freeFolder, hbnnLine, modelEstimateLine, verilogLine } from '../nextSteps.ts';
import { seedNumber, wholeNumber } from '../numbers.ts';
import { printNext, printResult, quietFlag } from '../output.ts';
import { randomNetwork } from '../randomNetwork.ts';

interface Options {
  seed: string;
  out: string;
  tensor?: string;
  layer?: string;
  network?: string;
  weights?: string;
  inputs?: string;
  mix?: string;
  mapPer?: string;
  balance?: string;
  scalePer?: string;
  inputMix?: string;
  inputMapPer?: 'element' | 'position' | 'channel';
  branches?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function randomCommand(): Command {
  return new Command('random')
    .description('make a seeded random integer model (a network or one layer), or a random tensor')
    .option(
      '--seed <n>',
      'a whole number; the same seed gives the same model on every machine',
      '1',
    )
    .requiredOption('--out <file>', 'the file to write: a model, or with --tensor a .npy')
    .option(
      '--tensor <shape>',
      'a random float32 tensor in a .npy file instead of a model: 64,3,3,32',
    )
    .option('--layer <form>', 'one layer: dense:144x16, conv:8x8x16,k3x3,o32,s1,p1 or depthwise:…')
    .option(
      '--network <name>',
      'a network of hbnn networks, with the weights that a training starts from',
    )
    .option('--weights <bits>', 'with --network: float, an average (1.4) or a mix (default: 1.4)')
    .option('--inputs <bits>', 'with --network: bits of the inputs, in the same form (default: 1)')
    .option('--mix <shares>', 'bits of the weights, e.g. 0.7/0.2/0.1 or 0:0.3/2:0.7')
    .option('--map-per <unit>', 'element, block:K, position, input or output')
    .option('--balance <g>', 'give every group of g inputs the same mix of bitwidths')
    .option('--scale-per <unit>', 'tensor or output')
    .option('--input-mix <shares>', 'bits of binarized inputs')
    .addOption(
      new Option('--input-map-per <unit>', 'which inputs of a layer share a bitwidth').choices([
        'element',
        'position',
        'channel',
      ]),
    )
    .option('--branches', 'a network with branches, which meet in sums and concatenations')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
--tensor takes 1 to 4 sizes, outputs first (64,3,3,32 or 64x3x3x32: outputs, height, width, inputs), and draws each
number from the standard normal distribution (mean 0, deviation 1). The same seed gives the same numbers everywhere.

--network takes the weights that a training starts from, computes the statistics of batch norm on random images, and
lowers the network. The result cannot classify, but its circuit has the bits of a trained network. The bit maps of its
inputs are static (the same for all images), because circuits need this.

Examples:
  hbnn random --network vgg8 --weights 1.4 --map-per position --out vgg8.hbnn
  hbnn random --seed 1 --layer dense:144x16 --mix 0.7/0.2/0.1 --out layer.hbnn
  hbnn random --tensor 64,3,3,32 --seed 1 --out weights.npy`,
    )
    .action((o: Options) => run(o));
}

/** Options that say what model to make. */
const ofModels = [
  'layer',
  'network',
  'weights',
  'inputs',
  'mix',
  'mapPer',
  'balance',
  'scalePer',
  'inputMix',
  'inputMapPer',
  'branches',
] as const;

/** Options of a layer that a network has others for, and the other way round. */
const ofLayers = { layer: '--network', mix: '--weights', inputMix: '--inputs' } as const;
const ofNetworks = { weights: '--mix', inputs: '--input-mix' } as const;

const flagOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

/** @throws HbnnError for options that do not go with what is made */
function checkKind(o: Options): void {
  if (o.network !== undefined && o.branches)
    throw new HbnnError(
      '--branches: it goes with random models, got it with --network; leave it out, or take a network with branches such as resnet8',
    );
  const others = o.network === undefined ? ofNetworks : ofLayers;
  const stray = Object.entries(others).find(([name]) => o[name as keyof Options] !== undefined);
  if (stray === undefined) return;
  const [name, other] = stray;
  const why = o.network === undefined ? 'it goes with --network' : 'it goes with --layer';
  throw new HbnnError(
    name === 'layer'
      ? '--layer, --network: expected one of them, got both; leave one of them out'
      : `${flagOf(name)}: ${why}, got it ${o.network === undefined ? 'without' : 'with --network'}; give ${other}`,
  );
}

function runTensor(text: string, o: Options): void {
  const stray = ofModels.find((name) => o[name] !== undefined);
  if (stray !== undefined)
    throw new HbnnError(`${flagOf(stray)}: has no effect with --tensor; leave one of them out`);
  checkEnding(
    o.out,
    '.hbnn',
    '.npy',
    'a tensor is written as .npy; leave --tensor out for a model',
  );
  if (!/^[1-9]\d*([x×,][1-9]\d*){0,3}$/.test(text))
    throw new HbnnError(
      `--tensor: expected a shape such as 64x3x3x32 or 64,3,3,32, got '${text}'; write 1 to 4 whole sizes of at least 1 with an x or a comma between`,
    );
  const shape = text.split(/[x×,]/).map(Number);
  const size = shape.reduce((product, n) => product * n, 1);
  if (size > maxElements)
    throw new HbnnError(
      `--tensor: expected at most ${maxElements} elements, got ${size}; make a smaller tensor`,
    );
  const rng = random(seedNumber(o.seed, '--seed'), 'tensor');
  const data = Float32Array.from({ length: size }, () => rng.normal());
  writeWhole(o.out, [encodeNpy({ shape, data })]);
  printResult({ tensor: o.out, shape, elements: size }, o.json);
  printNext([hbnnLine('binarize', o.out, '--average', '1.4', '--out', freeFolder('binarized'))], o);
}

/** Refuse a file name that says of the file what it is not. */
function checkEnding(file: string, wrong: string, expected: string, wayOut: string): void {
  if (!file.toLowerCase().endsWith(wrong)) return;
  throw new HbnnError(`--out: expected a name that ends in ${expected}, got '${file}'; ${wayOut}`);
}

/** Half a gigabyte of a random tensor. */
const maxElements = 2 ** 27;

async function run(o: Options): Promise<void> {
  if (o.tensor !== undefined) {
    runTensor(o.tensor, o);
    return;
  }
  checkEnding(o.out, '.npy', '.hbnn', 'a model is written as .hbnn; give --tensor for a .npy');
  checkKind(o);
  const model = o.network === undefined ? layerModel(o) : await networkModel(o.network, o);
  const { bytes, size } = encodeWithSize(model);
  writeWhole(o.out, [bytes]);
  const layers = model.layers.map(({ kind }) => kind);
  printResult({ model: o.out, input: model.input.shape, layers, bytes: size.total }, o.json);
  printNext([verilogLine(model, o.out), modelEstimateLine(model, o.out)], o);
}

function networkModel(network: string, o: Options): Promise<CheckedModel> {
  return randomNetwork(network, {
    seed: seedNumber(o.seed, '--seed'),
    weights: o.weights,
    inputs: o.inputs,
    mapPer: o.mapPer,
    balance: balanceOf(o),
    scalePer: o.scalePer,
    inputMapPer: o.inputMapPer,
  });
}

function balanceOf({ balance, mapPer }: Options): number | undefined {
  if (balance === undefined) return undefined;
  if (mapPer !== undefined && mapPer !== 'element')
    throw new HbnnError(
      `--balance: expected a map per element, got --map-per ${mapPer}; leave one of them out`,
    );
  const size = wholeNumber(balance, '--balance');
  if (size < 2)
    throw new HbnnError(`--balance: expected 2 inputs or more in a group, got ${size}; give 5`);
  return size;
}

function layerModel(o: Options): CheckedModel {
  return randomModel(seedNumber(o.seed, '--seed'), {
    ...(o.layer !== undefined && { layer: o.layer, where: '--layer' }),
    ...(o.mix !== undefined && { mix: parseMix(o.mix, '--mix') }),
    ...(o.mapPer !== undefined && { mapPer: parseMapPer(o.mapPer, '--map-per') }),
    ...(o.balance !== undefined && { balance: balanceOf(o) }),
    ...(o.scalePer !== undefined && { scalePer: parseScalePer(o.scalePer, '--scale-per') }),
    ...(o.inputMix !== undefined && { inputMix: parseMix(o.inputMix, '--input-mix') }),
    ...(o.inputMapPer !== undefined && { inputMapPer: o.inputMapPer }),
    ...(o.branches && { branches: true }),
  });
}
