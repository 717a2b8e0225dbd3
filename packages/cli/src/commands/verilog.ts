import { readFileSync, statSync } from 'node:fs';
import {
  BudgetError,
  checkedPrefix,
  type Design,
  type DesignOptions,
  type FoldedDesign,
  foldedDesign,
  lineBuffers,
  type MemoryStyle,
  romForms,
  unrolledDesign,
} from '@hbnn/circuit';
import { chosenName, HbnnError, suggestion } from '@hbnn/core';
import { findDevice } from '@hbnn/estimator';
import type { CheckedModel } from '@hbnn/model';
import { projectFiles, testbenchFiles, testbenchImages, verilogFiles } from '@hbnn/verilog';
import { Command } from 'commander';
import { withTestbenchScores } from '../engines.ts';
import { foldHelpWithoutDevice } from '../foldFile.ts';
import { forgetManifest, sha256Of, writeMadeManifest } from '../madeManifest.ts';
import { readModelFile } from '../modelFile.ts';
import { estimateLine, hbnnLine } from '../nextSteps.ts';
import { checkMegahertz, decimal, positiveNumber, wholeNumber } from '../numbers.ts';
import { type OutputOptions, printNext, printResult, quietFlag } from '../output.ts';
import { kindAt } from '../pathKind.ts';
import { plainFold, writeRtl } from '../rtlFolder.ts';
import { type FoldOptions, foldsFor } from '../verilogFolds.ts';

interface Options extends OutputOptions, FoldOptions {
  model: string;
  out: string;
  target: string;
  budget?: string;
  maxLevels?: string;
  style: string;
  rom?: string;
  lineBuffers?: string;
  vectors?: string;
  prefix?: string;
  projectFiles?: boolean;
  tlast?: boolean;
}

export function verilogCommand(): Command {
  return new Command('verilog')
    .description('write an integer model as Verilog with a testbench that checks itself')
    .requiredOption('--model <file>', 'model file (hbnn lower, hbnn random)')
    .requiredOption('--out <folder>', 'folder to write')
    .option(
      '--target <name>',
      'generic: plain gates; xc7: counters of LUT6_2 and CARRY4, which take about 60 % of the LUTs of plain gates on 7-series FPGAs',
      'generic',
    )
    .option(
      '--style <name>',
      'unrolled: logic for every weight; folded: a few units work through the weights over many cycles',
      'unrolled',
    )
    .option(
      '--max-levels <n>',
      'add registers, so that a stage between registers has at most n levels of gates (default: none if unrolled)',
    )
    .option('--fold <folds>', `folded: ${foldHelpWithoutDevice}`)
    .option('--fps <n>', 'folded: the same as --fold fps:N, with --clock')
    .option(
      '--clock <MHz>',
      'folded: the clock that fps:RATE counts with; with --project-files: the clock of the constraints (default: 100)',
    )
    .option(
      '--luts <n>',
      'folded: the same as --fold luts:N, the fastest folds within about N LUTs (default: 50000, or 1.5 times the LUTs of the smallest folds if that is more)',
    )
    .option(
      '--rom <how>',
      'folded: weights as case statements, or as hex files that $readmemh reads (default: case)',
    )
    .option(
      '--line-buffers <how>',
      'folded: distributed or block RAM, or auto: block for rows of over 64 pixels (default: auto)',
    )
    .option('--budget <n>', 'unrolled: refuse a model that needs more adders (default: 2000000)')
    .option(
      '--prefix <name>',
      'prefix of all names of modules and files, so that several networks fit into one project',
    )
    .option(
      '--project-files',
      'also write a file list, XDC and SDC, a FuseSoC core, a cocotb test, SystemVerilog assertions, a configuration of OpenLane, and for folded designs a module for DMA engines',
    )
    .option(
      '--tlast',
      'folded: add a port s_axis_tlast for the last pixel of an image, so that a lost beat spoils only its own image, or if it is the last beat also the next image',
    )
    .option(
      '--vectors <n>',
      'the number of images in the testbench (default: 20, for large images fewer)',
    )
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      '\nThe top module takes pixels and gives the scores and the number of the largest score. The file xc7_models.v has\nmodels of LUT6_2 and CARRY4 for simulators; leave it out of a synthesis.\n\nExample:\n  hbnn verilog --model m.hbnn --out rtl --target xc7',
    )
    .action((o: Options) => run(o));
}

