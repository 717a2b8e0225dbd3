import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import type { Dashboard, QueueAddress } from '@hbnn/sweep';
import { backendChoices } from '@hbnn/train/backends';
import { makeFolder, writeWhole } from '@hbnn/train/files';
import { Command } from 'commander';
import { backendFrom } from '../backend.ts';
import { checkRuns } from '../compare/plan.ts';
import { checkTrainable, OpenDatasets } from '../compare/trainings.ts';
import { Interruption, interruptible } from '../interruption.ts';
import { positiveNumber, wholeNumber } from '../numbers.ts';
import { noteTo } from '../openData.ts';
import { commandName, numberText, printResult, quietFlag, shellWord } from '../output.ts';
import { checkNewOrEmpty, checkOwnFolder } from '../pathKind.ts';
import { progressMeter } from '../progress.ts';
import { trainHere } from '../sweep/local.ts';
import {
  extendedPlan,
  jobsOf,
  planOf,
  type SweepJob,
  type SweepPlan,
  storedPlan,
  sweepFile,
} from '../sweep/plan.ts';
import {
  folderInShared,
  queuePackage,
  reachSeconds,
  refuseStore,
  sharedStore,
  trainOverQueue,
} from '../sweep/queue.ts';
import { resultFiles, settingSummaries, settingTable } from '../sweep/results.ts';
import { readSweepFile } from '../sweep/sweepFile.ts';
import { SweepView } from '../sweep/view.ts';
import { secondsFrom } from '../trainFlags.ts';
import { sweepWorkerCommand } from './sweepWorker.ts';

interface Options {
  out: string;
  workers?: string;
  queue?: string;
  shared?: string;
  dashboard?: string;
  backend?: string;
  checkpointSeconds?: string;
  json?: boolean;
  quiet?: boolean;
}

/** The exit code where trainings failed and the others ended. */
const someFailed = 5;

const defaultCheckpointSeconds = 20;

export function sweepCommand(): Command {
  return (
    new Command('sweep')
      .description(
        'train all combinations of settings with several seeds; an interrupted sweep can continue',
      )
      .argument(
        '[file]',
        'JSON or YAML file that describes the sweep (default: the description in the folder)',
      )
      // The parser must not require this option: it would ask for it in the commands below, too.
      .option('--out <folder>', 'folder of the sweep: its plan, runs and results')
      .option(
        '--workers <n>',
        'number of trainings at the same time; from 2 on each has its own process (default: 1)',
      )
      .option(
        '--backend <name>',
        `${backendChoices} (default: auto; in a later call the backend of the folder)`,
      )
      .option(
        '--checkpoint-seconds <s>',
        `seconds between checkpoints (default: ${defaultCheckpointSeconds})`,
      )
      .option(
        '--queue <address>',
        'distribute the trainings over a queue: redis://HOST:PORT/DATABASE, or rediss:// for TLS',
      )
      .option(
        '--shared <place>',
        'with --queue: a folder that all workers can access (default: the one that contains --out), or s3://BUCKET/PREFIX',
      )
      .option(
        '--dashboard <port>',
        'with --queue: show the trainings in a page on this machine (npm install @bull-board/api @bull-board/express)',
      )
      .option('--json', 'print the result as JSON')
      .option(...quietFlag)
      .addCommand(sweepWorkerCommand())
      .addHelpText(
        'after',
        `
The file has these fields. The names of settings are those that hbnn train --config takes:
  settings        an object: settings that all trainings share
  grid            an object: a list of values for each varied setting; every combination is trained
  configurations  a list of objects: settings that belong together; each is combined with the grid
  seeds           a list of seeds, or their number, counted from 1 (default: 1)

The folder gets these files:
  results.jsonl        one line for each training, in the order of the file of
                       the sweep; always the same bytes, also if the sweep was
                       interrupted
  times.jsonl          how long each training took
  failures.jsonl       which trainings failed and why
  runs/SETTING/seed-N  the run folder of a training

With --queue, the trainings are done by hbnn sweep worker, on all machines that share the folder or the store.

Ctrl-C saves the running trainings.

Exit codes:
  ${someFailed}  trainings failed; the same command tries these again

Example (some seconds on the embedded data):
  echo '{"settings": {"limit": 500, "epochs": 1}, "grid": {"weights": [1.4, 2]}}' > sweep.json
  hbnn sweep sweep.json --out swept`,
      )
      .action((file: string | undefined, o: Partial<Options>, self: Command) => {
        if (o.out === undefined)
          self.error("error: required option '--out <folder>' not specified");
        return interruptible((signal) => run(file, o as Options, signal));
      })
  );
}

