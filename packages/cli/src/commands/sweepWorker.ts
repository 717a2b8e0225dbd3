import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import type { Handler, ObjectStore } from '@hbnn/sweep';
import { Command } from 'commander';
import { Interruption, interruptible } from '../interruption.ts';
import { positiveDecimal, positiveNumber } from '../numbers.ts';
import { printResult, quietFlag } from '../output.ts';
import type { TaskEnd } from '../sweep/job.ts';
import { queuePackage, reachSeconds, SharedSweeps, sharedStore } from '../sweep/queue.ts';
import { StoredSweeps, whileKept } from '../sweep/storedSweeps.ts';
import { Trainer } from '../sweep/trainer.ts';

interface Options {
  queue: string;
  shared: string;
  workers: string;
  leaseSeconds: string;
  idleSeconds?: string;
  json?: boolean;
  quiet?: boolean;
}

export function sweepWorkerCommand(): Command {
  return new Command('worker')
    .description('take trainings of sweeps from a queue and do them')
    .requiredOption('--queue <address>', 'redis://HOST:PORT/DATABASE, or rediss:// for TLS')
    .requiredOption(
      '--shared <place>',
      'the folder that sweeps and workers share, or s3://BUCKET/PREFIX',
    )
    .option('--workers <n>', 'number of trainings at the same time, each in its own process', '1')
    .option(
      '--lease-seconds <s>',
      'a worker without a sign of life for this time counts as lost',
      '30',
    )
    .option(
      '--idle-seconds <s>',
      'end if the queue has had no training for this time (default: never)',
    )
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
You can start and stop workers at any time. If a worker is stopped, it saves its training; if a worker is lost, its last
checkpoint remains. Another worker continues from there. Each worker reads data sets from its own machine.

The address of the queue can have a user and a password, but other users of the machine could see them. So set these
variables instead:
  HBNN_QUEUE_USER      the user of the queue
  HBNN_QUEUE_PASSWORD  the password of the queue

The store of an s3:// address is set by these variables:
  AWS_ACCESS_KEY_ID      the name of the key
  AWS_SECRET_ACCESS_KEY  the secret of the key
  AWS_REGION             the region
  AWS_ENDPOINT_URL_S3    the server

Example:
  hbnn sweep worker --queue redis://queue.example:6379 --shared /mnt/sweeps --workers 2`,
    )
    .action((o: Options) => interruptible((signal) => run(o, signal)));
}

async function run(o: Options, signal: AbortSignal): Promise<void> {
  const { queueAddress, troubleNotes, workOn } = await queuePackage();
  const address = queueAddress(o.queue);
  const workers = positiveNumber(o.workers, '--workers');
  const seconds = (text: string, option: string): number =>
    positiveDecimal(text, option, 'of seconds, such as 30');
  const leaseSeconds = seconds(o.leaseSeconds, '--lease-seconds');
  const { idleSeconds } = o;
  const idle = idleSeconds === undefined ? undefined : seconds(idleSeconds, '--idle-seconds');
  const store = await sharedStore(o.shared);
  if (store === undefined && (!existsSync(o.shared) || !statSync(o.shared).isDirectory()))
    throw new HbnnError(
      `--shared: expected a folder, got ${o.shared}, which is none; give the folder that has the --out folders of the sweeps in it`,
    );
  const station = new WorkerStation(o, leaseSeconds, store);
  station.say(`waits for jobs of ${address.shown}`);
  try {
    await workOn(address, station.handle, {
      jobs: workers,
      leaseSeconds,
      idleSeconds: idle,
      signal,
      reachSeconds,
      onTrouble: o.quiet ? undefined : troubleNotes(address, (text) => process.stderr.write(text)),
    });
  } finally {
    await station.end();
  }
  const { done, failed } = station;
  if (signal.aborted) {
    const { signal: name } = signal.reason as Interruption;
    throw new Interruption(name, undefined, `${done} trainings done, and what was under way`);
  }
  printResult({ queue: address.shown, done, failed }, o.json);
}

/** Does jobs in processes of their own, and counts them. */
class WorkerStation {
  done = 0;
  failed = 0;
  readonly #o: Options;
  readonly #sweeps: SharedSweeps | StoredSweeps;
  /** A folder of this process for trainings that are kept in a store. */
  readonly #own: string | undefined;
  readonly #all: Trainer[] = [];
  readonly #free: Trainer[] = [];

  constructor(o: Options, leaseSeconds: number, store: ObjectStore | undefined) {
    this.#o = o;
    const takeOverSeconds = Math.max(minTakeOverSeconds, leaseSeconds);
    this.#own = store && mkdtempSync(join(tmpdir(), 'hbnn-worker-'));
    this.#sweeps =
      store === undefined || this.#own === undefined
        ? new SharedSweeps(o.shared, takeOverSeconds)
        : new StoredSweeps(store, this.#own, takeOverSeconds);
  }

  handle: Handler = async (data, signal, tell) => {
    const found = await this.#sweeps.find(data);
    if (found.kind === 'unfit') return found;
    const trainer = this.#free.pop() ?? this.#started();
    this.say(`begins ${found.name}`);
    try {
      const { task, elsewhere, name } = found;
      const train = (): Promise<TaskEnd> => trainer.run(task, signal, ({ share }) => tell(share));
      const end = await (elsewhere === undefined
        ? train()
        : whileKept(elsewhere, task.dir, train, (text) => this.say(`${name}: ${text}`)));
      if (end.kind === 'done') this.done++;
      if (end.kind === 'fault') this.failed++;
      this.say(`${end.kind} ${found.name}${'message' in end ? `: ${end.message}` : ''}`);
      return end;
    } catch (error) {
      this.say(`lost ${found.name}: ${(error as Error).message}`);
      throw error;
    } finally {
      this.#free.push(trainer);
    }
  };

  say(text: string): void {
    if (!this.#o.quiet) process.stderr.write(`worker ${process.pid}: ${text}\n`);
  }

  async end(): Promise<void> {
    await Promise.all(this.#all.map((trainer) => trainer.end()));
    if (this.#own !== undefined) rmSync(this.#own, { recursive: true, force: true });
  }

  #started(): Trainer {
    const trainer = new Trainer();
    this.#all.push(trainer);
    return trainer;
  }
}

/** A process touches its lock every two seconds, unless a step of a large network keeps it from that. */
const minTakeOverSeconds = 10;
