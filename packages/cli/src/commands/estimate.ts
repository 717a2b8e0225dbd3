import {
  chooseFolds,
  type Fold,
  type FoldTable,
  fabrics,
  familyFabrics,
  foldsOf,
  foldTable,
  foldText,
  unrolledDesign,
} from '@hbnn/circuit';
import { HbnnError } from '@hbnn/core';
import {
  type Activity,
  builtInTechnology,
  type Device,
  device,
  estimateAsic,
  estimateFolded,
  estimateFoldedAsic,
  estimateUnrolled,
  type FoldedAsic,
  type FoldedEstimate,
  type FoldedLayer,
  foldedAtRate,
  foldedLayers,
  foldsAtRate,
  foldsWithinLuts,
  largestFolded,
  libertyTechnology,
  ofBranches,
  ofModelledLayers,
  pipelineRegisters,
  quantityOrNone,
  scalingNodes,
  scheduledPace,
  type Technology,
  unmodelledLayers,
} from '@hbnn/estimator';
import { type Census, type CheckedModel, census } from '@hbnn/model';
import { Command } from 'commander';
import { type ActivityOptions, activityFrom } from '../estimateActivity.ts';
import { printEstimate } from '../estimateText.ts';
import { foldHelp, type ReadFoldRequest, readFoldRequest } from '../foldFile.ts';
import { avoidedCells, readLibertyFile } from '../libertyFile.ts';
import { readModelFile } from '../modelFile.ts';
import { freeRtlFolder, hbnnLine, verilogLine } from '../nextSteps.ts';
import { checkMegahertz, positiveDecimal, positiveNumber } from '../numbers.ts';
import { printNext, quietFlag } from '../output.ts';
import { canFoldByEstimate, rtlFigures } from '../rtlFigures.ts';

interface Options extends ActivityOptions {
  model: string;
  target?: string;
  liberty?: string[];
  dontUse?: string;
  fold?: string;
  clock?: string;
  rate?: string;
  maxLevels?: string;
}

const help = `
A target is one of these:
  zc706, pynq, ecp5-85, up5k, vu9p, …  an FPGA or a board by its name
  asic:NM                              the built-in cells, scaled to a process of
                                       NM nanometres

With --liberty FILE… the cells of your own library are used instead; give all files of the library.

Without --fold the circuit is unrolled: every weight has its own logic, for one image per cycle.

With --fold the result describes two circuits with the same folds:
  verilog…  the circuit that 'hbnn verilog --style folded' writes; its sizes are
            estimated layer by layer, as 'hbnn synth' counts them
  finn…     a circuit as FINN builds it: each lane multiplies all bits of a
            weight at once, and is wide enough for the weight with the most bits

With --fold largest, the result is for the largest circuit of FINN's kind that fits into the FPGA. The circuit of 'hbnn
verilog' has another size, and other folds can make it faster and smaller. To find these, give luts:N, where N is at
most the number of LUTs of the FPGA.

If a circuit does not fit, the result has no rate and no power.

The note of the result says which kind of LUT is counted:
  luts         unrolled: look-up tables, like 'luts' of hbnn synth; two small
               tables can share a LUT6 site, which 'sites' of hbnn synth counts
  verilogLuts  folded: look-up tables, like 'luts' of hbnn synth
  finnLuts     on Xilinx's families: the LUTs that are used after place and
               route

Examples:
  hbnn estimate --model m.hbnn --target zc706 --fold largest --clock 200
  hbnn estimate --model m.hbnn --target zc706 --fold fps:3000 --clock 200
  hbnn estimate --model m.hbnn --target asic:45 --rate 3400 --json
  hbnn estimate --model m.hbnn --target asic:45 --data fashion-mnist-subset
  hbnn estimate --model m.hbnn --liberty sky130hd_tt.lib`;

