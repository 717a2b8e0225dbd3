import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { writeWhole } from '@hbnn/train/files';
import { synthesisTarget, synthesisTargets, synthesize } from '@hbnn/verilog';
import { Command } from 'commander';
import { wholeNumber } from '../numbers.ts';
import { printResult } from '../output.ts';
import { progressMeter } from '../progress.ts';
import { readRtl } from '../rtlFolder.ts';

interface Options {
  rtl: string;
  target: string;
  cache: boolean;
  dontUse?: string;
  workers?: string;
  json?: boolean;
}

export function synthCommand(): Command {
  return new Command('synth')
    .description('synthesize Verilog with Yosys: cells, LUTs, LUT6 sites, flip-flops, depth')
    .requiredOption('--rtl <folder>', 'folder of hbnn verilog')
    .option('--target <name>', synthesisTargets.join(', '), 'xc7')
    .option('--dont-use <cells>', 'cells of the library to stay away from, e.g. *_x16,*clk*')
    .option('--workers <n>', 'threads that run Yosys (default: one per core)')
    .option('--no-cache', 'do not look for earlier results of the same text')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nModules are synthesized each by itself and counted as often as they are there. Sites are LUT6s after two\ntables of up to five inputs in all share one: an estimate, no placer was asked. A module too large to be\nsynthesized at once is parted into groups, with nothing optimized across them: the result says how many.\nA library may come in several Liberty files, with commas between. Results are kept in ~/.cache/hbnn\n(HBNN_CACHE).\n\nExample:\n  hbnn synth --rtl rtl --target xc7 --json',
    )
    .action((o: Options) => run(o));
}

async function run(o: Options): Promise<void> {
  const { manifest, files } = readRtl(o.rtl);
  const dontUse = o.dontUse?.split(',');
  const target = {
    ...synthesisTarget(o.target, readLiberty),
    ...(dontUse !== undefined && { dontUse }),
  };
  const workers = o.workers === undefined ? undefined : wholeNumber(o.workers, '--workers');
  if (workers === 0) throw new HbnnError('--workers: expected at least 1, got 0');
  if (manifest.style === 'xc7' && target.name !== 'xc7')
    throw new HbnnError(
      `--target ${o.target}: the Verilog in ${o.rtl} is made of LUT6_2 and CARRY4; write it with 'hbnn verilog --target generic'`,
    );
  const meter = progressMeter('synthesizing');
  const start = performance.now();
  const { layer: _, ...cost } = await synthesize(files, manifest.top, target, {
    ...(o.cache && { cache: fileCache() }),
    workers,
    onFile: (done, total, name) => meter.update(done, total, name),
  }).finally(() => meter.stop());
  const names = new Map(manifest.layers.map(({ layer, module }) => [module, layer]));
  const layers = cost.layers.map((one) => ({ ...one, layer: names.get(one.layer) ?? one.layer }));
  const seconds = (performance.now() - start) / 1000;
  printResult({ rtl: o.rtl, target: o.target, seconds, ...cost, layers }, o.json);
}

function readLiberty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new HbnnError(`--target: ${file} could not be read (${(error as Error).message})`);
  }
}

/** Results by a digest of what they are of. A damaged one counts as none. */
function fileCache() {
  const folder = process.env.HBNN_CACHE ?? join(homedir(), '.cache', 'hbnn');
  const fileOf = (key: string): string =>
    join(folder, `synth-${createHash('sha256').update(key).digest('hex')}.json`);
  return {
    read: (key: string) => {
      const file = fileOf(key);
      try {
        return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
      } catch {
        return undefined;
      }
    },
    write: (key: string, costs: unknown) => {
      mkdirSync(folder, { recursive: true });
      writeWhole(fileOf(key), JSON.stringify(costs));
    },
  };
}
