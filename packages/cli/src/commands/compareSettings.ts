import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { backendChoices } from '@hbnn/train/backends';
import { makeFolder, writeWhole } from '@hbnn/train/files';
import { Command } from 'commander';
import { backendFrom } from '../backend.ts';
import { flagValues, variedFlags } from '../compare/grid.ts';
import {
  checkRuns,
  type Plan,
  type PlannedRun,
  planFile,
  plannedRuns,
  planOf,
  storedPlan,
} from '../compare/plan.ts';
import { comparisonResults, resultsCsv, resultTables } from '../compare/results.ts';
import { checkTrainable, OpenDatasets, trainAll } from '../compare/trainings.ts';
import { Interruption, interruptible } from '../interruption.ts';
import { decimal, seedNumber, wholeNumber } from '../numbers.ts';
import { noteTo } from '../openData.ts';
import { commandName, printResult, quietFlag, shellWord } from '../output.ts';
import { progressMeter } from '../progress.ts';
import { allFlags, nameOf, secondsFrom } from '../trainFlags.ts';

interface Options extends Record<string, unknown> {
  out: string;
  config?: string;
  resume?: boolean;
  backend: string;
  seeds?: string;
  seed?: string;
  margin?: string;
  checkpointSeconds?: string;
  json?: boolean;
  quiet?: boolean;
}

const defaultSeeds = 3;
const defaultMargin = 1;

const collect = (text: string, before: string[] = []): string[] => [...before, text];

export function compareSettingsCommand(): Command {
  const command = new Command('compare-settings')
    .description(
      'train settings with several seeds each, and say which differences are more than chance',
    )
    .requiredOption('--out <folder>', 'folder of the comparison: runs, results and plot')
    .option('--seeds <n>', `trainings of each setting (default: ${defaultSeeds})`)
    .option('--seed <n>', 'the first seed (default: 1)')
    .option(
      '--margin <points>',
      `settings whose accuracies differ by less count as equal (default: ${defaultMargin})`,
    )
    .option('--resume', 'continue the comparison in the folder --out')
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option('--checkpoint-seconds <s>', 'seconds between checkpoints (default: 20)')
    .option('--config <file>', 'JSON file of settings that all trainings share; flags override it')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag);
  command.optionsGroup('Training flags; several values make several settings:');
  for (const flag of allFlags)
    if (variedFlags.includes(nameOf(flag)))
      command.option(flag.flag, `${flag.about} (default: ${flag.fallback})`, collect);
  command.option('--skip-bad-images', 'with --data folder: leave out images that cannot be read');
  command.option('--patience <n>', 'see hbnn train; needs --validation (default: never)', collect);
  command.option('--min-epochs <n>', 'see hbnn train (default: 1)', collect);
  return command
    .addHelpText(
      'after',
      `
A training flag can have several values: --weights 1.4,2. If a value contains commas itself, repeat the flag:
--widths 8,16,16 --widths 16,32,32. Every combination of values is a setting.

All settings are trained with the same seeds, and differences are taken between trainings with the same seed. A setting
is above or below another if the 95 % interval of the difference does not contain 0. Two settings are equal if the
90 % interval lies within the margin. Otherwise the comparison is undecided; more seeds narrow the intervals. The
intervals are not corrected for the number of comparisons.

The folder gets these files:
  comparison.json      what the comparison trains
  results.json         the results of the comparison
  results.csv          one line for each training
  plot.svg             a plot of the results
  runs/SETTING/seed-N  the run folder of each training

Example (a minute on the embedded data):
  hbnn compare-settings --weights 1.4,2 --limit 1000 --epochs 1 --learning-rate 0.2 --out compared
  hbnn compare-settings --out compared --resume`,
    )
    .action((o: Options) => interruptible((signal) => run(o, signal)));
}