async function run(file: string | undefined, o: Options, signal: AbortSignal): Promise<void> {
  const workers = positiveNumber(o.workers ?? '1', '--workers');
  const checkpointSeconds =
    secondsFrom(o.checkpointSeconds, '--checkpoint-seconds') ?? defaultCheckpointSeconds;
  dashboardPort(o);
  const address = await addressFrom(o);
  const plan = await planFor(file, o);
  const jobs = jobsOf(plan, o.out);
  await checkRuns(jobs, plan.backend);
  await checkTrainable(jobs, new OpenDatasets(noteTo(o), 1));
  signal.throwIfAborted();
  const { release } = await begun(plan, o.out);
  const dashboard = await dashboardOf(address, o, signal).catch((error: unknown) => {
    release();
    throw error;
  });
  const meter = progressMeter('sweep', o);
  const view = new SweepView(o.out, jobs, meter);
  try {
    if (address !== undefined)
      await trainOverQueue(plan, view, {
        address,
        out: o.out,
        shared: o.shared,
        checkpointSeconds,
        signal,
        output: o,
      });
    else
      await trainHere(view.open, {
        workers,
        backend: plan.backend,
        checkpointSeconds,
        signal,
        onNote: () => {},
        onProgress: view.onProgress,
        onEnded: view.onEnded,
        onFailed: view.onFailed,
      });
    meter.stop();
    view.write();
    print(view, jobs, o);
  } catch (error) {
    if (!(error instanceof Interruption)) throw error;
    view.write();
    throw new Interruption(error.signal, resumeLine(o, address), keptOf(view, jobs, o.out));
  } finally {
    meter.stop();
    await dashboard?.close();
    release();
  }
}

const maxPort = 65_535;

/** The port of a page that is asked for. @throws HbnnError for one that is none */
function dashboardPort({ dashboard, queue }: Options): number | undefined {
  if (dashboard === undefined) return undefined;
  if (queue === undefined)
    throw new HbnnError('--dashboard: has no effect without a queue; give --queue too');
  const port = wholeNumber(dashboard, '--dashboard');
  if (port <= maxPort) return port;
  throw new HbnnError(`--dashboard: expected a port of at most ${maxPort}, got ${port}; give one`);
}

/** The page of the queue's jobs, where it is asked for. */
async function dashboardOf(
  address: QueueAddress | undefined,
  o: Options,
  signal: AbortSignal,
): Promise<Dashboard | undefined> {
  const port = dashboardPort(o);
  if (port === undefined || address === undefined) return undefined;
  const { openDashboard } = await queuePackage();
  const dashboard = await openDashboard(address, { port, signal, reachSeconds });
  if (!o.quiet) process.stderr.write(`the queue's jobs: ${dashboard.url}\n`);
  return dashboard;
}

/** The queue that is asked for. @throws HbnnError for one that cannot be, and for options that do not go with it */
async function addressFrom(o: Options): Promise<QueueAddress | undefined> {
  if (o.queue === undefined) {
    if (o.shared === undefined) return undefined;
    throw new HbnnError('--shared: has no effect without a queue; give --queue too');
  }
  if (o.workers !== undefined)
    throw new HbnnError(
      '--workers: has no effect with --queue; start hbnn sweep worker with it on each machine',
    );
  const { queueAddress } = await queuePackage();
  if ((await sharedStore(o.shared)) === undefined) folderInShared(o.out, o.shared);
  return queueAddress(o.queue);
}

