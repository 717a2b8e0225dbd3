import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { duration, type ProgressMeter } from '@hbnn/cli/progress';
import { HbnnError } from '@hbnn/core';
import { type BackendChoice, runConfig } from '@hbnn/train';
import { type CodeDigests, changedPackages, codeDigests } from '../ledger/codeDigest.ts';
import { localDataIdentity } from '../ledger/dataIdentity.ts';
import { appendLine, type LedgerLine, readLedger, trainingKey } from '../ledger/ledger.ts';
import { trainingText } from '../ledger/verify.ts';
import { finishedTrainings } from '../runner.ts';
import { trainAll } from '../trainingPool.ts';
import type { TrainingQueue, TrainingTask } from '../trainingTask.ts';
import { type Plan, type PlannedTraining, plannedTrainings } from './plan.ts';
import { cpuSecondsOf } from './planPage.ts';

export interface RunPlanOptions {
  readonly from?: string;
  /** The ledger that trainings are added to, and that says which are done. */
  readonly ledger: string;
  /** Folder that keeps begun runs. */
  readonly cache: string;
  /** A file that a line is added to with each training. */
  readonly log: string;
  /** Trainings side by side: one process each. */
  readonly jobs: number;
  readonly backend: BackendChoice;
  /** Saves and ends the trainings that run. */
  readonly signal?: AbortSignal;
  /** Count trainings of other versions of the code as done. */
  readonly anyCode: boolean;
  /** Minutes after which no further training begins; a running one goes to its end. */
  readonly minutes?: number;
  /** Hand the trainings out over this queue; left out: do them on this machine. */
  readonly queue?: TrainingQueue;
  readonly meter: ProgressMeter;
}

/**
 * Do the trainings of a plan that its ledger has not, in the plan's order. It may be stopped at any moment: begun
 * trainings continue from their checkpoints and end with the same weights.
 *
 * @throws HbnnError when the images here are not the plan's, or the ledger has trainings of other code
 */
export async function runPlan(plan: Plan, o: RunPlanOptions): Promise<void> {
  const code = codeDigests();
  const sha256 = await checkImages(plan, o);
  const lines = readLedger(o.ledger);
  const all = plannedTrainings(plan);
  const keyOf = ({ config }: PlannedTraining): string => trainingKey(config, sha256);
  if (!o.anyCode) refuseOtherCode(plan, lines, new Set(all.map(keyOf)), code);
  const finished = finishedTrainings(lines, 'any');
  const open = new Map(
    all.filter((each) => !finished.has(keyOf(each))).map((each) => [keyOf(each), each]),
  );
  const log = logTo(o.log);
  const left = (): string => {
    const seconds = cpuSecondsOf(plan, [...open.values()]);
    return seconds === undefined
      ? 'an unknown time'
      : `about ${duration(seconds / o.jobs)} of ${o.jobs} cores`;
  };
  log(
    `plan ${plan.name}: ${all.length - open.size} of ${all.length} trainings done, ${left()} left, process ${process.pid}`,
  );
  const tasks = [...open].map(([key, { part, config }]): TrainingTask => {
    const full = runConfig({ ...config, from: o.from });
    return { stage: `${part}, seed ${config.seed}`, config: full, key };
  });
  await trainAll(tasks, {
    cache: o.cache,
    jobs: o.jobs,
    backend: o.backend,
    code,
    meter: o.meter,
    signal: o.signal,
    queue: o.queue,
    done: all.length - open.size,
    until: o.minutes === undefined ? undefined : performance.now() + 60_000 * o.minutes,
    onTrained: (key, line) => {
      appendLine(o.ledger, line);
      open.delete(key);
      const speed = `${line.imagesPerSecond} images/s`;
      log(
        `${all.length - open.size}/${all.length} ${trainingText(line)}: top-1 ${(100 * line.top1).toFixed(2)} %, ${speed}, ${left()} left`,
      );
    },
  });
  log(`plan ${plan.name}: ${all.length - open.size} of ${all.length} trainings done`);
}

/** The checksum of the images here, which must be the plan's. */
async function checkImages(plan: Plan, { from, cache }: RunPlanOptions): Promise<string> {
  const [first] = plannedTrainings(plan);
  const { sha256, label } = await localDataIdentity(runConfig({ ...first.config, from }), cache);
  if (plan.data !== undefined && plan.data.sha256 !== sha256) {
    throw new HbnnError(
      `--from: expected the plan's images, ${plan.data.label} with SHA-256 ${plan.data.sha256}, got ${label} with ` +
        `${sha256}; pass those, in the same form and order`,
    );
  }
  return sha256;
}

function refuseOtherCode(
  plan: Plan,
  lines: readonly LedgerLine[],
  keys: ReadonlySet<string>,
  code: CodeDigests,
): void {
  const others = lines.filter(
    (line) =>
      keys.has(trainingKey(line.config, line.data.sha256)) &&
      changedPackages(line.code, code).length > 0,
  );
  if (others.length === 0) return;
  const changed = new Set(others.flatMap((line) => changedPackages(line.code, code)));
  throw new HbnnError(
    `plan ${plan.name}: expected trainings of today's code in its ledger, got ${others.length} of other sources of ` +
      `${[...changed].join(', ')}; see by --verify 3 whether today's code comes to the same weights, then pass --any-code`,
  );
}

/** Lines with the time, to a file and to stderr. */
function logTo(file: string): (text: string) => void {
  mkdirSync(dirname(file), { recursive: true });
  return (text) => {
    const line = `${new Date().toISOString().slice(0, 19)}Z ${text}\n`;
    appendFileSync(file, line);
    process.stderr.write(line);
  };
}
