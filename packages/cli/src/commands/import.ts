import { existsSync } from 'node:fs';
import { checkPixelStatistic, HbnnError } from '@hbnn/core';
import { backendChoices } from '@hbnn/train/backends';
import { Command } from 'commander';
import { backendFrom } from '../backend.ts';
import { keptAtEnd } from '../interruption.ts';
import { besideRun, hbnnLine } from '../nextSteps.ts';
import { decimal } from '../numbers.ts';
import { noteTo } from '../openData.ts';
import { numberText, printNext, printResult, quietFlag, typedCommand } from '../output.ts';
import { missing } from '../unreadable.ts';

interface Options {
  out: string;
  mean?: string;
  deviation?: string;
  forgetCodes?: boolean;
  backend: string;
  json?: boolean;
  quiet?: boolean;
}

export function importCommand(): Command {
  return new Command('import')
    .description('read a trained float network of ONNX, Keras or TensorFlow.js into a folder')
    .argument('<model>', 'an .onnx, .keras or .h5 file, or the model.json of a layers model')
    .requiredOption('--out <folder>', 'the folder to make')
    .option(
      '--mean <list>',
      'mean of each channel of the pixels from 0 to 1, as the network was trained with: 0.485,0.456,0.406 (default: that of the data set)',
    )
    .option('--deviation <list>', 'standard deviation of each channel alike; give both or none')
    .option(
      '--forget-codes',
      'take quantized weights as floats, for hbnn lower to quantize anew (default: it takes their whole numbers)',
    )
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      '\nExample (a network that takes pixels from 0 to 1):\n  hbnn import network.onnx --mean 0,0,0 --deviation 1,1,1 --out net',
    )
    .action((model: string, o: Options) =>
      keptAtEnd(() => run(model, o), `nothing: ${o.out} is made at the end`, typedCommand()),
    );
}

const numbersFrom = (text: string, flag: string): number[] =>
  text
    .split(',')
    .map((part) => decimal(part.trim(), flag, 'for each channel, such as 0.5,0.5,0.5'));

/** The normalization that was typed. @throws HbnnError where one half is missing */
function normalizationFrom({ mean, deviation }: Options) {
  if (mean === undefined && deviation === undefined) return undefined;
  if (mean === undefined || deviation === undefined)
    throw new HbnnError(
      `--${mean === undefined ? 'mean' : 'deviation'}: expected it beside --${mean === undefined ? 'deviation' : 'mean'}, got none; give both or none`,
    );
  return {
    mean: numbersFrom(mean, '--mean').map((value) => pixelStatistic(value, '--mean')),
    deviation: numbersFrom(deviation, '--deviation').map((value) =>
      pixelStatistic(value, '--deviation'),
    ),
  };
}

/** @throws HbnnError naming the flag that has more or fewer numbers than the images have channels */
function checkChannels(
  normalization: ReturnType<typeof normalizationFrom>,
  channels: number,
): void {
  for (const [name, values] of Object.entries(normalization ?? {}))
    if (values.length !== channels)
      throw new HbnnError(
        `--${name}: expected as many numbers as the network's images have channels (${channels}), got ${values.length}; give one for each, with commas between`,
      );
}

/** Read a mean or deviation of pixels from 0 to 1. @throws HbnnError for one that such pixels cannot have */
function pixelStatistic(value: number, flag: '--mean' | '--deviation'): number {
  checkPixelStatistic(flag === '--mean' ? 'mean' : 'deviation', value, `${flag}: expected numbers`);
  return value;
}

/** Flags of a data set whose images are of a network's size. */
function dataFor(input: readonly number[]): string[] {
  switch (input.join('×')) {
    case '28×28×1':
      return ['--data', 'fashion-mnist-subset'];
    case '32×32×3':
      return ['--data', 'cifar10'];
    default: {
      const [height, width] = input;
      const size = height === width ? `${height}` : `${height}x${width}`;
      return ['--data', 'folder', '--from', 'images', '--size', size];
    }
  }
}

async function run(file: string, o: Options): Promise<void> {
  if (!existsSync(file)) throw missing(file, 'file', 'name the file of a network');
  const normalization = normalizationFrom(o);
  const { checkFree, importNetwork, inputShapeOf, isNetworkFolder, saveNetwork } = await import(
    '@hbnn/import'
  );
  // Importing it again would lose its normalization and its quantized weights' whole numbers.
  if (isNetworkFolder(file))
    throw new HbnnError(
      `${file}: expected a file of another program, got a folder of 'hbnn import'; lower, quantize or fine-tune it as it is, or copy the folder`,
    );
  checkFree(o.out);
  await backendFrom(o.backend, { quiet: true });
  const network = await importNetwork(file, { forgetCodes: o.forgetCodes ?? false });
  const { model, origin, groupedLayers } = network;
  const input = inputShapeOf(model, file);
  checkChannels(normalization, input.at(-1) as number);
  await saveNetwork(o.out, { ...network, normalization });
  for (const name of groupedLayers)
    noteTo(o)(
      `layer '${name}' has zeros in its kernel in place of groups or dilation; 'hbnn quantize' keeps these zeros, 'hbnn fine-tune' keeps the layer float`,
    );
  const outputs = model.outputs.map(({ shape }) => shape.slice(1).join('×'));
  printResult(
    {
      network: o.out,
      from: `${origin.file} (${origin.format}${origin.producer === '' ? '' : `, ${origin.producer}`})`,
      input: input.join('×'),
      outputs: outputs.join(', '),
      layers: o.json ? model.layers.length : numberText(model.layers.length),
      parameters: o.json ? model.countParams() : numberText(model.countParams()),
    },
    o.json,
  );
  const tune = hbnnLine(
    'fine-tune',
    o.out,
    ...dataFor(input),
    '--weights',
    '1.4',
    '--out',
    'tuned',
  );
  const { weightGridsOf } = await import('@hbnn/train');
  const isQuantized = Object.keys(weightGridsOf(model)).length > 0;
  const lower = hbnnLine('lower', o.out, ...dataFor(input), '--out', `${besideRun(o.out)}.hbnn`);
  printNext(isQuantized ? [lower, tune] : [tune], o);
}