async function run(o: Options, signal: AbortSignal): Promise<void> {
  const plan = await planFrom(o);
  const checkpointSeconds = secondsFrom(o.checkpointSeconds, '--checkpoint-seconds');
  const backend = await backendFrom(o.backend, o);
  const runs = plannedRuns(plan, o.out);
  await checkRuns(runs, backend.name);
  const datasets = new OpenDatasets(noteTo(o));
  await checkTrainable(runs, datasets);
  signal.throwIfAborted();
  try {
    makeFolder(o.out);
  } catch (error) {
    throw new HbnnError(
      `${o.out}: could not be made (${(error as Error).message}); choose another folder`,
    );
  }
  if (plan.seeds.length < fewSeeds)
    noteTo(o)(
      `with ${plan.seeds.length} seeds an interval is too wide to tell most differences from chance; --seeds ${fewSeeds} or more tells smaller ones`,
    );
  writeWhole(planFile(o.out), `${JSON.stringify(plan, null, 2)}\n`);
  const meter = progressMeter('comparing', o);
  try {
    const finished = await trainAll(runs, datasets, {
      backend: backend.name,
      checkpointSeconds,
      meter,
      signal,
    });
    meter.stop();
    // The drawing library takes a while to load.
    const { comparisonPlot } = await import('../compare/plot.ts');
    const results = comparisonResults(plan, finished);
    const file = (name: string): string => join(o.out, name);
    writeWhole(file('results.json'), `${JSON.stringify(results, null, 2)}\n`);
    writeWhole(file('results.csv'), resultsCsv(results));
    writeWhole(file('plot.svg'), await comparisonPlot(results));
    const { metric, data } = results;
    const tables = o.json ? results : { metric, data, ...resultTables(results) };
    printResult(
      { comparison: o.out, results: file('results.json'), plot: file('plot.svg'), ...tables },
      o.json,
    );
  } catch (error) {
    if (!(error instanceof Interruption)) throw error;
    throw new Interruption(error.signal, resumeLine(o), keptOf(runs, o.out));
  } finally {
    meter.stop();
  }
}

/** The command line that continues a comparison as it was asked for. */
function resumeLine(o: Options): string {
  const words = ['compare-settings', '--out', o.out, '--resume'];
  if (o.backend !== 'auto') words.push('--backend', o.backend);
  if (o.checkpointSeconds !== undefined) words.push('--checkpoint-seconds', o.checkpointSeconds);
  if (o.json) words.push('--json');
  if (o.quiet) words.push('--quiet');
  return `${commandName()} ${words.map(shellWord).join(' ')}`;
}

/** What a comparison that was stopped leaves in its folder. */
function keptOf(runs: readonly PlannedRun[], out: string): string {
  const done = runs.filter(({ dir }) => existsSync(join(dir, 'result.json'))).length;
  const begun = runs.some(
    ({ dir }) => existsSync(join(dir, 'checkpoint.bin')) && !existsSync(join(dir, 'result.json')),
  );
  const and = begun ? ', and the one that was under way' : '';
  return `${done} of ${runs.length} trainings${and}, in ${out}`;
}

async function planFrom(o: Options): Promise<Plan> {
  const begun = existsSync(planFile(o.out));
  if (begun && !o.resume)
    throw new HbnnError(
      `${o.out}: holds a comparison already; go on with it by --resume, or choose another folder`,
    );
  const stored = o.resume ? await storedPlan(o.out) : undefined;
  const margin = marginFrom(o) ?? stored?.margin ?? defaultMargin;
  const seeds = seedsFrom(o) ?? stored?.seeds ?? seedList(1, defaultSeeds);
  const typed = o.config !== undefined || o.skipBadImages === true || flagValues(o).length > 0;
  if (stored !== undefined && !typed) return { ...stored, seeds, margin };
  return planOf(o, seeds, margin);
}

const seedList = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i);

/** Intervals of fewer seeds are wide: of 2 by 12.7 standard errors on each side, of 5 by 2.8. */
const fewSeeds = 4;

function seedsFrom(o: Options): number[] | undefined {
  if (o.seeds === undefined && o.seed === undefined) return undefined;
  const count = o.seeds === undefined ? defaultSeeds : wholeNumber(o.seeds, '--seeds');
  if (count < 2)
    throw new HbnnError(
      `--seeds: expected at least 2, without which no difference can be told from chance, got ${count}; give --seeds 2 or more`,
    );
  return seedList(o.seed === undefined ? 1 : seedNumber(o.seed, '--seed', count), count);
}

function marginFrom(o: Options): number | undefined {
  if (o.margin === undefined) return undefined;
  const margin = decimal(o.margin, '--margin', 'of points, such as 0.5');
  if (margin > 0) return margin;
  throw new HbnnError(
    `--margin: expected more than 0 points, got ${o.margin}; give some, as in --margin 0.5`,
  );
}
