import { existsSync, statSync } from 'node:fs';
import { HbnnError } from '@hbnn/core';
import type { Handler } from '@hbnn/sweep';
import { Command } from 'commander';
import { Interruption, interruptible } from '../interruption.ts';
import { positiveDecimal, positiveNumber } from '../numbers.ts';
import { printResult, quietFlag } from '../output.ts';
import { queuePackage, reachSeconds, refuseStore, SharedSweeps } from '../sweep/queue.ts';
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
    .description('do trainings of sweeps that are handed out over a queue')
    .requiredOption('--queue <address>', 'redis://HOST:PORT/DATABASE, or rediss:// for TLS')
    .requiredOption('--shared <folder>', 'the folder that sweeps and workers share')
    .option('--workers <n>', 'trainings side by side, each in a process of its own', '1')
    .option('--lease-seconds <s>', 'a worker silent for so long is lost', '30')
    .option('--idle-seconds <s>', 'end when there was no job for so long (default: never)')
    .option('--json', 'print the result as JSON')
    .option(...quietFlag)
    .addHelpText(
      'after',
      `
Workers may be started and stopped at any time. One that is told to stop saves its training, and one that is lost leaves
a checkpoint: another worker goes on from there. User and password of the queue come from its address or, unseen by other
users of the machine, from HBNN_QUEUE_USER and HBNN_QUEUE_PASSWORD. Data sets are read on the worker's own machine.

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
  refuseStore(o.shared, '--shared');
  if (!existsSync(o.shared) || !statSync(o.shared).isDirectory())
    throw new HbnnError(
      `--shared: expected a folder, got ${o.shared}, which is none; give the folder that has the --out folders of the sweeps in it`,
    );
  const station = new WorkerStation(o, leaseSeconds);
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
  readonly #sweeps: SharedSweeps;
  readonly #all: Trainer[] = [];
  readonly #free: Trainer[] = [];

  constructor(o: Options, leaseSeconds: number) {
    this.#o = o;
    this.#sweeps = new SharedSweeps(o.shared, Math.max(minTakeOverSeconds, leaseSeconds));
  }

  handle: Handler = async (data, signal, tell) => {
    const found = await this.#sweeps.find(data);
    if (found.kind === 'unfit') return found;
    const trainer = this.#free.pop() ?? this.#started();
    this.say(`begins ${found.name}`);
    try {
      const end = await trainer.run(found.task, signal, ({ share }) => tell(share));
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
  }

  #started(): Trainer {
    const trainer = new Trainer();
    this.#all.push(trainer);
    return trainer;
  }
}

/** A process touches its lock every two seconds, unless a step of a large network keeps it from that. */
const minTakeOverSeconds = 10;
