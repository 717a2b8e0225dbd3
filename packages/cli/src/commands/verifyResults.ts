import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError, permutation, random } from '@hbnn/core';
import { openDataset } from '@hbnn/datasets';
import type { RunResult } from '@hbnn/train';
import { backendChoices } from '@hbnn/train/backends';
import { Command } from 'commander';
import { isFineTuned } from '../fineTuned.ts';
import { interruptible } from '../interruption.ts';
import { positiveNumber, seedNumber } from '../numbers.ts';
import { noteTo } from '../openData.ts';
import { printResult, quietFlag } from '../output.ts';
import { kindAt } from '../pathKind.ts';
import { dataSha256, type RunManifest, readRunManifest } from '../runManifest.ts';
import { type AgainOutcome, trainAgain } from '../trainAgain.ts';
import { placeOfField } from '../trainFlags.ts';
import { missing } from '../unreadable.ts';
import { type MadeOutcome, verifyModel, verifyRtlFolder } from '../verifyMade.ts';
import { isReproduction, verifyReproduction } from '../verifyReproduction.ts';

interface Options {
  sample: string;
  seed: string;
  backend?: string;
  from?: string;
  json?: boolean;
  quiet?: boolean;
}

/** The exit code where something differs that should not. */
const differ = 3;

export function verifyResultsCommand(): Command {
  return new Command('verify-results')
    .description(
      'make trainings, a reproduction, a model file or Verilog again, and compare the results bit by bit',
    )
    .argument(
      '<folder>',
      'a run folder, or a folder that contains some, such as that of compare-settings; a reproduction; a model file; a folder of Verilog',
    )
    .option('--sample <n>', 'the number of trainings that are done again', '1')
    .option('--seed <n>', 'seed of the random choice of these trainings', '1')
    .option('--backend <name>', `${backendChoices} (default: the one each run was trained on)`)
    .option('--from <path>', 'the images of a reproduction, like --from of hbnn train')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
The command chooses runs at random and trains each again in a temporary folder, with its config.json. The outcome is
one of these:
  equal     the weights are the same, bit by bit
  expected  the weights differ for a known reason: another backend,
            version of hbnn, system or source files
  differs   the weights differ for no known reason, the data set is
            another one, or a file of the run was changed

A model of hbnn lower or a folder of hbnn verilog is compared with the checksums in its manifest. Then it is made again
from the run or the model. If the run or the model is missing, only the checksums are compared, and the outcome is
'unchanged' if they agree.

The folder of a reproduction (by pnpm bench:reproduce) is compared with the checksums in its manifest. Then some of its
trainings are done again, with the same outcomes as above.

Exit codes:
  3  something differs

Example:
  hbnn train --weights 1.4 --epochs 1 --limit 500 --out runs/first
  hbnn verify-results runs/first`,
    )
    .action((folder: string, o: Options) => interruptible((signal) => run(folder, o, signal)));
}

/** The folders of ended runs, a folder itself or those below it, in order. */
function runsBelow(folder: string): string[] {
  if (!existsSync(folder))
    throw missing(folder, 'file or folder', 'name the --out of hbnn train, lower or verilog');
  if (!statSync(folder).isDirectory())
    throw new HbnnError(
      `${folder}: expected a model file or a folder, got another file; name the --out of hbnn train, lower or verilog`,
    );
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const runs = ['.', ...names]
    .map((name) => join(folder, name))
    .filter((dir) =>
      ['config.json', 'result.json', 'weights.bin'].every((name) => existsSync(join(dir, name))),
    );
  if (runs.length > 0) return runs.sort();
  const wayOut = isFineTuned(folder)
    ? 'what hbnn fine-tune and hbnn quantize make cannot be made again yet'
    : existsSync(join(folder, 'config.json'))
      ? `end it with 'hbnn train --resume --out ${folder}'`
      : 'name the --out of hbnn train, lower or verilog';
  throw new HbnnError(
    `${folder}: expected runs that have ended, with config.json, result.json and weights.bin, got none; ${wayOut}`,
  );
}

interface Outcome extends AgainOutcome {
  readonly run: string;
  readonly weightsSha256: string;
}

async function run(folder: string, o: Options, signal: AbortSignal): Promise<void> {
  if (isReproduction(folder)) {
    await printReproduction(folder, o, signal);
    return;
  }
  if (o.from !== undefined)
    throw new HbnnError(
      `--from: has an effect on a reproduction's results alone, got ${folder}, which is none; leave it out: a run's config.json says where its data lie`,
    );
  const made = await madeOutcome(folder, o);
  if (made !== undefined) {
    printResult({ path: folder, ...made }, o.json);
    if (made.outcome === 'differs') process.exitCode = differ;
    return;
  }
  const runs = runsBelow(folder);
  const sample = positiveNumber(o.sample, '--sample');
  if (sample > runs.length)
    throw new HbnnError(
      `--sample: expected at most the ${runs.length} runs of ${folder}, got ${sample}; give fewer`,
    );
  const order = permutation(runs.length, random(seedNumber(o.seed, '--seed'), 'verify-results'));
  const outcomes: Outcome[] = [];
  for (const i of order.subarray(0, sample)) outcomes.push(await verifyRun(runs[i], o, signal));
  const count = (outcome: Outcome['outcome']): number =>
    outcomes.filter((each) => each.outcome === outcome).length;
  printResult(
    {
      folder,
      runs: runs.length,
      sample,
      equal: count('equal'),
      expected: count('expected'),
      differs: count('differs'),
      outcomes: o.json
        ? outcomes
        : outcomes.map(({ run: dir, ...each }) => ({ run: dir, ...shortened(each) })),
    },
    o.json,
  );
  if (count('differs') > 0) process.exitCode = differ;
}

async function printReproduction(folder: string, o: Options, signal: AbortSignal): Promise<void> {
  const { backend, from, json, quiet } = o;
  const { outcome, why, trainings, outcomes } = await verifyReproduction(folder, {
    sample: positiveNumber(o.sample, '--sample'),
    seed: seedNumber(o.seed, '--seed'),
    backend,
    from,
    json,
    quiet,
    signal,
  });
  const rows = outcomes.map(({ training, ...each }) => ({
    training,
    ...(json ? each : shortened(each)),
  }));
  printResult({ path: folder, trainings, outcome, why, outcomes: rows }, json);
  if (outcome === 'differs') process.exitCode = differ;
}

/** How a model's file or a folder of Verilog compares; undefined for what holds runs. */
async function madeOutcome(path: string, o: Options): Promise<MadeOutcome | undefined> {
  const kind = kindAt(path);
  if (kind === 'model file') return verifyModel(path, o);
  return kind === 'Verilog folder' ? verifyRtlFolder(path) : undefined;
}

/** An outcome for people: digests by their first digits. */
const shortened = ({ outcome, weightsSha256, again, why }: Omit<Outcome, 'run'>) => ({
  outcome,
  weights: weightsSha256.slice(0, 16),
  again: again?.slice(0, 16) ?? 'not trained',
  ...(why !== undefined && { why }),
});

function resultOf(dir: string): RunResult {
  const file = join(dir, 'result.json');
  try {
    const result = JSON.parse(readFileSync(file, 'utf8')) as RunResult | null;
    if (typeof result?.weightsSha256 === 'string' && typeof result.backend === 'string')
      return result;
  } catch (error) {
    throw new HbnnError(`${file}: is not JSON (${(error as Error).message}); train the run again`);
  }
  throw new HbnnError(
    `${file}: expected a result with backend and weightsSha256, got another; train the run again`,
  );
}

/** Train a run again, and say how it compares. */
async function verifyRun(dir: string, o: Options, signal: AbortSignal): Promise<Outcome> {
  const { readTensorFile, storedConfig, weightsDigest } = await import('@hbnn/train');
  const config = storedConfig(dir);
  const stored = resultOf(dir);
  const manifest = readRunManifest(dir);
  const { arrays } = readTensorFile(join(dir, 'weights.bin'));
  const kept = weightsDigest([...arrays.values()]);
  const data = await openDataset(config.data, {
    ...config,
    onNote: noteTo(o),
    place: placeOfField({}),
  });
  const shown = { run: dir, weightsSha256: stored.weightsSha256 };
  const faults = faultsOf(stored, manifest, kept, await dataSha256(config, data));
  if (faults.length > 0) return { ...shown, outcome: 'differs', why: faults.join('; ') };
  const { backend, json, quiet } = o;
  const again = { backend, json, quiet, name: dir, signal };
  return { ...shown, ...(await trainAgain(config, data, { ...stored, system: manifest }, again)) };
}

/** What of a run's folder does not belong together, or is not there any more. */
function faultsOf(
  stored: RunResult,
  manifest: RunManifest | undefined,
  kept: string,
  data: string | null,
): string[] {
  const faults: string[] = [];
  if (kept !== stored.weightsSha256)
    faults.push('weights.bin holds other weights than result.json says');
  if (manifest === undefined) return faults;
  if (manifest.weightsSha256 !== stored.weightsSha256)
    faults.push('manifest.json and result.json are of different runs');
  if (manifest.dataSha256 !== null && data !== null && manifest.dataSha256 !== data)
    faults.push('the data set has other images now');
  return faults;
}
