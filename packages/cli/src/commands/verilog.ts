import {
  chooseFolds,
  type Design,
  type FoldedDesign,
  type FoldRequest,
  type FoldTable,
  foldedDesign,
  foldTable,
  type MemoryStyle,
  unrolledDesign,
} from '@hbnn/circuit';
import { HbnnError, suggestion } from '@hbnn/core';
import { findDevice } from '@hbnn/estimator';
import type { CheckedModel } from '@hbnn/model';
import { testbenchFiles, verilogFiles } from '@hbnn/verilog';
import { Command } from 'commander';
import { foldHelp, readFoldRequest } from '../foldFile.ts';
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
  rom?: string;
  lineBuffers?: string;
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
    .option('--fold <folds>', `folded: ${foldHelp}`)
    .option('--fps <n>', 'folded: the same as --fold fps:N, with --clock')
    .option('--clock <MHz>', 'folded: the clock that fps:RATE counts with')
    .option(
      '--luts <n>',
      'folded: the same as --fold luts:N, the fastest folds within about N LUTs (default 50000)',
    )
    .option(
      '--rom <how>',
      'folded: weights as case statements, or as hex files that $readmemh reads (default case)',
    )
    .option(
      '--line-buffers <how>',
      'folded: distributed or block RAM, or auto: block for rows of over 64 pixels (default auto)',
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
  return suggestion(name, Object.keys(targets)) || '; give one of these';
}

async function run(o: Options): Promise<void> {
  const style = targets[o.target];
  if (style === undefined)
    throw new HbnnError(
      `--target: expected ${Object.keys(targets).join(' or ')}, got '${o.target}'${targetFor(o.target)}`,
    );
  const images = wholeNumber(o.vectors, '--vectors');
  if (images < 1)
    throw new HbnnError(
      `--vectors: expected at least 1, got ${images}; give --vectors 1 or more, or leave it out`,
    );
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
    for (const [name, option] of foldedOptions)
      if (o[name] !== undefined)
        throw new HbnnError(
          `--${option}: expected --style folded beside it, got --style unrolled; add --style folded or leave this out`,
        );
    const maxAdders = o.budget === undefined ? undefined : wholeNumber(o.budget, '--budget');
    return unrolledDesign(model, { style, maxAdders, maxLevels });
  }
  if (o.style !== 'folded')
    throw new HbnnError(
      `--style: expected unrolled or folded, got '${o.style}'; give one of these`,
    );
  if (o.budget !== undefined)
    throw new HbnnError(
      '--budget: has no effect with --style folded; it goes with --style unrolled, give --luts',
    );
  return foldedDesign(model, {
    style,
    maxLevels,
    folds: foldsFor(model, o),
    memories: memoriesOf(o),
  });
}

/** Options that go with --style folded alone. */
const foldedOptions = [
  ['fold', 'fold'],
  ['fps', 'fps'],
  ['clock', 'clock'],
  ['luts', 'luts'],
  ['rom', 'rom'],
  ['lineBuffers', 'line-buffers'],
] as const;

const roms = ['case', 'hex'] as const;
const lineBuffers = ['auto', 'distributed', 'block'] as const;

function memoriesOf(o: Options): Partial<MemoryStyle> {
  const chosen = <T extends string>(option: string, given: string, all: readonly T[]): T => {
    const found = all.find((name) => name === given);
    if (found !== undefined) return found;
    throw new HbnnError(
      `--${option}: expected ${all.join(' or ')}, got '${given}'${suggestion(given, all) || '; give one of these'}`,
    );
  };
  return {
    ...(o.rom !== undefined && { rom: chosen('rom', o.rom, roms) }),
    ...(o.lineBuffers !== undefined && {
      lines: chosen('line-buffers', o.lineBuffers, lineBuffers),
    }),
  };
}

/** What folds are chosen for without --fold, --fps and --luts. */
const defaultGoal: FoldRequest = { kind: 'luts', luts: 50_000 };

function foldsFor(model: CheckedModel, o: Options): FoldTable {
  if (o.fps !== undefined && o.luts !== undefined)
    throw new HbnnError('--fps, --luts: expected one of them, got both; leave one of them out');
  const goal = goalOf(o);
  const request = o.fold === undefined ? undefined : readFoldRequest(o.fold);
  if (request?.kind === 'table') return completed(model, request.table, goal, o);
  if (request !== undefined && goal !== undefined)
    throw new HbnnError(
      '--fold, --fps, --luts: expected one of them, got more; leave all but one out',
    );
  return foldsOf(model, request ?? goal ?? defaultGoal, o);
}

/** The folds of a table, and for layers that it leaves out those that are chosen without it. */
function completed(
  model: CheckedModel,
  table: FoldTable,
  goal: FoldRequest | undefined,
  o: Options,
): FoldTable {
  const left = model.layers.some(
    (layer) => 'weights' in layer && !Object.hasOwn(table, layer.name),
  );
  if (left) return { ...foldsOf(model, goal ?? defaultGoal, o), ...table };
  if (goal !== undefined)
    throw new HbnnError(
      `--${o.fps === undefined ? 'luts' : 'fps'}: has no effect where --fold has all layers with weights; leave one of them out`,
    );
  checkClock(undefined, o);
  return table;
}

function checkClock(request: FoldRequest | undefined, o: Options): void {
  if ((request?.kind === 'rate') !== (o.clock !== undefined))
    throw new HbnnError(
      '--fold fps:RATE, --fps: expected it together with --clock, got one of them alone; give both, as in --fps 450 --clock 100',
    );
}

/** The folds of all layers with weights that a request asks for. */
function foldsOf(model: CheckedModel, request: FoldRequest, o: Options): FoldTable {
  checkClock(request, o);
  const names = model.layers.filter((layer) => 'weights' in layer).map(({ name }) => name);
  switch (request.kind) {
    case 'largest':
      throw new HbnnError(
        '--fold largest: expected luts:N, fps:RATE or PExSIMD per layer, as no device is named whose size could be filled; give luts:N',
      );
    case 'rate': {
      const clock = decimal(o.clock ?? '', '--clock');
      if (!(clock > 0))
        throw new HbnnError(`--clock: expected megahertz above 0, got ${o.clock}; give the clock`);
      return chooseFolds(model, { cycles: (clock * 1e6) / request.framesPerSecond });
    }
    case 'luts':
      return chooseFolds(model, { luts: request.luts });
    case 'each':
      return foldTable(names, request.folds);
    default:
      return request satisfies never;
  }
}

/** `--fps N` is `--fold fps:N`, and `--luts N` is `--fold luts:N`; undefined where neither is typed. */
function goalOf({ fps, luts }: Options): FoldRequest | undefined {
  if (luts !== undefined) return { kind: 'luts', luts: wholeNumber(luts, '--luts') };
  if (fps === undefined) return undefined;
  const framesPerSecond = decimal(fps, '--fps');
  if (!(framesPerSecond > 0))
    throw new HbnnError(`--fps: expected images per second above 0, got ${fps}; ask for more`);
  return { kind: 'rate', framesPerSecond };
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
    cyclesPerImageIs: 'simulated, beat by beat, without what beats carry',
    slowestLayerCycles: scheduledCycles,
    layers: layers.map(({ layer, kind, module, fold, cycles, buffer }) => ({
      layer,
      kind,
      module,
      cycles: cycles.scheduled,
      idealCycles: cycles.ideal,
      ...(buffer !== undefined && { bufferDepth: buffer.depth }),
      ...(fold !== undefined && { pe: fold.pe, simd: fold.simd, constant: fold.constant }),
    })),
  };
}