/** Take the folder for this process, and leave the plan there. */
async function begun(plan: SweepPlan, out: string): Promise<{ release: () => void }> {
  const { lockRunFolder } = await import('@hbnn/train');
  try {
    makeFolder(out);
  } catch (error) {
    throw new HbnnError(
      `${out}: could not be made (${(error as Error).message}); choose another folder`,
    );
  }
  const lock = await lockRunFolder(out);
  try {
    const text = `${JSON.stringify(plan, null, 2)}\n`;
    writeWhole(sweepFile(out), text);
  } catch (error) {
    lock.release();
    throw error;
  }
  return lock;
}

/** The plan that the file asks for, or the one of the folder. */
async function planFor(file: string | undefined, o: Options): Promise<SweepPlan> {
  refuseStore(o.out, '--out');
  checkOwnFolder(o.out, undefined);
  const stored = await storedPlan(o.out);
  if (stored === undefined) {
    if (file === undefined)
      throw new HbnnError(
        `${o.out}: expected the folder of a sweep to go on with, got none; give the file of one, as in hbnn sweep sweep.json --out ${o.out}`,
      );
    if (!holdsLockAlone(o.out)) checkNewOrEmpty('--out', o.out, 'choose another');
  }
  const isOther = ![undefined, 'auto', stored?.backend].includes(o.backend);
  if (stored !== undefined && isOther)
    throw new HbnnError(
      `--backend: expected ${stored.backend}, on which the sweep in ${o.out} was begun, got ${o.backend}; leave it out, or choose another folder`,
    );
  const asked = file === undefined ? undefined : await planOf(readSweepFile(file));
  const plan =
    stored === undefined || asked === undefined
      ? (asked ?? stored)
      : await extendedPlan(stored, asked, o.out);
  const wanted = stored?.backend ?? o.backend ?? process.env.HBNN_BACKEND ?? 'auto';
  const { name: backend } = await backendFrom(wanted, o);
  return { ...(plan as SweepPlan), backend };
}

/** Whether a folder was made for a sweep whose process was killed before it began. */
const holdsLockAlone = (out: string): boolean =>
  existsSync(out) &&
  statSync(out).isDirectory() &&
  readdirSync(out).every((name) => name === 'run.lock' || name.endsWith('.tmp'));

function print(view: SweepView, jobs: readonly SweepJob[], o: Options): void {
  const { results, times, failures } = resultFiles(o.out);
  const failed = [...view.failed].map(([{ name }, error]) => ({ job: name, error }));
  const settings = settingSummaries(jobs, view);
  printResult(
    {
      sweep: o.out,
      trainings: jobs.length,
      ended: view.ended.size,
      failed: o.json ? failed : failed.length,
      results,
      times,
      settings: o.json ? settings : settingTable(settings),
      ...(!o.json && failed.length > 0 && { failures, 'failed trainings': failed }),
    },
    o.json,
  );
  if (failed.length > 0) process.exitCode = someFailed;
}

/** The command line that continues a sweep as it was asked for. */
function resumeLine(o: Options, address: QueueAddress | undefined): string {
  const words = ['sweep', '--out', o.out];
  if (address !== undefined) words.push('--queue', address.shown);
  if (o.shared !== undefined) words.push('--shared', o.shared);
  if (o.dashboard !== undefined) words.push('--dashboard', o.dashboard);
  if (o.workers !== undefined) words.push('--workers', o.workers);
  if (o.checkpointSeconds !== undefined) words.push('--checkpoint-seconds', o.checkpointSeconds);
  if (o.json) words.push('--json');
  if (o.quiet) words.push('--quiet');
  return `${commandName()} ${words.map(shellWord).join(' ')}`;
}

/** What a sweep that was stopped leaves in its folder. */
function keptOf(view: SweepView, jobs: readonly SweepJob[], out: string): string {
  const begunCount = view.open.filter(({ dir }) => existsSync(join(dir, 'checkpoint.bin'))).length;
  const and = begunCount > 0 ? `, and ${numberText(begunCount)} that were under way` : '';
  return `${view.ended.size} of ${jobs.length} trainings${and}, in ${out}`;
}
