import { encodeNpy, HbnnError } from '@hbnn/core';
import { writeWhole } from '@hbnn/train/files';
import { Command } from 'commander';
import { defaultEngine, engineNames, openEngine, openRtl } from '../engines.ts';
import { readModelFile } from '../modelFile.ts';
import { readNpyFile } from '../npyFile.ts';
import { printResult } from '../output.ts';
import { pixelsFrom } from '../pixels.ts';

interface Options {
  model: string;
  in: string;
  out: string;
  engine: string;
  rtl?: string;
  json?: boolean;
}

export function runCommand(): Command {
  return new Command('run')
    .description('run an integer model on a batch of images: 8-bit pixels in, int32 scores out')
    .requiredOption('--model <file>', 'model file (hbnn lower, hbnn random)')
    .requiredOption('--in <file>', '.npy of uint8, [images, height, width, channels] or one image')
    .requiredOption('--out <file>', '.npy to write: int32, [images, scores]')
    .option('--engine <name>', engineNames.join(' or '), defaultEngine)
    .option('--rtl <folder>', 'with --engine verilog: the Verilog of this folder (hbnn verilog)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  hbnn run --model m.hbnn --in images.npy --out scores.npy')
    .action((o: Options) => run(o));
}

async function run(o: Options): Promise<void> {
  const model = await readModelFile(o.model);
  const images = readNpyFile(o.in);
  const pixels = pixelsFrom(images, model.input.shape, o.in);
  if (o.rtl !== undefined && o.engine !== 'verilog')
    throw new HbnnError(
      `--rtl: expected --engine verilog beside it, got --engine ${o.engine}; add --engine verilog or leave --rtl out`,
    );
  const engine =
    o.rtl === undefined ? await openEngine(o.engine, model) : await openRtl(o.rtl, model);
  const start = performance.now();
  const scores = engine.run(pixels);
  const seconds = (performance.now() - start) / 1000;
  engine.dispose();
  const classes = model.scoreOffsets.length;
  const count = scores.length / classes;
  writeWhole(o.out, [encodeNpy({ shape: [count, classes], data: scores })]);
  printResult({ out: o.out, engine: o.engine, images: count, scores: classes, seconds }, o.json);
}
