import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Interruption, interruptible } from '@hbnn/cli/interruption';
import { wholeNumber } from '@hbnn/cli/numbers';
import { shellWord, tableText } from '@hbnn/cli/output';
import { progressMeter } from '@hbnn/cli/progress';
import { reportError } from '@hbnn/cli/report';
import { chosenName, HbnnError } from '@hbnn/core';
import { backendChoice, backendChoices } from '@hbnn/train/backends';
import { Command } from 'commander';
import { figure2a } from './figures/figure2a.ts';
import { figure2b } from './figures/figure2b.ts';
import { figure3a } from './figures/figure3a.ts';
import { figure3b } from './figures/figure3b.ts';
import { mixInsensitivity } from './figures/mixInsensitivity.ts';
import { table1 } from './figures/table1.ts';
import { table2 } from './figures/table2.ts';
import { inputMaps, weightVariants } from './figures/variants.ts';
import { outFolder } from './outFolder.ts';
import { openProfile, type Profile, type ProfileName, profileNames } from './profile.ts';
import { provenance } from './report/provenance.ts';
import { checkWritable, type StageReport, storedStages, writeReport } from './report/report.ts';
import { runSettings } from './runner.ts';
import type { Stage } from './stage.ts';

const stages: readonly Stage[] = [
  ...[figure2a, figure2b, figure3a, figure3b],
  ...[table1, mixInsensitivity, inputMaps, weightVariants, table2],
];
const stageNames = [...stages.map(({ name }) => name), 'report'];
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

interface Options {
  profile: string;
  only?: string[];
  from?: string;
  seeds?: string;
  epochs?: string;
  maxSteps?: string;
  batch?: string;
  jobs?: string;
  backend: string;
  out?: string;
  anyCode?: boolean;
  json?: boolean;
}

function command(): Command {
  return new Command('bench:reproduce')
    .description('reproduce the paper’s tables and figures')
    .option('--profile <name>', profileNames.join(', '), 'quick')
    .option('--only <stage...>', `some of: ${stageNames.join(', ')}`)
    .option('--from <path>', 'local data: CIFAR-10 folder or archive, or a folder of images')
    .option('--seeds <n>', 'seeds per setting')
    .option('--epochs <n>', 'epochs per training')
    .option('--max-steps <n>', 'stop each training after so many steps')
    .option('--batch <n>', 'images per step')
    .option('--jobs <n>', 'trainings side by side (default: one per core)')
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option(
      '--out <folder>',
      'folder of the report (default: benchmarks/results/PROFILE, or PROFILE-custom where seeds, epochs, steps or batch are set)',
    )
    .option('--any-code', 'take cached trainings of other versions of the code too')
    .option('--json', 'print claims and files as JSON')
    .addHelpText('after', '\nExample:\n  pnpm bench:reproduce --only figure2a')
    .exitOverride()
    .configureOutput({ outputError: () => {} });
}

function chosenStages(only: readonly string[] | undefined, profile: Profile): Stage[] {
  for (const name of only ?? []) chosenName(name, stageNames, '--only');
  return stages.filter(({ name, beyondPaper }) =>
    only === undefined ? profile.beyondPaper || !beyondPaper : only.includes(name),
  );
}

function count(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const n = wholeNumber(text, option);
  if (n < 1) throw new HbnnError(`${option}: expected at least 1, got ${n}`);
  return n;
}

function profileFrom(o: Options): Profile {
  return openProfile(chosenName(o.profile, profileNames, '--profile') satisfies ProfileName, {
    from: o.from === undefined ? undefined : resolve(o.from),
    seeds: count(o.seeds, '--seeds'),
    epochs: count(o.epochs, '--epochs'),
    maxSteps: count(o.maxSteps, '--max-steps'),
    batch: count(o.batch, '--batch'),
  });
}

async function main(): Promise<void> {
  const o = command().parse(process.argv).opts<Options>();
  const typed = ['pnpm bench:reproduce', ...process.argv.slice(2).map(shellWord)].join(' ');
  const profile = profileFrom(o);
  const chosen = chosenStages(o.only, profile);
  const { folder, why } = outFolder(o, profile.name);
  if (why !== undefined) process.stderr.write(`${why}\n`);
  checkWritable(folder);
  const kept = storedStages(folder);
  const meter = progressMeter(`${profile.name}:`);
  const settings = chosen.flatMap((stage) =>
    stage.settings(profile).map((setting) => ({ ...setting, stage: stage.name })),
  );
  const jobs = count(o.jobs, '--jobs');
  const backend = backendChoice(o.backend, '--backend');
  const results = await interruptible((signal) =>
    runSettings(settings, {
      ...{ cache: here('../../.cache/reproduce'), anyCode: o.anyCode ?? false },
      ...{ jobs, backend, meter, signal },
    }),
  )
    .catch((error: unknown) => {
      if (!(error instanceof Interruption)) throw error;
      // Trainings that have ended are kept, and those that ran have a checkpoint.
      throw new Interruption(error.signal, typed);
    })
    .finally(() => meter.stop());
  const fresh = chosen.map((stage): StageReport => {
    process.stderr.write(`${stage.name}\n`);
    const backends = stage.settings(profile).flatMap(({ id }) => results.get(id) ?? []);
    const backend = [...new Set(backends.map((run) => run.backend))].join(', ') || 'none needed';
    return { ...stage.conclude(profile, results), provenance: provenance(backend, typed) };
  });
  const byName = new Map([...kept, ...fresh].map((stage) => [stage.stage, stage]));
  const ordered = stages.flatMap(({ name }) => byName.get(name) ?? []);
  await writeReport(folder, profile.name, ordered);
  if (!o.json && o.only !== undefined) for (const stage of fresh) printRows(stage);
  summarize(folder, fresh, o.json);
}

/** The numbers of a stage, as the report has them. */
function printRows({ title, rows }: StageReport): void {
  const lines = rows.map(({ label, ours, spread, paper, unit }) => ({
    ...{ row: label, ours, '±': spread, paper, unit },
  }));
  process.stdout.write(`${title}\n${tableText(lines)}\n`);
}

function summarize(folder: string, fresh: readonly StageReport[], json?: boolean): void {
  const files = ['report.html', 'report.md', 'results.json'].map((f) =>
    relative(process.cwd(), `${folder}/${f}`),
  );
  const claims = fresh.flatMap((stage) => stage.claims);
  if (json) {
    process.stdout.write(`${JSON.stringify({ claims, files })}\n`);
    return;
  }
  for (const { id, claim, verdict } of claims) {
    process.stdout.write(`${id.padEnd(3)} ${verdict.padEnd(14)} ${claim}\n`);
  }
  process.stdout.write(`report: ${files.join(', ')}\n`);
}

try {
  await main();
} catch (error) {
  const json = process.argv.includes('--json');
  const report = (): number => reportError(error, 'bench:reproduce', json);
  if (error instanceof Interruption) {
    process.once('exit', report);
    process.exit(error.exitCode);
  }
  process.exitCode = report();
}
