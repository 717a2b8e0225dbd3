import { parseMapPer, parseMix, parseScalePer } from '@hbnn/core';
import { encodeWithSize, randomModel } from '@hbnn/model';
import { writeWhole } from '@hbnn/train/files';
import { Command, Option } from 'commander';
import { wholeNumber } from '../numbers.ts';
import { printResult } from '../output.ts';

interface Options {
  seed: string;
  out: string;
  layer?: string;
  mix?: string;
  mapPer?: string;
  scalePer?: string;
  inputMix?: string;
  inputMapPer?: 'element' | 'position' | 'channel';
  json?: boolean;
}

export function randomCommand(): Command {
  return new Command('random')
    .description('make a seeded random integer model: a whole network or one layer')
    .requiredOption('--seed <n>', 'a whole number; the same model for it everywhere')
    .requiredOption('--out <file>', 'the model file to write')
    .option('--layer <form>', 'one layer: dense:144x16, conv:8x8x16,k3x3,o32,s1,p1 or depthwise:…')
    .option('--mix <shares>', 'bits of the weights, e.g. 0.7/0.2/0.1 or 0:0.3/2:0.7')
    .option('--map-per <unit>', 'element, block:K, position, input or output')
    .option('--scale-per <unit>', 'tensor or output')
    .option('--input-mix <shares>', 'bits of binarized inputs')
    .addOption(
      new Option('--input-map-per <unit>', "what of one layer's inputs shares a bitwidth").choices([
        'element',
        'position',
        'channel',
      ]),
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  hbnn random --seed 1 --layer dense:144x16 --mix 0.7/0.2/0.1 --out layer.hbnn',
    )
    .action((o: Options) => run(o));
}

function run(o: Options): void {
  const model = randomModel(wholeNumber(o.seed, '--seed'), {
    ...(o.layer !== undefined && { layer: o.layer }),
    ...(o.mix !== undefined && { mix: parseMix(o.mix) }),
    ...(o.mapPer !== undefined && { mapPer: parseMapPer(o.mapPer) }),
    ...(o.scalePer !== undefined && { scalePer: parseScalePer(o.scalePer) }),
    ...(o.inputMix !== undefined && { inputMix: parseMix(o.inputMix) }),
    ...(o.inputMapPer !== undefined && { inputMapPer: o.inputMapPer }),
  });
  const { bytes, size } = encodeWithSize(model);
  writeWhole(o.out, [bytes]);
  const layers = model.layers.map(({ kind }) => kind);
  printResult({ model: o.out, input: model.input.shape, layers, bytes: size.total }, o.json);
}
