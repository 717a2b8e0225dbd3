import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { findDevice } from '@hbnn/estimator';
import { makeFolder, writeWhole } from '@hbnn/train/files';
import {
  findNativeYosys,
  ice40Devices,
  isDesignFile,
  maxPlacementSeed,
  NativeRunner,
  needNextpnr,
  place,
  placeSteps,
  synthesisTarget,
  synthesisTargets,
  synthesize,
} from '@hbnn/verilog';
import { Command } from 'commander';
import { Interruption, untilInterrupted } from '../interruption.ts';
import { avoidedCells, readCellFile } from '../libertyFile.ts';
import { estimateLine } from '../nextSteps.ts';
import { checkMegahertz, decimal, wholeNumber } from '../numbers.ts';
import { printNext, printResult, quietFlag, typedCommand } from '../output.ts';
import { duration, progressMeter } from '../progress.ts';
import { type RtlManifest, readRtl } from '../rtlFolder.ts';
import { whyUnreadable } from '../unreadable.ts';

interface Options {
  rtl: string;
  target: string;
  cache: boolean;
  dontUse?: string;
  workers?: string;
  yosys: string;
  place?: boolean;
  device?: string;
  package?: string;
  freq?: string;
  seed?: string;
  layer?: string;
  json?: boolean;
  quiet?: boolean;
}

/** Options that say how to place. */
const placing = ['device', 'package', 'freq', 'seed', 'layer'] as const;

