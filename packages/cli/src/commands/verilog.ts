import { HbnnError } from '@hbnn/core';
import { testbenchFiles, unrolledDesign, verilogFiles } from '@hbnn/verilog';
import { Command } from 'commander';
import { readModelFile } from '../modelFile.ts';
import { wholeNumber } from '../numbers.ts';
import { printResult } from '../output.ts';
import { writeRtl } from '../rtlFolder.ts';

interface Options {
  model: string;
  out: string;
  target: string;
  budget?: string;
  maxLevels?: string;
  vectors: string;
  json?: boolean;
}

export function verilogCommand(): Command {
  return new Command('verilog')
    .description('write an integer model as Verilog, unrolled, with a testbench that checks itself')
    .requiredOption('--model <file>', 'model file (hbnn lower, hbnn random)')
    .requiredOption('--out <folder>', 'folder to write')
    .option(
      '--target <name>',
      'generic: plain gates; xc7: counters of LUT6_2 and CARRY4, half the LUTs on 7-series FPGAs',
      'generic',
    )
    .option(
      '--max-levels <n>',
      'pipeline it: registers so that no stage has more levels of gates; one image per cycle',
    )
    .option('--budget <n>', 'refuse a model of more adders than this (default 2000000)')
    .option('--vectors <n>', 'images of the testbench', '20')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nThe top module takes pixels and gives scores and the number of the largest. LUT6_2 and CARRY4 have\nmodels for simulation in xc7_models.v, to be left out of synthesis.\n\nExample:\n  hbnn verilog --model m.hbnn --out rtl --target xc7',
    )
    .action((o: Options) => run(o));
}

const targets: Readonly<Record<string, 'gates' | 'xc7'>> = { generic: 'gates', xc7: 'xc7' };

async function run(o: Options): Promise<void> {
  const style = targets[o.target];
  if (style === undefined)
    throw new HbnnError(
      `--target: expected ${Object.keys(targets).join(' or ')}, got '${o.target}'`,
    );
  const images = wholeNumber(o.vectors, '--vectors');
  if (images < 1) throw new HbnnError(`--vectors: expected at least 1, got ${images}`);
  const mostAdders = o.budget === undefined ? undefined : wholeNumber(o.budget, '--budget');
  const model = await readModelFile(o.model);
  const maxLevels =
    o.maxLevels === undefined ? undefined : wholeNumber(o.maxLevels, '--max-levels');
  const design = unrolledDesign(model, { style, mostAdders, maxLevels });
  const files = { ...verilogFiles(design), ...testbenchFiles(model, design, { images }) };
  writeRtl(o.out, model, design, files);
  const bytes = Object.values(files).reduce((sum, text) => sum + text.length, 0);
  const layers = design.layers.map(({ layer, kind, module, modules }) => ({
    ...{ layer, kind, module, modules: modules.length },
  }));
  const { top, latencyCycles } = design;
  const count = Object.keys(files).length;
  printResult(
    { folder: o.out, top, target: o.target, latencyCycles, files: count, bytes, layers },
    o.json,
  );
}