const targets: Readonly<Record<string, 'gates' | 'xc7'>> = { generic: 'gates', xc7: 'xc7' };

/** The target for a device, a board, or a target of other commands; else the name that looks alike. */
function targetFor(name: string): string {
  const device = findDevice(name);
  if (device !== undefined)
    return `; for ${device.name} give ${device.family === 'xc7' ? 'xc7' : 'generic'}`;
  if (/^(gowin|asic:|liberty:)/.test(name)) return '; give generic';
  return suggestion(name, Object.keys(targets)) || '; give one of these';
}

async function run(o: Options): Promise<void> {
  const style = targets[o.target];
  if (style === undefined)
    throw new HbnnError(
      `--target: expected ${Object.keys(targets).join(' or ')}, got '${o.target}'${targetFor(o.target)}`,
    );
  const asked = o.vectors === undefined ? undefined : wholeNumber(o.vectors, '--vectors');
  if (asked !== undefined && asked < 1)
    throw new HbnnError(
      `--vectors: expected at least 1, got ${asked}; give --vectors 1 or more, or leave it out`,
    );
  if (o.prefix !== undefined) checkedPrefix(o.prefix, '--prefix');
  const clockMhz = o.projectFiles && o.clock !== undefined ? megahertz(o.clock) : undefined;
  const model = await readModelFile(o.model);
  const { design, folds } = designFor(model, style, o);
  const images = asked ?? testbenchImages(model);
  const testbench = await withTestbenchScores(model, (run) =>
    testbenchFiles(model, design, { images, run }),
  );
  const hardware = { ...verilogFiles(design), ...testbench };
  const project = o.projectFiles ? projectFiles(design, hardware, { clockMhz }) : {};
  const files = { ...hardware, ...project };
  const from = { modelFile: o.model, projectFiles: Object.keys(project) };
  // Any other folder is refused, with all that is in it.
  if (kindAt(o.out) === 'Verilog folder') forgetManifest(o.out);
  const { files: count, bytes } = writeRtl(o.out, model, design, files, from);
  const modelSha256 = statSync(o.model).isFile() ? sha256Of(readFileSync(o.model)) : undefined;
  writeMadeManifest(o.out, { model: model.name, modelSha256, images, clockMhz }, files);
  const { top } = design;
  printResult(
    {
      folder: o.out,
      top,
      target: o.target,
      ...(folds !== undefined && { folds }),
      ...summary(design),
      files: count,
      bytes,
    },
    o.json,
  );
  // A folded design is stepped through all cycles of its images: a few take a while.
  const few = design.kind === 'folded' ? ['--images', '8'] : [];
  const verify = hbnnLine('verify', '--model', o.model, '--rtl', o.out, ...few);
  printNext([verify, hbnnLine('synth', '--rtl', o.out), estimateOf(design, o)], o);
}

/** The command line that estimates the design that was written. */
function estimateOf(design: Design | FoldedDesign, { model, maxLevels }: Options): string {
  if (design.kind === 'folded') {
    const folds = design.layers.flatMap(({ fold }) => (fold === undefined ? [] : [fold]));
    return estimateLine(
      model,
      folds.map((fold) => (fold.constant ? 'constant' : plainFold(fold))),
    );
  }
  const levels = maxLevels === undefined ? '' : ` --max-levels ${maxLevels}`;
  return `${estimateLine(model)}${levels}`;
}

function megahertz(given: string): number {
  const clock = decimal(given, '--clock');
  if (clock > 0) return checkMegahertz(clock, '--clock', given);
  throw new HbnnError(`--clock: expected megahertz above 0, got ${given}; give the clock`);
}

interface MadeDesign {
  readonly design: Design | FoldedDesign;
  /** What folds were chosen for, or what they are estimated to take. */
  readonly folds?: string;
}