export function synthCommand(): Command {
  return new Command('synth')
    .description('synthesize Verilog with Yosys: cells, LUTs, LUT6 sites, flip-flops, depth')
    .requiredOption('--rtl <folder>', 'folder of hbnn verilog')
    .option('--target <name>', synthesisTargets.join(', '), 'xc7')
    .option('--dont-use <cells>', 'cells of the library that are not used, e.g. *_x16,*clk*')
    .option('--workers <n>', 'threads that run Yosys (default: one per core)')
    .option(
      '--yosys <which>',
      'npm: Yosys compiled to WebAssembly; native: the installed Yosys; or the path of a Yosys',
      'npm',
    )
    .option('--no-cache', 'do not use earlier results of the same Verilog')
    .option('--place', 'with --target ice40: place and route the whole circuit with nextpnr-ice40')
    .option('--device <name>', `with --place: ${ice40Devices.join(', ')} (default: hx8k)`)
    .option('--package <name>', 'with --place: the device’s package (default: one with many pins)')
    .option('--freq <MHz>', 'with --place: the clock to aim for (default: 100)')
    .option('--seed <n>', 'with --place: seed of the placement (default: 1)')
    .option('--layer <name>', 'with --place: place only this layer')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
Each module is synthesized alone and counted as often as it is used. A module that is too large is split into groups
that are optimized separately; the result says how many groups there are.

The result has these fields:
  luts         look-up tables, without those that are used as memory
  sites        places for a LUT6; two tables with at most five inputs in all can
               share one (an estimate, because nothing is placed)
  depth        tables on the longest path between registers
  blockRams    memories in block RAM (for xc7 in halves of 18 kbit)
  memoryLuts   tables that are used as memory

If a library of cells has several Liberty files, separate them by commas. Libraries of cells have no memories, so
memories become registers there.

Results are kept in ~/.cache/hbnn, or in the folder HBNN_CACHE.

--place needs the package @yowasp/nextpnr-ice40 in the current folder. A circuit can have more ports than the chip has
pins. So a shift register is added at its inputs, and registers are added at its outputs.

With --place the result also has these fields:
  logicCells    logic cells of the chip that the placed circuit takes
  harnessCells  how many of the logicCells the added registers take
  fmaxMhz       the fastest clock of the placed circuit

Examples:
  hbnn synth --rtl rtl --target xc7 --json
  hbnn synth --rtl rtl --target ice40 --place --device up5k`,
    )
    .action((o: Options) =>
      untilInterrupted(() => run(o)).catch((error) => {
        throw continued(error, o);
      }),
    );
}

/** Files that are done are not synthesized again, where results are kept. */
function continued(error: unknown, o: Options): unknown {
  if (!(error instanceof Interruption)) return error;
  const kept =
    o.cache && !o.place
      ? `the results of the files that were done, in ${cacheFolder()}`
      : `nothing: ${o.place ? 'placing begins anew' : '--no-cache keeps no results'}`;
  return new Interruption(error.signal, typedCommand(), kept);
}

const cacheFolder = (): string => process.env.HBNN_CACHE ?? join(homedir(), '.cache', 'hbnn');

async function run(o: Options): Promise<void> {
  const { manifest, files } = readRtl(o.rtl);
  checkEffect(o);
  if (o.place) return runPlace(o, manifest, files);
  const dontUse = avoidedCells(o.dontUse);
  checkTarget(o.target);
  const target = synthesisTarget(o.target, (file) => readCellFile('--target', file, dontUse));
  dontUse?.checkAllMatched(o.target.replace(/^liberty:/, ''));
  const workers = o.workers === undefined ? undefined : wholeNumber(o.workers, '--workers');
  if (workers === 0)
    throw new HbnnError(
      '--workers: expected at least 1, got 0; give --workers 1 or more, or leave it out',
    );
  if (target.name !== 'xc7') needGates(o, manifest);
  const native = o.yosys === 'npm' ? undefined : nativeYosys(o.yosys);
  const progress = synthesisProgress(files, o);
  const cache = o.cache ? fileCache() : undefined;
  const start = performance.now();
  const { layer: _, ...cost } = await synthesize(files, manifest.top, target, {
    cache,
    workers,
    ...(native !== undefined && {
      runner: new NativeRunner(native, workers),
      runnerName: native.version,
    }),
    ...progress.hooks,
  }).finally(() => progress.stop());
  const names = new Map(manifest.layers.map(({ layer, module }) => [module, layer]));
  const layers = cost.layers.map((one) => ({ ...one, layer: names.get(one.layer) ?? one.layer }));
  const seconds = (performance.now() - start) / 1000;
  const yosys = native === undefined ? 'npm' : `${native.version}, ${native.path}`;
  const filesFromCache = cache?.found() ?? 0;
  printResult(
    { rtl: o.rtl, target: o.target, yosys, seconds, filesFromCache, ...cost, layers },
    o.json,
  );
  printNext(nextSteps(o, manifest), o);
}

const nativeYosys = (which: string) =>
  findNativeYosys(which === 'native' ? undefined : which, '--yosys');

/** Shows which files Yosys is at, and how long the rest will take by the text that is done. */
function synthesisProgress(files: Readonly<Record<string, string>>, o: Options) {
  const meter = progressMeter('synthesizing', o);
  const start = performance.now();
  const open = new Set<string>();
  let [done, total, letters] = [0, 0, 0];
  const all = Object.entries(files)
    .filter(([name]) => isDesignFile(name))
    .reduce((sum, [, text]) => sum + text.length, 0);
  const show = (): void => {
    const seconds = (performance.now() - start) / 1000;
    const rest =
      letters === 0 ? [] : [`about ${duration((seconds * (all - letters)) / letters)} left`];
    meter.update(done, total, [[...open].join(' '), ...rest]);
  };
  return {
    hooks: {
      onStart: (name: string) => {
        open.add(name);
        show();
      },
      onFile: (count: number, of: number, name: string) => {
        [done, total] = [count, of];
        open.delete(name);
        letters += files[name]?.length ?? 0;
        show();
      },
    },
    stop: () => meter.stop(),
  };
}

/** A device of each family to estimate for. */
const deviceOf: Readonly<Record<string, string>> = { xc7: 'zc706', ice40: 'hx8k', ecp5: 'ecp5' };

/** An estimate of the same design, where the model's file is still there. */
function nextSteps(
  { rtl, target }: Options,
  { modelFile, folds = {}, layers }: RtlManifest,
): string[] {
  if (modelFile === undefined) return [];
  const model = join(rtl, modelFile);
  if (!existsSync(model)) return [];
  const device = deviceOf[target] ?? 'zc706';
  const each = layers.flatMap(({ layer }) => (Object.hasOwn(folds, layer) ? [folds[layer]] : []));
  return [estimateLine(model, each, device)];
}

/** Refuse a device or board by the name of its family. @throws HbnnError saying which target to give */
function checkTarget(name: string): void {
  if (synthesisTargets.some((target) => target === name)) return;
  const device = findDevice(name);
  const target = synthesisTargets.find((each) => each === device?.family);
  if (device !== undefined)
    throw new HbnnError(
      `--target: got '${name}', expected one of ${synthesisTargets.join(', ')}; for ${device.name} give ${target ?? 'xc7, whose LUTs are of six inputs as well'}`,
    );
}

/** Refuse options that change nothing in what is asked for. @throws HbnnError saying what they go with */
function checkEffect(o: Options): void {
  const stray = placing.find((option) => o[option] !== undefined);
  if (stray !== undefined && !o.place)
    throw new HbnnError(
      `--${stray}: expected it with --place alone, got it without; add --place or leave it out`,
    );
  if (o.dontUse !== undefined && !o.target.startsWith('liberty:'))
    throw new HbnnError(
      `--dont-use: has no effect with --target ${o.target}; it goes with --target liberty:FILE`,
    );
  if (!o.place) return;
  for (const [flag, given] of [
    ['--workers', o.workers !== undefined],
    ['--yosys', o.yosys !== 'npm'],
    ['--no-cache', !o.cache],
  ] as const)
    if (given)
      throw new HbnnError(
        `${flag}: has no effect with --place, which makes one module, always anew and with the npm package; leave one of them out`,
      );
}

function needGates({ target, rtl }: Options, { style }: RtlManifest): void {
  if (style === 'xc7')
    throw new HbnnError(
      `--target ${target}: the Verilog in ${rtl} is made of LUT6_2 and CARRY4; write it with 'hbnn verilog --target generic'`,
    );
}

/** Place and route: the network, or a layer of it. */
async function runPlace(
  o: Options,
  manifest: RtlManifest,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  if (o.target !== 'ice40')
    throw new HbnnError(
      `--place: expected --target ice40, got '${o.target}'; add --target ice40 or leave --place out`,
    );
  needGates(o, manifest);
  const freqMhz =
    o.freq === undefined ? undefined : decimal(o.freq, '--freq', 'of MHz, such as 100');
  if (freqMhz !== undefined) checkMegahertz(freqMhz, '--freq', o.freq);
  if (freqMhz !== undefined && freqMhz <= 0)
    throw new HbnnError(
      `--freq: expected more than 0 MHz, got ${o.freq}; give the clock to work towards, as in --freq 100`,
    );
  const seed = o.seed === undefined ? undefined : wholeNumber(o.seed, '--seed');
  if (seed !== undefined && (seed < 0 || seed > maxPlacementSeed))
    throw new HbnnError(
      `--seed: expected a whole number from 0 to ${maxPlacementSeed}, got ${o.seed}; give another, as in --seed 1`,
    );
  const top = o.layer === undefined ? manifest.top : moduleOf(o.layer, o.rtl, manifest);
  const nextpnr = needNextpnr();
  const meter = progressMeter('place and route', o);
  const start = performance.now();
  const placement = await place(files, top, nextpnr, {
    device: o.device,
    package: o.package,
    freqMhz,
    seed,
    onStep: (step) => meter.update(placeSteps.indexOf(step), placeSteps.length, step),
  }).finally(() => meter.stop());
  const seconds = (performance.now() - start) / 1000;
  const { rtl, target, layer } = o;
  printResult(
    { rtl, target, ...(layer !== undefined && { layer }), seconds, ...placement },
    o.json,
  );
  printNext(nextSteps(o, manifest), o);
}

function moduleOf(layer: string, rtl: string, { layers }: RtlManifest): string {
  const found = layers.find((one) => one.layer === layer);
  if (found !== undefined) return found.module;
  const names = layers.map((one) => one.layer).join(', ');
  throw new HbnnError(
    `--layer: expected a layer of ${rtl} (${names}), got '${layer}'; name one of these`,
  );
}

/** @throws HbnnError where results cannot be kept */
function makeCacheFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (error) {
    throw new HbnnError(
      `${folder}: could not be made for results that are kept: ${whyUnreadable(error)}; set HBNN_CACHE to a folder that can be written, or give --no-cache`,
    );
  }
}

/** Results by a digest of what they are of. A damaged one counts as none. */
function fileCache() {
  const folder = cacheFolder();
  const fileOf = (key: string): string =>
    join(folder, `synth-${createHash('sha256').update(key).digest('hex')}.json`);
  let found = 0;
  return {
    /** How many results were there. */
    found: () => found,
    read: (key: string) => {
      const file = fileOf(key);
      try {
        if (!existsSync(file)) return undefined;
        const costs = JSON.parse(readFileSync(file, 'utf8'));
        found++;
        return costs;
      } catch {
        return undefined;
      }
    },
    write: (key: string, costs: unknown) => {
      makeCacheFolder(folder);
      writeWhole(fileOf(key), JSON.stringify(costs));
    },
  };
}
