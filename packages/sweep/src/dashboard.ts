import { once } from 'node:events';
import { createServer } from 'node:http';
import { HbnnError } from '@hbnn/core';
import { Queue } from 'bullmq';
import type { QueueAddress } from './address.ts';
import { type ConnectOptions, connect, defaultQueue, keyPrefix } from './connection.ts';

interface DashboardOptions extends ConnectOptions {
  /** 0: one that is free. */
  readonly port: number;
  /** The address of this machine that it listens on. Default: 127.0.0.1, which no other machine reaches. */
  readonly host?: string;
}

export interface Dashboard {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Show a queue's jobs in a page, by bull-board, which is installed for that alone. The page changes nothing.
 *
 * @throws HbnnError where bull-board is not installed, or the port is taken
 */
export async function openDashboard(
  address: QueueAddress,
  o: DashboardOptions,
): Promise<Dashboard> {
  const { createBullBoard, BullMQAdapter, ExpressAdapter } = await bullBoard();
  const connection = await connect(address, o);
  const queue = new Queue(o.queue ?? defaultQueue, { connection, prefix: keyPrefix });
  for (const each of [connection, queue]) each.on('error', () => {});
  const serverAdapter = new ExpressAdapter();
  createBullBoard({ queues: [new BullMQAdapter(queue, { readOnlyMode: true })], serverAdapter });
  const server = createServer(serverAdapter.getRouter());
  const host = o.host ?? '127.0.0.1';
  const end = async (): Promise<void> => {
    await queue.close();
    connection.disconnect();
  };
  try {
    server.listen(o.port, host);
    await once(server, 'listening');
  } catch (error) {
    await end();
    throw new HbnnError(
      `--dashboard: could not listen on port ${o.port} of ${host} (${(error as Error).message}); give a port that is free`,
    );
  }
  const { port } = server.address() as { port: number };
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/`,
    async close() {
      server.close();
      server.closeAllConnections();
      await end();
    },
  };
}

async function bullBoard() {
  try {
    const [{ createBullBoard }, { BullMQAdapter }, { ExpressAdapter }] = await Promise.all([
      import('@bull-board/api'),
      import('@bull-board/api/bullMQAdapter'),
      import('@bull-board/express'),
    ]);
    return { createBullBoard, BullMQAdapter, ExpressAdapter };
  } catch (error) {
    if (!/MODULE_NOT_FOUND/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw new HbnnError(
      '--dashboard: expected the packages @bull-board/api and @bull-board/express, got none; install them with npm install @bull-board/api @bull-board/express',
    );
  }
}