export function estimateCommand(): Command {
  return new Command('estimate')
    .description('estimate area, energy and throughput of an integer model, with error bands')
    .requiredOption('--model <file>', 'model file')
    .option('--target <name>', 'an FPGA or board, or asic:NM')
    .option('--liberty <files...>', 'Liberty files of standard cells')
    .option('--dont-use <cells>', 'cells of the library that are not used, e.g. *_x16,*clk*')
    .option('--fold <folds>', foldHelp)
    .option('--clock <MHz>', 'clock of a circuit on an FPGA or with --fold (default: 100)')
    .option(
      '--max-levels <n>',
      'without --fold, on an FPGA: include the registers of a pipelined circuit with at most n levels of logic per stage',
    )
    .option('--rate <frames>', 'images per second that the power of an ASIC is for (default: 1000)')
    .option('--activity <changes>', 'changes per net and image in an ASIC')
    .option('--data <name>', 'count the changes in an ASIC over test images of this data set')
    .option('--from <path>', 'local folder or archive of the data set')
    .option(
      '--in <file>',
      'count the changes in an ASIC over the images of a .npy file of whole numbers from 0 to 255',
    )
    .option('--images <n>', 'with --data or --in: images to count over (default: 257)')
    .option('--skip-bad-images', 'with --data folder: leave out images that cannot be read')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText('after', help)
    .action((o: Options) => run(o));
}

async function run(o: Options): Promise<void> {
  const cells = cellsOf(o);
  const on = cells === undefined ? targetDevice(o.target ?? '') : undefined;
  checkEffect(o, cells !== undefined);
  const clock = positiveDecimal(o.clock ?? '100', '--clock', 'of MHz, such as 100');
  const clockHz = checkMegahertz(clock, '--clock', o.clock) * 1e6;
  const model = await readModelFile(o.model);
  const counted = census(model);
  const isClocked = on !== undefined || o.fold !== undefined;
  const head = {
    model: o.model,
    ...(on !== undefined && { target: on.name }),
    ...(isClocked && { clockHz }),
  };
  const kind = { operations: counted.total, style: o.fold === undefined ? 'unrolled' : 'folded' };
  const common = { ...head, ...kind };
  if (o.fold !== undefined) {
    const figures = foldedFigures(model, counted, cells ?? on, clockHz, o.fold);
    const note = on === undefined ? undefined : noteOf(on, o.fold);
    printEstimate({ ...common, ...(note !== undefined && { note }), ...figures }, o.json);
    const each = figures.folds.map(foldText).join(',');
    const rtl = freeRtlFolder();
    const words = ['--model', o.model, '--out', rtl, '--style', 'folded', '--fold', each];
    if (on?.family === 'xc7') words.push('--target', 'xc7');
    printNext([hbnnLine('verilog', ...words)], o);
    return;
  }
  const found =
    cells === undefined
      ? unrolledFigures(model, needed(on), clockHz, o.maxLevels)
      : asicEstimate(model, counted, cells, o, await activityFrom(model, o));
  printEstimate({ ...common, ...found }, o.json);
  const pipelined =
    o.maxLevels === undefined
      ? undefined
      : hbnnLine(
          'verilog',
          '--model',
          o.model,
          '--out',
          freeRtlFolder(),
          '--max-levels',
          o.maxLevels,
        );
  printNext([pipelined ?? verilogLine(model, o.model)], o);
}

/** Figures of an unrolled design: without registers, or pipelined by a budget of levels. */
function unrolledFigures(
  model: CheckedModel,
  on: Device,
  clockHz: number,
  levels: string | undefined,
) {
  const found = { note: lutNote(on, false), ...estimateUnrolled(model, on, clockHz) };
  if (levels === undefined) return found;
  const maxLevels = positiveNumber(levels, '--max-levels');
  const { style } = fabrics[familyFabrics[on.family]];
  const design = unrolledDesign(model, { style, maxLevels });
  const steps = pipelineRegisters(design);
  const count = steps.reduce((sum, { flipFlops }) => sum + flipFlops, 0);
  const share = count / on.flipFlops;
  return {
    ...found,
    occupancy: { ...found.occupancy, flipFlops: share },
    fits: found.fits && share <= 1,
    flipFlops: quantityOrNone(count, 'FF', registersCounted, registersCounted),
    flipFlopsOfSteps: steps,
    latencyCycles: design.latencyCycles,
    unknown: { ...found.unknown, clock: pipelinedClock },
  };
}

