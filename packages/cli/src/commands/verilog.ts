import {
  chooseFolds,
  type Design,
  type FoldedDesign,
  type FoldTable,
  foldedDesign,
  unrolledDesign,
} from '@hbnn/circuit';
import { HbnnError, suggestion } from '@hbnn/core';
import { findDevice } from '@hbnn/estimator';
import type { CheckedModel } from '@hbnn/model';
import { testbenchFiles, verilogFiles } from '@hbnn/verilog';
import { Command } from 'commander';
import { readFoldFile } from '../foldFile.ts';
import { readModelFile } from '../modelFile.ts';
import { decimal, wholeNumber } from '../numbers.ts';
import { printResult } from '../output.ts';
import { writeRtl } from '../rtlFolder.ts';

interface Options {
  model: string;
  out: string;
  target: string;
  budget?: string;
  maxLevels?: string;
  style: string;
  fold?: string;
  fps?: string;
  clock?: string;
  luts?: string;
  vectors: string;
  json?: boolean;
}

export function verilogCommand(): Command {
  return new Command('verilog')
    .description('write an integer model as Verilog with a testbench that checks itself')
    .requiredOption('--model <file>', 'model file (hbnn lower, hbnn random)')
    .requiredOption('--out <folder>', 'folder to write')
    .option(
      '--target <name>',
      'generic: plain gates; xc7: counters of LUT6_2 and CARRY4, half the LUTs on 7-series FPGAs',
      'generic',
    )
    .option(
      '--style <name>',
      'unrolled: all weights at once; folded: a chain of streams, weights in memories',
      'unrolled',
    )
    .option(
      '--max-levels <n>',
      'registers so that no stage has more levels of gates; unrolled: an image per cycle, else no registers',
    )
    .option(
      '--fold <file>',
      'folded: JSON of {"layer": {"pe": 4, "simd": 9}} or "constant"; layers it leaves out are chosen for',
    )
    .option('--fps <n>', 'folded: choose folds for so many images a second, with --clock')
    .option('--clock <MHz>', 'folded: the clock that --fps counts with')
    .option(
      '--luts <n>',
      'folded: choose the fastest folds within about so many LUTs (default 50000)',
    )
    .option('--budget <n>', 'unrolled: refuse a model of more adders than this (default 2000000)')
    .option('--vectors <n>', 'images of the testbench', '20')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nThe top module takes pixels and gives scores and the number of the largest. LUT6_2 and CARRY4 have\nmodels for simulation in xc7_models.v, to be left out of synthesis.\n\nExample:\n  hbnn verilog --model m.hbnn --out rtl --target xc7',
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
  return suggestion(name, Object.keys(targets));
}

async function run(o: Options): Promise<void> {
  const style = targets[o.target];
  if (style === undefined)
    throw new HbnnError(
      `--target: expected ${Object.keys(targets).join(' or ')}, got '${o.target}'${targetFor(o.target)}`,
    );
  const images = wholeNumber(o.vectors, '--vectors');
  if (images < 1) throw new HbnnError(`--vectors: expected at least 1, got ${images}`);
  const model = await readModelFile(o.model);
  const design = designFor(model, style, o);
  const files = { ...verilogFiles(design), ...testbenchFiles(model, design, { images }) };
  writeRtl(o.out, model, design, files);
  const bytes = Object.values(files).reduce((sum, text) => sum + text.length, 0);
  const count = Object.keys(files).length;
  const { top } = design;
  printResult(
    { folder: o.out, top, target: o.target, ...summary(design), files: count, bytes },
    o.json,
  );
}

function designFor(model: CheckedModel, style: 'gates' | 'xc7', o: Options): Design | FoldedDesign {
  const maxLevels =
    o.maxLevels === undefined ? undefined : wholeNumber(o.maxLevels, '--max-levels');
  if (o.style === 'unrolled') {
    for (const name of ['fold', 'fps', 'clock', 'luts'] as const)
      if (o[name] !== undefined)
        throw new HbnnError(`--${name}: expected --style folded beside it, got --style unrolled`);
    const mostAdders = o.budget === undefined ? undefined : wholeNumber(o.budget, '--budget');
    return unrolledDesign(model, { style, mostAdders, maxLevels });
  }
  if (o.style !== 'folded')
    throw new HbnnError(`--style: expected unrolled or folded, got '${o.style}'`);
  if (o.budget !== undefined)
    throw new HbnnError(
      '--budget: has no effect with --style folded; it goes with --style unrolled, give --luts',
    );
  return foldedDesign(model, { style, maxLevels, folds: foldsFor(model, o) });
}

/** LUTs that folds are chosen for when nothing is said. */
const lutsUsually = 50_000;

function foldsFor(model: CheckedModel, o: Options): FoldTable {
  if (o.fps !== undefined && o.luts !== undefined)
    throw new HbnnError('--fps, --luts: expected one of them, got both');
  if ((o.fps === undefined) !== (o.clock === undefined))
    throw new HbnnError('--fps: expected it together with --clock, got one of them alone');
  if (o.fold === undefined) return chosenFolds(model, o);
  const given = readFoldFile(o.fold);
  const others = model.layers.filter(
    (layer) => 'weights' in layer && !Object.hasOwn(given, layer.name),
  );
  if (others.length > 0) return { ...chosenFolds(model, o), ...given };
  const stray = o.fps === undefined ? 'luts' : 'fps';
  if (o[stray] !== undefined)
    throw new HbnnError(
      `--${stray}: has no effect where --fold has all layers with weights; leave one of them out`,
    );
  return given;
}

/** Folds of all layers with weights, by what is asked for. */
function chosenFolds(model: CheckedModel, o: Options): FoldTable {
  if (o.fps === undefined) {
    const luts = o.luts === undefined ? lutsUsually : wholeNumber(o.luts, '--luts');
    return chooseFolds(model, { luts });
  }
  const [fps, clock] = [decimal(o.fps, '--fps'), decimal(o.clock ?? '', '--clock')];
  if (!(fps > 0 && clock > 0))
    throw new HbnnError(`--fps, --clock: expected numbers above 0, got ${o.fps} and ${o.clock}`);
  return chooseFolds(model, { cycles: (clock * 1e6) / fps });
}

function summary(design: Design | FoldedDesign) {
  if (design.kind === 'unrolled') {
    const { latencyCycles, layers } = design;
    return {
      latencyCycles,
      layers: layers.map(({ layer, kind, module, modules }) => ({
        ...{ layer, kind, module, modules: modules.length },
      })),
    };
  }
  const { cyclesPerImage, layers } = design;
  return {
    cyclesPerImage,
    layers: layers.map(({ layer, kind, module, fold, cycles }) => ({
      ...{ layer, kind, module, cycles: cycles.scheduled, idealCycles: cycles.ideal },
      ...(fold !== undefined && { pe: fold.pe, simd: fold.simd, constant: fold.constant }),
    })),
  };
}
