import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Interruption, interruptible } from '@hbnn/cli/interruption';
import { positiveNumber, seedNumber } from '@hbnn/cli/numbers';
import { pnpmName, shellWord, tableText } from '@hbnn/cli/output';
import { progressMeter } from '@hbnn/cli/progress';
import { reportError } from '@hbnn/cli/report';
import { chosenName, HbnnError } from '@hbnn/core';
import type { RunResult } from '@hbnn/train';
import { backendChoice, backendChoices } from '@hbnn/train/backends';
import { Command } from 'commander';
import { checkWritable } from '../results/paths.ts';
import { provenance } from '../results/provenance.ts';
import { figure2a } from './figures/figure2a.ts';
import { figure2b } from './figures/figure2b.ts';
import { figure3a } from './figures/figure3a.ts';
import { figure3b } from './figures/figure3b.ts';
import { mixInsensitivity } from './figures/mixInsensitivity.ts';
import { table1 } from './figures/table1.ts';
import { table2 } from './figures/table2.ts';
import { inputMaps, weightVariants } from './figures/variants.ts';
import { ledgerDifferences } from './ledger/differences.ts';
import { committedLedgers, ownLedgers, readLedger, readLedgers } from './ledger/ledger.ts';
import { drawLines, linesByWeights, verificationText, verifyLines } from './ledger/verify.ts';
import { outFolder } from './outFolder.ts';
import {
  continuePlan,
  type PlanCommandOptions,
  planNames,
  writePlan,
  writePlanReport,
} from './plan/commands.ts';
import { openProfile, type Profile, type ProfileName, profileNames } from './profile.ts';
import {
  checkQueueOptions,
  type QueueCommandOptions,
  runWorker,
  trainingQueue,
} from './queueOptions.ts';
import { storedStages, storedTrainings, writeReport } from './report/report.ts';
import type { StageReport, StageTrainings } from './report/stageReport.ts';
import { runSettings, storedResults } from './runner.ts';
import type { SettingResults, Stage } from './stage.ts';
import type { TrainingQueue } from './trainingTask.ts';

const stages: readonly Stage[] = [
  figure2a,
  figure2b,
  figure3a,
  figure3b,
  table1,
  mixInsensitivity,
  inputMaps,
  weightVariants,
  table2,
];
const stageNames = [...stages.map(({ name }) => name), 'report'];
const cache = fileURLToPath(new URL('../../../.cache/reproduce', import.meta.url));

interface Options extends QueueCommandOptions {
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
  committed?: boolean;
  fromLedger?: boolean;
  ledger?: string;
  verify?: string;
  verifyWeights?: string[];
  draw?: string;
  plan?: string | true;
  runPlan?: string | true;
  planReport?: string | true;
  minutes?: string;
  json?: boolean;
  quiet?: boolean;
}

