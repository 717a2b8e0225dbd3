import { HbnnError } from '@hbnn/core';
import { verify } from '@hbnn/verilog';
import { Command } from 'commander';
import { readModelFile } from '../modelFile.ts';
import { wholeNumber } from '../numbers.ts';
import { printResult } from '../output.ts';
import { designOf, readRtl } from '../rtlFolder.ts';

interface Options {
  model: string;
  rtl: string;
  images: string;
  seed: string;
  json?: boolean;
}

/** Hardware and model differ: not what was asked for, but no fault of hbnn. */
const differ = 3;

export function verifyCommand(): Command {
  return new Command('verify')
    .description('check Verilog on disk against its model, whoever edited it last')
    .requiredOption('--model <file>', 'model file')
    .requiredOption('--rtl <folder>', 'folder of hbnn verilog')
    .option('--images <n>', 'seeded images through the whole network', '256')
    .option('--seed <n>', 'a whole number', '1')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nThe text is read by Yosys and its gates are computed: each layer of the whole network on images, and\neach layer alone where the text is not what hbnn writes. Exit code 3 where they differ, with the first\nlayer that does.\n\nExample:\n  hbnn verify --model m.hbnn --rtl rtl --json',
    )
    .action((o: Options) => run(o));
}

async function run(o: Options): Promise<void> {
  const images = wholeNumber(o.images, '--images');
  if (images < 1) throw new HbnnError(`--images: expected at least 1, got ${images}`);
  const seed = wholeNumber(o.seed, '--seed');
  const { manifest, files } = readRtl(o.rtl);
  const model = await readModelFile(o.model);
  const design = designOf(o.rtl, manifest, model);
  const result = await verify(model, design, files, { images, seed });
  printResult({ model: o.model, rtl: o.rtl, ...result }, o.json);
  if (!result.equal) process.exitCode = differ;
}