function designFor(model: CheckedModel, style: 'gates' | 'xc7', o: Options): MadeDesign {
  const maxLevels =
    o.maxLevels === undefined ? undefined : positiveNumber(o.maxLevels, '--max-levels');
  if (chosenName(o.style, ['unrolled', 'folded'], '--style') === 'unrolled') {
    for (const [name, option] of foldedOptions)
      if (o[name] !== undefined && !(name === 'clock' && o.projectFiles))
        throw new HbnnError(
          `--${option}: expected --style folded beside it, got --style unrolled; add --style folded or leave this out`,
        );
    const options = { style, maxLevels, prefix: o.prefix, maxAdders: budgetFrom(o) };
    return { design: unrolledOr(model, options, o) };
  }
  if (o.budget !== undefined)
    throw new HbnnError(
      '--budget: has no effect with --style folded; it goes with --style unrolled, give --luts',
    );
  const { folds, about } = foldsFor(model, o, style);
  return {
    design: foldedDesign(model, {
      style,
      maxLevels,
      prefix: o.prefix,
      inputLast: o.tlast,
      folds,
      memories: memoriesOf(o),
    }),
    folds: about,
  };
}

/** Options that go with --style folded alone. */
const foldedOptions = [
  ['fold', 'fold'],
  ['fps', 'fps'],
  ['clock', 'clock'],
  ['luts', 'luts'],
  ['rom', 'rom'],
  ['tlast', 'tlast'],
  ['lineBuffers', 'line-buffers'],
] as const;

function memoriesOf(o: Options): Partial<MemoryStyle> {
  const chosen = <T extends string>(option: string, given: string, all: readonly T[]): T => {
    const found = all.find((name) => name === given);
    if (found !== undefined) return found;
    throw new HbnnError(
      `--${option}: expected ${all.join(' or ')}, got '${given}'${suggestion(given, all) || '; give one of these'}`,
    );
  };
  return {
    ...(o.rom !== undefined && { rom: chosen('rom', o.rom, romForms) }),
    ...(o.lineBuffers !== undefined && {
      lines: chosen('line-buffers', o.lineBuffers, lineBuffers),
    }),
  };
}

const budgetFrom = ({ budget }: Options): number | undefined =>
  budget === undefined ? undefined : positiveNumber(budget, '--budget');

/** An unrolled design. @throws HbnnError where it is too large, with the command line of a folded one */
function unrolledOr(model: CheckedModel, options: DesignOptions, o: Options): Design {
  try {
    return unrolledDesign(model, options);
  } catch (error) {
    if (!(error instanceof BudgetError)) throw error;
    const target = o.target === 'generic' ? [] : ['--target', o.target];
    const levels = o.maxLevels === undefined ? [] : ['--max-levels', o.maxLevels];
    const prefix = o.prefix === undefined ? [] : ['--prefix', o.prefix];
    const words = ['--model', o.model, '--out', o.out, '--style', 'folded', ...target, ...levels];
    throw new HbnnError(
      `${error.fault}; write it as a chain of streams with '${hbnnLine('verilog', ...words, ...prefix)}', or give --budget ${error.adders}`,
    );
  }
}

function summary(design: Design | FoldedDesign) {
  if (design.kind === 'unrolled') {
    const { latencyCycles, layers } = design;
    return {
      latencyCycles,
      layers: layers.map(({ layer, kind, module, modules }) => ({
        layer,
        kind,
        module,
        modules: modules.length,
      })),
    };
  }
  const { cyclesPerImage, scheduledCycles, layers } = design;
  return {
    cyclesPerImage,
    slowestLayerCycles: scheduledCycles,
    layers: layers.map(({ layer, kind, module, fold, cycles, buffer, sources }) => ({
      layer,
      kind,
      module,
      cycles: cycles.scheduled,
      idealCycles: cycles.ideal,
      ...(buffer !== undefined && { bufferDepth: buffer.depth }),
      ...(sources.some((source) => source.buffer !== undefined) && {
        branchDepths: sources.map((source) => source.buffer?.depth ?? 0),
      }),
      ...(fold !== undefined && {
        pe: fold.pe,
        simd: fold.simd,
        ...(fold.planes !== undefined && { planes: fold.planes }),
        constant: fold.constant,
      }),
    })),
  };
}
