import { setTimeout } from 'node:timers/promises';
import { type Job, Queue } from 'bullmq';
import type { QueueAddress } from './address.ts';
import {
  type ConnectOptions,
  connect,
  defaultQueue,
  keyPrefix,
  withoutSecrets,
} from './connection.ts';
import { type JobAnswer, maxAttempts, maxLosses, type QueuedJob } from './jobs.ts';

/** A job that a worker has at the moment. */
export interface RunningJob {
  readonly id: string;
  /** As the worker said last, 0 … 1. */
  readonly share: number;
}

/** What is seen of a queue now. */
export interface QueueView {
  readonly running: readonly RunningJob[];
  /** Workers that are connected; undefined where the server does not say. */
  readonly workers?: number;
}

export interface HandOutOptions extends ConnectOptions {
  readonly onDone: (id: string) => void;
  readonly onFailed: (id: string, why: string) => void;
  readonly onView?: (view: QueueView) => void;
}

const pollMs = 400;
/** How often it is looked whether the server has lost jobs, as after a restart without its latest writes. */
const lookForLostMs = 5000;
const jobsPerCommand = 200;

/**
 * Hand out jobs over a queue until each is done or given up. What the server loses is handed out again, so that the
 * server needs no disk; a job that is done twice for that reason must come to the same.
 *
 * @throws the signal's reason when it is told to stop; jobs that no worker has begun are then taken back
 */
export async function handOut(
  address: QueueAddress,
  jobs: readonly QueuedJob[],
  o: HandOutOptions,
): Promise<void> {
  const connection = await connect(address, o);
  const trouble = ({ message }: Error): void => o.onTrouble?.(withoutSecrets(message, address));
  connection.on('error', trouble);
  const queue = new Queue(o.queue ?? defaultQueue, { connection, prefix: keyPrefix });
  queue.on('error', trouble);
  try {
    await new Distribution(queue, jobs, o).run();
  } finally {
    await Promise.race([queue.close(), setTimeout(1000)]);
    connection.disconnect();
  }
}

class Distribution {
  readonly #queue: Queue;
  readonly #open: Map<string, QueuedJob>;
  readonly #o: HandOutOptions;
  #looked = 0;

  constructor(queue: Queue, jobs: readonly QueuedJob[], o: HandOutOptions) {
    this.#queue = queue;
    this.#open = new Map(jobs.map((job) => [job.id, job]));
    this.#o = o;
  }

  async run(): Promise<void> {
    const { signal } = this.#o;
    const stopped = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
    );
    stopped.catch(() => {});
    // A command waits as long as the server is away, which must not keep a stop from being heard.
    const heard = <T>(work: Promise<T>): Promise<T> => Promise.race([work, stopped]);
    try {
      signal.throwIfAborted();
      await heard(this.#forgetEnded());
      while (this.#open.size > 0) {
        if (performance.now() - this.#looked > lookForLostMs || this.#looked === 0)
          await heard(this.#addMissing());
        await heard(this.#collect());
        await heard(this.#view());
        if (this.#open.size > 0) await heard(setTimeout(pollMs));
      }
    } catch (error) {
      if (signal.aborted) await Promise.race([this.#takeBack(), setTimeout(5000)]);
      throw error;
    }
  }

  /** Do something with the open jobs, some at a time. */
  async #eachOpen(work: (job: QueuedJob) => Promise<void>): Promise<void> {
    const all = [...this.#open.values()];
    for (let i = 0; i < all.length; i += jobsPerCommand)
      await Promise.all(all.slice(i, i + jobsPerCommand).map(work));
  }

  /** Remove what an earlier call left as done or given up: this one asks for it again. */
  async #forgetEnded(): Promise<void> {
    await this.#eachOpen(async ({ id }) => {
      const state = await this.#queue.getJobState(id);
      if (state === 'completed' || state === 'failed') await this.#queue.remove(id);
    });
  }

  /** Add the open jobs that the server does not have. */
  async #addMissing(): Promise<void> {
    this.#looked = performance.now();
    const unknown = new Set<string>();
    await this.#eachOpen(async ({ id }) => {
      if ((await this.#queue.getJobState(id)) === 'unknown') unknown.add(id);
    });
    const missing = [...this.#open.values()].filter(({ id }) => unknown.has(id));
    const backoff = { type: 'fixed', delay: 1000 };
    for (let i = 0; i < missing.length; i += jobsPerCommand)
      await this.#queue.addBulk(
        missing.slice(i, i + jobsPerCommand).map(({ id, data }) => ({
          name: 'training',
          data,
          opts: { jobId: id, attempts: maxAttempts, backoff },
        })),
      );
  }

  /** Take what workers have dealt with out of the queue. */
  async #collect(): Promise<void> {
    const ended = await this.#queue.getJobs(['completed', 'failed'], 0, jobsPerCommand - 1);
    for (const job of ended) {
      // The server may have lost a job between its name and its content.
      if (job?.id === undefined || !this.#open.has(job.id)) continue;
      await this.#queue.remove(job.id);
      this.#open.delete(job.id);
      this.#tell(job.id, job);
    }
  }

  #tell(id: string, job: Job): void {
    const answer = job.returnvalue as JobAnswer | null;
    if (job.failedReason !== undefined && job.failedReason !== '')
      this.#o.onFailed(id, failureOf(job));
    else if (answer?.kind === 'fault') this.#o.onFailed(id, answer.message);
    else this.#o.onDone(id);
  }

  async #view(): Promise<void> {
    if (this.#o.onView === undefined) return;
    const active = await this.#queue.getJobs(['active'], 0, jobsPerCommand - 1);
    const running = active.flatMap((job) => {
      if (job?.id === undefined || !this.#open.has(job.id)) return [];
      const share = typeof job.progress === 'number' ? job.progress : 0;
      return [{ id: job.id, share }];
    });
    const workers = await this.#queue.getWorkersCount().catch(() => undefined);
    this.#o.onView({ running, workers });
  }

  /** Take the jobs back that no worker has begun. */
  async #takeBack(): Promise<void> {
    await this.#eachOpen(async ({ id }) => {
      // One that a worker has is locked, and stays.
      await this.#queue.remove(id).catch(() => {});
    });
  }
}

function failureOf({ failedReason, processedBy }: Job): string {
  const at = processedBy === undefined ? '' : `, the last time on ${processedBy}`;
  if (/stalled/.test(failedReason))
    return `its worker was lost ${maxLosses + 1} times${at}; see whether it needs more memory than the workers have`;
  return `${failedReason}${at}`;
}
