import { setTimeout } from 'node:timers/promises';
import { HbnnError } from '@hbnn/core';
import { Redis } from 'ioredis';
import type { QueueAddress } from './address.ts';

/** Names of the queue's keys begin with it: other programs may use the same server. */
export const keyPrefix = 'hbnn';
export const defaultQueue = 'sweep';

const maxWaitMs = 2000;
const firstTryMs = 10_000;
const tryAgainMs = 500;

export interface ConnectOptions {
  /** The queue's name: those of different names have no jobs in common. Default: sweep. */
  readonly queue?: string;
  /** How long to try to reach the server at first, in seconds: it may start beside this process. */
  readonly reachSeconds?: number;
  /** Told when the server cannot be reached; commands wait until it can. */
  readonly onTrouble?: (why: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Connect to a queue's server. Once it was reached, commands wait through its restarts.
 *
 * @throws HbnnError where it cannot be reached, or does not take user and password
 */
export async function connect(address: QueueAddress, o: ConnectOptions): Promise<Redis> {
  const begun = performance.now();
  for (;;) {
    const reached = await tryToReach(address);
    if (reached instanceof Redis) return reached;
    const isOver = performance.now() - begun >= 1000 * (o.reachSeconds ?? 0);
    if (isOver || refusal.test(reached))
      throw new HbnnError(
        `${address.shown}: could not be used (${reached}); start Redis there, or give another address, user and password`,
      );
    o.onTrouble?.(reached);
    await setTimeout(tryAgainMs);
    o.signal.throwIfAborted();
  }
}

/** What a server says that is there and does not want this client: no patience changes that. */
const refusal = /NOAUTH|WRONGPASS|AUTH|NOPERM|invalid DB index|certificate/i;

/** Connect once; returns why that was not possible. */
async function tryToReach(address: QueueAddress): Promise<Redis | string> {
  const { host, port, db, username, password, tls } = address;
  const redis = new Redis({
    host,
    port,
    db,
    username,
    password,
    ...(tls && { tls: {} }),
    maxRetriesPerRequest: null,
    connectTimeout: firstTryMs,
    lazyConnect: true,
    retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 5), maxWaitMs),
  });
  // The reason of a failed connection comes as an event, and a command's as its own error.
  let reason = 'it did not answer';
  redis.on('error', ({ message }: Error) => {
    reason = message;
  });
  try {
    await redis.connect();
    await redis.ping();
    return redis;
  } catch (error) {
    redis.disconnect();
    const why = /closed|aborted/.test((error as Error).message) ? reason : (error as Error).message;
    return withoutSecrets(why, address);
  }
}

const sayAgainMs = 30_000;

/**
 * Say now and then that a queue's server cannot be reached, for `onTrouble`.
 *
 * @param write is given whole lines
 */
export function troubleNotes(
  { shown }: QueueAddress,
  write: (text: string) => void,
): (why: string) => void {
  let said = Number.NEGATIVE_INFINITY;
  return (why) => {
    if (performance.now() - said < sayAgainMs) return;
    said = performance.now();
    write(`note: ${shown}: ${why}; waits until it is there again\n`);
  };
}

/** An error's text without user and password. */
export const withoutSecrets = (text: string, { username, password }: QueueAddress): string =>
  [password, username].reduce<string>(
    (plain, secret) =>
      secret === undefined || secret === '' ? plain : plain.replaceAll(secret, '…'),
    text.replaceAll('\n', ' '),
  );
