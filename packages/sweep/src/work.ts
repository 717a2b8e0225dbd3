import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { HbnnError } from '@hbnn/core';
import { type Job, WaitingError, Worker } from 'bullmq';
import type { QueueAddress } from './address.ts';
import {
  type ConnectOptions,
  connect,
  defaultQueue,
  keyPrefix,
  withoutSecrets,
} from './connection.ts';
import { type JobAnswer, maxLosses } from './jobs.ts';

/** What a worker does with a job. */
export type HandlerAnswer =
  | JobAnswer
  /** It was told to stop before the end: another worker is to go on. */
  | { readonly kind: 'stopped' }
  /** This machine cannot do such jobs: another worker is to do it, and this one ends. */
  | { readonly kind: 'unfit'; readonly message: string };

/**
 * Does one job. One that throws is begun again, here or elsewhere, a few times.
 *
 * @param signal asks for a stop: the work is kept where another worker finds it
 * @param tell says how far the job is, 0 … 1
 */
export type Handler = (
  data: unknown,
  signal: AbortSignal,
  tell: (share: number) => void,
) => Promise<HandlerAnswer>;

export interface WorkOptions extends ConnectOptions {
  /** Jobs side by side. */
  readonly jobs: number;
  /** A worker that says nothing for so long is lost, and its job goes to another. */
  readonly leaseSeconds: number;
  /** End when there was no job for so long; left out: wait for ever. */
  readonly idleSeconds?: number;
}

const tellEveryMs = 2000;
const lookAgainMs = 200;
const closeMs = 5000;

/**
 * Take jobs from a queue and do them, until told to stop or idle for long.
 *
 * @throws HbnnError where the server cannot be reached at first, or this machine cannot do the jobs
 */
export async function workOn(
  address: QueueAddress,
  handler: Handler,
  o: WorkOptions,
): Promise<void> {
  const connection = await connect(address, o);
  const trouble = ({ message }: Error): void => {
    if (/could not renew lock|Missing lock/.test(message)) return;
    o.onTrouble?.(withoutSecrets(message, address));
  };
  connection.on('error', trouble);
  const station = new Station(handler, o.signal);
  const worker = new Worker(o.queue ?? defaultQueue, (job, token) => station.process(job, token), {
    connection,
    prefix: keyPrefix,
    name: `${hostname()}:${process.pid}`,
    concurrency: o.jobs,
    lockDuration: 1000 * o.leaseSeconds,
    stalledInterval: 1000 * o.leaseSeconds,
    maxStalledCount: maxLosses,
    drainDelay: 1,
  });
  worker.on('error', trouble);
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) station.give(id);
  });
  try {
    await station.untilOver(o.idleSeconds);
  } finally {
    await Promise.race([worker.close(), setTimeout(closeMs)]);
    connection.disconnect();
  }
  if (station.unfit !== undefined) throw new HbnnError(station.unfit);
}

/** The jobs that this process has. */
class Station {
  readonly #handler: Handler;
  readonly #signal: AbortSignal;
  readonly #running = new Map<string, AbortController>();
  #idleSince = performance.now();
  unfit: string | undefined;

  constructor(handler: Handler, signal: AbortSignal) {
    this.#handler = handler;
    this.#signal = signal;
  }

  /** Wait until the worker is to end and has no job any more. */
  async untilOver(idleSeconds = Number.POSITIVE_INFINITY): Promise<void> {
    const isOver = (): boolean =>
      this.#signal.aborted ||
      this.unfit !== undefined ||
      (this.#running.size === 0 && performance.now() - this.#idleSince > 1000 * idleSeconds);
    while (!isOver()) await setTimeout(lookAgainMs);
    for (const id of this.#running.keys()) this.give(id);
    while (this.#running.size > 0) await setTimeout(lookAgainMs / 4);
  }

  /** Stop a job that is to go to another worker. */
  give(id: string): void {
    this.#running.get(id)?.abort(new Error('the job goes to another worker'));
  }

  async process(job: Job, token: string | undefined): Promise<JobAnswer> {
    const id = job.id ?? '';
    const stop = new AbortController();
    this.#running.set(id, stop);
    if (this.#signal.aborted || this.unfit !== undefined) stop.abort();
    let told = performance.now();
    const tell = (share: number): void => {
      if (performance.now() - told < tellEveryMs) return;
      told = performance.now();
      job.updateProgress(share).catch(() => {});
    };
    try {
      const answer = await this.#handler(job.data, stop.signal, tell);
      if (answer.kind === 'done' || answer.kind === 'fault') return answer;
      if (answer.kind === 'unfit') this.unfit ??= answer.message;
      // Where the job is another worker's by now, there is nothing to put back.
      await Promise.race([job.moveToWait(token).catch(() => {}), setTimeout(closeMs)]);
      throw new WaitingError();
    } finally {
      this.#running.delete(id);
      this.#idleSince = performance.now();
    }
  }
}
