import { existsSync, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawSvg } from '@hbnn/cli/drawing';
import { Interruption, interruptible } from '@hbnn/cli/interruption';
import { pnpmName, shellWord } from '@hbnn/cli/output';
import { progressMeter } from '@hbnn/cli/progress';
import { HbnnError } from '@hbnn/core';
import { type BackendChoice, runConfig, writeWhole } from '@hbnn/train';
import { localDataIdentity } from '../ledger/dataIdentity.ts';
import { committedLedgers, type LedgerLine, ownLedgers, readLedger } from '../ledger/ledger.ts';
import type { TrainingQueue } from '../trainingTask.ts';
import type { Design } from './design.ts';
import { designs } from './designs.ts';
import { gapReport } from './gapReport.ts';
import { measureSpeeds } from './measureSpeeds.ts';
import { readPilot } from './pilot.ts';
import { designNamed, makePlan, type Plan, planFile, readPlan } from './plan.ts';
import { planForest } from './planForest.ts';
import { planPage } from './planPage.ts';
import { judgePlan, planReportFiles } from './planReport.ts';
import { runPlan } from './runPlan.ts';

export const planNames = Object.keys(designs).join(', ');

/** What the command line says of plans. */
export interface PlanCommandOptions {
  /** Show no progress. */
  readonly quiet?: boolean;
  readonly from?: string;
  readonly jobs?: number;
  readonly backend: BackendChoice;
  /** Write to the files that are part of the repository. */
  readonly committed: boolean;
  readonly anyCode: boolean;
  readonly minutes?: number;
  readonly cache: string;
  /** Hand the trainings out over this queue. */
  readonly queue?: TrainingQueue;
}

const results = (path: string): string =>
  fileURLToPath(new URL(`../../../results/${path}`, import.meta.url));
const ledgerOf = (name: string, committed: boolean): string =>
  join(committed ? committedLedgers : ownLedgers, `${name}.jsonl`);

/** CIFAR-10's training images: what a plan counts with where no data are at hand. */
const cifarTrainImages = 50_000;

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeWhole(file, text);
  process.stderr.write(`wrote ${relative(process.cwd(), file)}\n`);
}

/**
 * Count the seeds of an experiment and print the plan. With data at hand their checksum and the speed of each setting
 * are measured; else both are those of the committed plans.
 *
 * @throws HbnnError when a committed plan that has trainings would be changed
 */
export async function writePlan(name: string, o: PlanCommandOptions): Promise<void> {
  const design = designNamed(name);
  if (o.committed && readLedger(ledgerOf(name, true)).length > 0) {
    throw new HbnnError(
      `--committed: expected a plan without trainings, got ${name}, whose ledger has some; a plan stays as it is ` +
        'once it is being done, make a new one in benchmarks/src/reproduce/plan/designs.ts',
    );
  }
  const plan = makePlan(design, {
    pilot: readPilot(),
    trainImages: cifarTrainImages,
    ...(await measuredHere(design, o)),
  });
  const page = planPage(plan, o.jobs ?? availableParallelism());
  process.stdout.write(page);
  const file = (ending: 'json' | 'md'): string =>
    o.committed ? planFile(name, ending) : results(`own/plans/${name}.${ending}`);
  write(file('json'), `${JSON.stringify(plan, null, 1)}\n`);
  write(file('md'), page);
}

/** Images and speeds, measured where data are at hand, else as committed. */
async function measuredHere(
  design: Design,
  o: PlanCommandOptions,
): Promise<{ data: Plan['data']; speeds: Map<string, number> }> {
  if (o.from === undefined) {
    // Plans share settings by id, and their speed does not depend on the length of a training.
    const stored = Object.keys(designs)
      .filter((name) => existsSync(planFile(name, 'json')))
      .map(readPlan);
    const speeds = new Map<string, number>();
    for (const { id, imagesPerCpuSecond: speed } of stored.flatMap(({ parts }) =>
      parts.flatMap(({ settings }) => settings),
    ))
      if (speed !== undefined) speeds.set(id, speed);
    return { data: stored.find(({ data }) => data !== undefined)?.data, speeds };
  }
  const data = await localDataIdentity(runConfig({ ...design.common, from: o.from }), o.cache);
  const meter = progressMeter('speed:', o);
  const { from, jobs, backend } = o;
  const speeds = await measureSpeeds(design, { from, jobs, backend, meter }).finally(() =>
    meter.stop(),
  );
  return { data, speeds };
}

/** Do the trainings of a committed plan that are missing in its ledger, until they are done or Ctrl-C. */
export async function continuePlan(name: string, o: PlanCommandOptions): Promise<void> {
  const plan = readPlan(name);
  const meter = progressMeter(`${name}:`, o);
  const typed = [`${pnpmName()} bench:reproduce`, ...process.argv.slice(2).map(shellWord)].join(
    ' ',
  );
  await interruptible((signal) =>
    runPlan(plan, {
      from: o.from,
      ledger: ledgerOf(name, o.committed),
      cache: o.cache,
      log: join(o.cache, `plan-${name}.log`),
      jobs: o.jobs ?? availableParallelism(),
      backend: o.backend,
      anyCode: o.anyCode,
      minutes: o.minutes,
      queue: o.queue,
      meter,
      signal,
    }),
  )
    .catch((error: unknown) => {
      if (!(error instanceof Interruption)) throw error;
      // Finished trainings are in the ledger; begun ones were saved and continue.
      throw new Interruption(error.signal, typed);
    })
    .finally(() => meter.stop());
}

/**
 * Judge the claims of a committed plan from the committed ledger, or estimate its gaps, and write them as a page, as
 * pictures and as CSV.
 */
export async function writePlanReport(name: string, o: PlanCommandOptions): Promise<void> {
  const plan = readPlan(name);
  const lines = readLedger(ledgerOf(name, true));
  const { page, csv, pictures } =
    plan.study === 'scale' ? gapFiles(plan, lines) : claimFiles(plan, lines);
  process.stdout.write(page);
  const folder = o.committed ? results('plans') : results('own/plans');
  write(join(folder, `${name}-results.md`), page);
  write(join(folder, `${name}-results.csv`), csv);
  for (const [suffix, chart] of pictures)
    write(join(folder, `${name}-results${suffix}.svg`), `${await drawSvg(chart)}\n`);
}

interface ReportFiles {
  readonly page: string;
  readonly csv: string;
  /** Charts by the ends of their files' names. */
  readonly pictures: readonly (readonly [suffix: string, chart: object])[];
}

function claimFiles(plan: Plan, lines: readonly LedgerLine[]): ReportFiles {
  const claims = judgePlan(plan, lines);
  const files = planReportFiles(plan, claims, lines);
  if (!claims.some(({ test }) => test)) return { ...files, pictures: [] };
  const { spec, narrow } = planForest(plan, claims);
  return {
    ...files,
    pictures: [['', spec], ...(narrow === undefined ? [] : [['-narrow', narrow] as const])],
  };
}

function gapFiles(plan: Plan, lines: readonly LedgerLine[]): ReportFiles {
  const { figures, ...files } = gapReport(plan, lines);
  const pictures = figures.flatMap(({ suffix, chart: { spec, narrow } }) => [
    [suffix, spec] as const,
    ...(narrow === undefined ? [] : [[`${suffix}-narrow`, narrow] as const]),
  ]);
  return { ...files, pictures };
}