function command(): Command {
  return new Command('pnpm bench:reproduce')
    .description('reproduce the paper’s tables and figures')
    .option('--profile <name>', profileNames.join(', '), 'quick')
    .option('--only <stage...>', `some of: ${stageNames.join(', ')}`)
    .option('--from <path>', 'local data: CIFAR-10 folder or archive, or a folder of images')
    .option('--seeds <n>', 'seeds per setting')
    .option('--epochs <n>', 'epochs per training')
    .option('--max-steps <n>', 'stop each training after n steps')
    .option('--batch <n>', 'images per step')
    .option('--jobs <n>', 'number of trainings at the same time (default: one per core)')
    .option('--backend <name>', backendChoices, process.env.HBNN_BACKEND ?? 'auto')
    .option(
      '--out <folder>',
      'folder of the results (default: benchmarks/results/own/PROFILE, or PROFILE-custom if seeds, epochs, steps or batch are given)',
    )
    .option('--any-code', 'also use cached trainings by other versions of the code')
    .option('--committed', 'replace the results and the ledger that are part of the repository')
    .option('--from-ledger', 'train nothing: make the report from the committed trainings')
    .option(
      '--ledger <folder>',
      'where trainings are kept (default: benchmarks/results/own/ledger)',
    )
    .option(
      '--verify <n>',
      'do n trainings of the committed ledger again and compare their weights',
    )
    .option(
      '--verify-weights <digests...>',
      'do the trainings with these SHA-256 of weights again and compare their weights',
    )
    .option('--draw <seed>', 'seed of the random choice of --verify (default: the time)')
    .option('--plan [name]', `count the seeds of an experiment: ${planNames} (default cifar)`)
    .option('--run-plan [name]', 'do the trainings of a committed plan that are not in its ledger')
    .option('--plan-report [name]', 'judge the claims of a committed plan from its ledger')
    .option('--minutes <n>', 'with --run-plan: begin no training after n minutes')
    .option(
      '--queue <address>',
      'distribute the trainings over a queue: redis://HOST:PORT/DATABASE, or rediss:// for TLS',
    )
    .option(
      '--shared <folder>',
      'with --queue: the folder of unfinished trainings, which all workers can access',
    )
    .option('--worker', 'with --queue: take trainings from the queue and do them, until stopped')
    .option(
      '--lease-seconds <s>',
      'with --worker: without a sign of life for this time it counts as lost (default: 30)',
    )
    .option(
      '--idle-seconds <s>',
      'with --worker: end if the queue has had no training for this time',
    )
    .option('--json', 'print claims and files as JSON')
    .option('-q, --quiet', 'print only results and errors, no progress')
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
  return text === undefined ? undefined : positiveNumber(text, option);
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
  const parsed = command().parse(process.argv);
  const o = parsed.opts<Options>();
  const typed = Object.keys(o).filter((name) => parsed.getOptionValueSource(name) === 'cli');
  checkQueueOptions(o, typed);
  backendChoice(o.backend, '--backend');
  const from = o.from === undefined ? undefined : resolve(o.from);
  const jobs = count(o.jobs, '--jobs');
  const queue = trainingQueue(o, cache);
  if (queue !== undefined && o.worker) {
    await runWorker(o, queue, jobs, cache);
    return;
  }
  const planOptions: PlanCommandOptions = {
    from,
    jobs,
    backend: o.backend === 'auto' ? 'wasm' : backendChoice(o.backend, '--backend'),
    committed: o.committed ?? false,
    anyCode: o.anyCode ?? false,
    minutes: count(o.minutes, '--minutes'),
    quiet: o.quiet,
    cache,
    queue,
  };
  if (o.verify !== undefined || o.verifyWeights !== undefined) await verify(o);
  else if (o.plan !== undefined) await writePlan(planName(o.plan), planOptions);
  else if (o.runPlan !== undefined) await continuePlan(planName(o.runPlan), planOptions);
  else if (o.planReport !== undefined) await writePlanReport(planName(o.planReport), planOptions);
  else await report(o, queue);
}

/** The experiment's name where one follows the option, else the first one's. */
const planName = (value: string | true): string => (value === true ? 'cifar' : value);

async function report(o: Options, queue: TrainingQueue | undefined): Promise<void> {
  const typed = [`${pnpmName()} bench:reproduce`, ...process.argv.slice(2).map(shellWord)].join(
    ' ',
  );
  const profile = profileFrom(o);
  const chosen = chosenStages(o.only, profile);
  const { folder, why } = outFolder(o, profile.name);
  if (why !== undefined && !o.quiet) process.stderr.write(`${why}\n`);
  checkWritable(folder, '--out');
  const kept = storedStages(folder);
  const keptTrainings = storedTrainings(folder);
  const results = await interruptible((signal) =>
    resultsOf(o, profile, chosen, { queue, signal }),
  ).catch((error: unknown) => {
    if (!(error instanceof Interruption)) throw error;
    // Trainings that have ended are in the ledger, and those that ran have a checkpoint.
    throw new Interruption(error.signal, typed);
  });
  const runsOf = (stage: Stage): readonly RunResult[] =>
    stage.settings(profile).flatMap(({ id }) => results.get(id) ?? []);
  const fresh = chosen.map((stage): StageReport => {
    if (!o.quiet) process.stderr.write(`${stage.name}\n`);
    const backends = runsOf(stage).map((run) => run.backend);
    const backend = [...new Set(backends)].join(', ') || 'none needed';
    return { ...stage.conclude(profile, results), provenance: provenance(backend, typed) };
  });
  const byName = new Map([...kept, ...fresh].map((stage) => [stage.stage, stage]));
  const ordered = stages.flatMap(({ name }) => byName.get(name) ?? []);
  const ledgers = relative(folder, ledgersOf(o)).replaceAll('\\', '/');
  const trainings = chosen.map((stage): [string, StageTrainings] => {
    const weightsSha256 = [...new Set(runsOf(stage).map((run) => run.weightsSha256))];
    return [stage.name, { ledgers, weightsSha256 }];
  });
  await writeReport(folder, profile.name, ordered, {
    ...keptTrainings,
    ...Object.fromEntries(trainings),
  });
  if (!o.json && o.only !== undefined) for (const stage of fresh) printRows(stage);
  summarize(folder, fresh, o.json);
}