const pipelinedClock =
  'whether the clock is met: nothing is placed or routed; take the depth of the deepest stage that hbnn synth reports';

const registersCounted = {
  source: 'counted',
  error: 0.01,
  from: 'the registers of the design that hbnn verilog --max-levels writes',
} as const;

function needed(on: Device | undefined): Device {
  if (on === undefined) throw new Error('estimate: neither cells nor a device');
  return on;
}

/** Figures of a folded design: of the one that `hbnn verilog` writes, and of one as FINN builds it, under names of its own. */
function foldedFigures(
  model: CheckedModel,
  counted: Census,
  on: Technology | Device | undefined,
  clockHz: number,
  fold: string,
) {
  if (on === undefined) throw new Error('estimate: neither cells nor a device');
  const layers = foldedLayers(counted, model);
  if ('family' in on) {
    const found = folded(model, layers, on, clockHz, fold);
    const leftOut = unmodelledLayers(counted, on);
    const modelled = ofModelledLayers(found, leftOut);
    const estimate = ofBranches(modelled, counted);
    const { unknown, ...ours } = rtlFigures(model, found.folds, on, clockHz);
    const finns = underFinnsName(thatFits(estimate, on));
    const unknowns = {
      ...unknown,
      ...(finns.unknown as Record<string, string>),
      ...('verilogLuts' in ours &&
        leftOut.length > 0 && { layers: onlyFinnsLeaveOut(leftOut, 'verilogFits' in ours) }),
    };
    return { folds: found.folds, ...ours, ...finns, unknown: unknowns };
  }
  const found = foldedAsic(model, layers, on, clockHz, fold);
  const modelled = ofModelledLayers(found, unmodelledLayers(counted, 'cells'));
  const estimate = ofBranches(modelled, counted);
  return {
    folds: found.folds,
    ...scheduledPace(model, found.folds, clockHz),
    ...underFinnsName(estimate),
  };
}

/** What is said of layers that are missing from FINN's figures alone. */
const onlyFinnsLeaveOut = (layers: readonly string[], isChecked: boolean): string =>
  `the figures of the circuit as FINN builds it leave out ${layers.join(', ')}: they are lower bounds, and whether that circuit fits was not checked. The figures of 'hbnn verilog' have all layers${isChecked ? ", and 'verilog fits' was checked" : ''}`;

/** Figures of a design as FINN builds it, with lanes as wide as the widest weight, which `hbnn verilog` does not write. */
const finnsFigures: Readonly<Record<string, string>> = {
  luts: 'finnLuts',
  flipFlops: 'finnFlipFlops',
  memoryBlocks: 'finnMemoryBlocks',
  dsps: 'finnDsps',
  occupancy: 'finnOccupancy',
  fits: 'finnFits',
  framesPerSecond: 'finnFramesPerSecond',
  cyclesPerFrame: 'finnCyclesPerFrame',
  latencyCycles: 'finnLatencyCycles',
  powerW: 'finnPowerW',
  energyPerFrameJ: 'finnEnergyPerFrameJ',
  energyPerOperationJ: 'finnEnergyPerOperationJ',
  logicPerFrameJ: 'finnLogicPerFrameJ',
  memoryPerFrameJ: 'finnMemoryPerFrameJ',
};

const underFinnsName = (estimate: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(estimate).map(([name, value]) => [finnsFigures[name] ?? name, value]),
  );

/** A design that does not fit has no rate on the device, and no power. */
function thatFits<T extends { readonly unknown: Readonly<Record<string, string>> }>(
  estimate: T,
  on: Device,
): object {
  if (!('fits' in estimate) || estimate.fits) return estimate;
  const { framesPerSecond: _, powerW: __, energyPerFrameJ: ___, ...rest } = estimate as T & Paced;
  const rate = `the design as FINN builds it does not fit ${on.name}, as occupancy says; take smaller folds (--fold largest) or a larger device`;
  return { ...rest, unknown: { ...estimate.unknown, rate } };
}

