import { HbnnError } from '@hbnn/core';
import { Redis } from 'ioredis';
import type { QueueAddress } from './address.ts';

/** Names of the queue's keys begin with it: other programs may use the same server. */
export const keyPrefix = 'hbnn';
export const queueName = 'sweep';

const maxWaitMs = 2000;
const firstTryMs = 10_000;

/**
 * Connect to a queue's server. Once it was reached, commands wait through its restarts.
 *
 * @throws HbnnError where it cannot be reached, or does not take user and password
 */
export async function connect(address: QueueAddress): Promise<Redis> {
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
    throw new HbnnError(
      `${address.shown}: could not be used (${withoutSecrets(why, address)}); start Redis there, or give another address, user and password`,
    );
  }
}

/** An error's text without user and password. */
export const withoutSecrets = (text: string, { username, password }: QueueAddress): string =>
  [password, username].reduce<string>(
    (plain, secret) =>
      secret === undefined || secret === '' ? plain : plain.replaceAll(secret, '…'),
    text.replaceAll('\n', ' '),
  );