/** The folder of the ledgers that a report's trainings are in. */
function ledgersOf({ committed, fromLedger, ledger }: Options): string {
  if (ledger === undefined) return committed || fromLedger ? committedLedgers : ownLedgers;
  if (!committed) return resolve(ledger);
  throw new HbnnError(
    '--ledger: expected the ledger of the repository with --committed, got another; leave out either',
  );
}

/** The trainings of some stages: from the committed ledgers alone, or done here as far as they are missing. */
async function resultsOf(
  o: Options,
  profile: Profile,
  chosen: readonly Stage[],
  { queue, signal }: { queue: TrainingQueue | undefined; signal: AbortSignal },
): Promise<SettingResults> {
  const settings = chosen.flatMap((stage) =>
    stage.settings(profile).map((setting) => ({ ...setting, stage: stage.name })),
  );
  if (o.fromLedger) return storedResults(settings, readLedgers(ledgersOf(o)));
  const ledger = join(ledgersOf(o), `${profile.name}.jsonl`);
  const meter = progressMeter(`${profile.name}:`, o);
  const results = await runSettings(settings, {
    cache,
    lines: readLedger(ledger),
    ledger,
    jobs: count(o.jobs, '--jobs'),
    // Machines of a queue must not choose differently.
    backend:
      queue !== undefined && o.backend === 'auto' ? 'wasm' : backendChoice(o.backend, '--backend'),
    queue,
    anyCode: o.anyCode ?? false,
    meter,
    signal,
  }).finally(() => meter.stop());
  if (!o.committed && !o.quiet && settings.length > 0) {
    const differences = ledgerDifferences(readLedger(ledger), readLedgers(committedLedgers));
    process.stderr.write(`${differences.join('\n')}\n`);
  }
  return results;
}

async function verify(o: Options): Promise<void> {
  const lines = readLedgers(committedLedgers);
  const named = linesByWeights(lines, o.verifyWeights ?? []);
  const seed = o.draw === undefined ? Date.now() % 1e6 : seedNumber(o.draw, '--draw');
  const drawn = drawLines(lines, count(o.verify, '--verify') ?? 0, seed);
  if (drawn.length > 0) process.stdout.write(`drawn with --draw ${seed}\n`);
  const meter = progressMeter('verify:', o);
  const found = await verifyLines([...new Set([...named, ...drawn])], {
    from: o.from === undefined ? undefined : resolve(o.from),
    cache,
    jobs: count(o.jobs, '--jobs'),
    meter,
  }).finally(() => meter.stop());
  for (const each of found) process.stdout.write(`${verificationText(each)}\n`);
  const equal = found.filter((each) => each.equal).length;
  process.stdout.write(`${equal} of ${found.length} trainings came to the same weights\n`);
  if (equal < found.length) process.exitCode = 1;
}

/** The numbers of a stage, as the report has them. */
function printRows({ title, rows }: StageReport): void {
  const lines = rows.map(({ label, ours, spread, paper, unit }) => ({
    row: label,
    ours,
    '±': spread,
    paper,
    unit,
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
  const report = (): number => reportError(error, 'pnpm bench:reproduce', json);
  if (error instanceof Interruption) {
    process.once('exit', report);
    process.exit(error.exitCode);
  }
  process.exitCode = report();
}
