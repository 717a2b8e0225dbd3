import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { positiveDecimal } from '@hbnn/cli/numbers';
import { HbnnError } from '@hbnn/core';
import { queueAddress } from '@hbnn/sweep';
import { workForReproductions } from './queueWorker.ts';
import { trainingsText } from './sweepProgress.ts';
import type { TrainingQueue } from './trainingTask.ts';

/** Options of the command that a queue has to do with, as typed. */
export interface QueueCommandOptions {
  readonly queue?: string;
  readonly shared?: string;
  readonly worker?: boolean;
  readonly leaseSeconds?: string;
  readonly idleSeconds?: string;
}

const defaultLeaseSeconds = 30;

/** Options that a worker heeds. */
const ofWorkers = [
  'queue',
  'shared',
  'worker',
  'leaseSeconds',
  'idleSeconds',
  'from',
  'jobs',
  'quiet',
  'json',
];
const ofWorkersAlone = ['leaseSeconds', 'idleSeconds'];
/** Options that a sweep which is handed out has no use for. */
const withoutQueue = [
  'jobs',
  'minutes',
  'verify',
  'verifyWeights',
  'plan',
  'planReport',
  'fromLedger',
];

const flag = (name: string): string => `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

/**
 * Refuse options that do not go together with a queue, or that need one.
 *
 * @param typed names of the options on the command line
 */
export function checkQueueOptions(o: QueueCommandOptions, typed: readonly string[]): void {
  const refuse = (names: readonly string[], why: string): void => {
    const vain = typed.find((name) => names.includes(name));
    if (vain !== undefined) throw new HbnnError(`${flag(vain)}: ${why}`);
  };
  if (o.queue === undefined)
    refuse(
      ['worker', 'shared', ...ofWorkersAlone],
      'has no effect without a queue; give --queue too',
    );
  else if (o.worker)
    refuse(
      typed.filter((name) => !ofWorkers.includes(name)),
      'has no effect on a worker, which does what the sweep asks for; leave it out',
    );
  else {
    refuse(ofWorkersAlone, 'has an effect on workers alone; give it to --worker');
    refuse(withoutQueue, 'has no effect on trainings that are handed out; leave out --queue or it');
  }
}

/** The queue that is asked for. @param cache the shared folder where none is given */
export function trainingQueue(o: QueueCommandOptions, cache: string): TrainingQueue | undefined {
  if (o.queue === undefined) return undefined;
  const address = queueAddress(o.queue);
  if (o.shared === undefined) return { address, shared: cache };
  const shared = resolve(o.shared);
  if (statSync(shared, { throwIfNoEntry: false })?.isDirectory()) return { address, shared };
  throw new HbnnError(
    `--shared: expected a folder, got ${o.shared}, which is none; give the folder that all workers see`,
  );
}

/** Do trainings of a queue until told to stop. */
export async function runWorker(
  o: QueueCommandOptions & {
    readonly from?: string;
    readonly quiet?: boolean;
    readonly json?: boolean;
  },
  queue: TrainingQueue,
  jobs: number | undefined,
  cache: string,
): Promise<void> {
  const seconds = (text: string | undefined, option: string): number | undefined =>
    text === undefined ? undefined : positiveDecimal(text, option, 'of seconds, such as 30');
  const done = await workForReproductions({
    ...queue,
    cache,
    from: o.from === undefined ? undefined : resolve(o.from),
    jobs: jobs ?? availableParallelism(),
    leaseSeconds: seconds(o.leaseSeconds, '--lease-seconds') ?? defaultLeaseSeconds,
    idleSeconds: seconds(o.idleSeconds, '--idle-seconds'),
    quiet: o.quiet,
  });
  process.stdout.write(o.json ? `${JSON.stringify({ done })}\n` : `${trainingsText(done)} done\n`);
}