interface Paced {
  readonly framesPerSecond?: unknown;
  readonly powerW?: unknown;
  readonly energyPerFrameJ?: unknown;
}

/** What folded figures on a device are of. */
function noteOf(on: Device, fold: string): string {
  const note = lutNote(on, true);
  if (fold !== 'largest') return note;
  return `${note}; largest: folds that fill the device with FINN's engines, where hbnn verilog has the fewest cycles with --fold luts:${on.luts}`;
}

/** What is counted as a LUT: tables before packing, or what of the device is in use. */
function lutNote({ family }: Device, isFolded: boolean): string {
  if (fabrics[familyFabrics[family]].tableInputs === 4)
    return `${isFolded ? 'finnLuts, verilogLuts' : 'luts'}: tables of four inputs, 'luts' of hbnn synth`;
  return isFolded
    ? "finnLuts: LUTs in use after place and route, as FINN's networks were measured; verilogLuts: tables, 'luts' of hbnn synth"
    : "luts: tables, 'luts' of hbnn synth; its LUT6 'sites' are fewer, where two small tables share one";
}

function folded(
  model: CheckedModel,
  layers: readonly FoldedLayer[],
  on: Device,
  clockHz: number,
  fold: string,
): FoldedEstimate {
  const request = readFoldRequest(fold);
  if (request.kind === 'largest') return largestFolded(layers, on, clockHz);
  if (request.kind === 'rate') return foldedAtRate(layers, on, request.framesPerSecond, clockHz);
  return estimateFolded(layers, foldsAsked(model, layers, request, on), on, clockHz);
}

function foldedAsic(
  model: CheckedModel,
  layers: readonly FoldedLayer[],
  cells: Technology,
  clockHz: number,
  fold: string,
): FoldedAsic {
  const request = readFoldRequest(fold);
  if (request.kind === 'largest')
    throw new HbnnError(
      '--fold largest: expected PExSIMD per layer or fps:RATE, as cells have no size to fill; name an FPGA for it',
    );
  const folds =
    request.kind === 'rate'
      ? foldsAtRate(layers, request.framesPerSecond, clockHz)
      : foldsAsked(model, layers, request);
  return estimateFoldedAsic(layers, folds, cells, clockHz);
}

/** The folds that are given, or that the generator chooses for a number of LUTs, one per layer with weights. */
function foldsAsked(
  model: CheckedModel,
  layers: readonly FoldedLayer[],
  request: Exclude<ReadFoldRequest, { kind: 'largest' | 'rate' }>,
  on?: Device,
): Fold[] {
  if (request.kind === 'luts') return foldsOf(layers, foldsForLuts(model, request.luts, on));
  if (request.kind === 'table') return foldsOf(layers, request.table);
  const names = layers.map(({ name }) => name);
  return foldsOf(layers, foldTable(names, request.folds, '--fold'));
}

/** Folds for a number of LUTs: by what their Verilog is estimated to take, else by a rough count. */
const foldsForLuts = (model: CheckedModel, luts: number, on: Device | undefined): FoldTable =>
  on !== undefined && canFoldByEstimate(model, on)
    ? foldsWithinLuts(model, luts, on.family, '--fold luts').folds
    : chooseFolds(model, { luts }, '--fold luts');

function asicEstimate(
  model: CheckedModel,
  counted: Census,
  cells: Technology,
  o: Options,
  activity: Activity | undefined,
) {
  const framesPerSecond = imagesPerSecond(o.rate ?? '1000');
  const found = estimateAsic(model, cells, {
    framesPerSecond,
    xnors: counted.total.xnor,
    ...(activity !== undefined && { activity }),
  });
  // Beside the power, the rate that it is for.
  return Object.fromEntries(
    Object.entries(found).flatMap(([name, value]) =>
      name === 'powerW'
        ? [
            ['ratePerSecond', framesPerSecond],
            [name, value],
          ]
        : [[name, value]],
    ),
  );
}

/** An image every cycle of the fastest clock that is taken. */
const maxImagesPerSecond = 1e10;

/** @throws HbnnError for what is no rate, or one that no circuit has */
function imagesPerSecond(typed: string): number {
  const rate = positiveDecimal(typed, '--rate', 'of images per second, such as 1000');
  if (rate <= maxImagesPerSecond) return rate;
  throw new HbnnError(
    `--rate: expected at most 10000000000 images per second, one in each cycle of 10 GHz, got ${typed}; give a smaller one`,
  );
}

/** Options of the power of unrolled designs in cells. */
const ofPower = ['rate', 'activity', 'data', 'in', 'from', 'images', 'skipBadImages'] as const;

const flagOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Refuse options that change nothing in what is asked for. @throws HbnnError saying what they go with */
function checkEffect(o: Options, inCells: boolean): void {
  const stray = ofPower.find((name) => o[name] !== undefined);
  if (stray !== undefined && !inCells)
    throw new HbnnError(
      `${flagOf(stray)}: has no effect with an FPGA; give --target asic:NM or --liberty`,
    );
  if (stray !== undefined && o.fold !== undefined)
    throw new HbnnError(
      `${flagOf(stray)}: has no effect with a folded design in cells; give --clock`,
    );
  if (o.maxLevels !== undefined && (inCells || o.fold !== undefined))
    throw new HbnnError(
      `--max-levels: has no effect ${inCells ? 'in cells' : 'with --fold'}; give it for an unrolled design on an FPGA, or leave it out`,
    );
  if (o.clock !== undefined && inCells && o.fold === undefined)
    throw new HbnnError(
      '--clock: has no effect with an unrolled design in cells; give --fold beside it, or --rate',
    );
  for (const [flag, value] of [
    ['--from', o.from],
    ['--skip-bad-images', o.skipBadImages],
  ] as const)
    if (value !== undefined && o.data === undefined)
      throw new HbnnError(`${flag}: has no effect without --data; name the data set`);
  if (o.images !== undefined && o.data === undefined && o.in === undefined)
    throw new HbnnError(
      '--images: has no effect without images to count over; give --data or --in',
    );
}

/** The FPGA of --target. @throws HbnnError naming the flag */
function targetDevice(name: string): Device {
  try {
    return device(name);
  } catch (error) {
    if (!(error instanceof HbnnError)) throw error;
    const message = error.message.replace(', got', ', or asic:NM such as asic:45, got');
    throw new HbnnError(`--${message}`);
  }
}

/** The standard cells that are asked for; undefined for an FPGA. */
function cellsOf({ target, liberty, dontUse }: Options): Technology | undefined {
  if (dontUse !== undefined && liberty === undefined)
    throw new HbnnError('--dont-use: has no effect without --liberty; name the library');
  if (liberty !== undefined) {
    if (target !== undefined)
      throw new HbnnError(
        `--liberty: expected no --target beside it, got '${target}'; leave one of them out`,
      );
    const avoided = avoidedCells(dontUse);
    const libraries = liberty.map((file) => readLibertyFile('--liberty', file, avoided));
    avoided?.checkAllMatched(liberty.join(', '));
    return libertyTechnology(libraries);
  }
  if (target === undefined)
    throw new HbnnError(
      '--target: expected an FPGA such as zc706, a process such as asic:45, or --liberty FILE, got none; add one, as in --target zc706',
    );
  const process = /^asic:(.*)$/i.exec(target)?.[1];
  if (process === undefined) return undefined;
  const node = scalingNodes.find((nm) => String(nm) === process);
  if (node !== undefined) return builtInTechnology(node);
  throw new HbnnError(
    `--target: expected asic:NM with one of ${scalingNodes.join(', ')} as NM, the processes that scaling factors are published for, got '${target}'; give one of them, as in --target asic:45`,
  );
}
