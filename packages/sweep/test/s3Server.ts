import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type StoreAddress, storeAddress } from '@hbnn/sweep';

/** The server that speaks S3: the command of the Python package moto[server]. */
const command = process.env.HBNN_MOTO_SERVER ?? 'moto_server';

/** Whether this machine has a server that speaks S3. */
export const hasS3Server = spawnSync(command, ['--help'], { stdio: 'ignore' }).status === 0;

/** A port of this machine that nobody listens at. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

/**
 * A server of our own that speaks S3, on a free port of this machine alone, with nothing on disk. It listens at another
 * port until its bucket is made, so that nobody finds it without, as no server does that keeps its buckets.
 */
export class S3Server {
  readonly port: number;
  #child: ChildProcess | undefined;
  #door: Server | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number) {
    this.port = port;
  }

  static async started(): Promise<S3Server> {
    const server = new S3Server(await freePort());
    await server.start();
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Variables that a process needs to use it. */
  get env(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: 'me',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_ENDPOINT_URL_S3: this.endpoint,
      AWS_REGION: 'us-east-1',
    };
  }

  address(text = 's3://sweeps/mine'): StoreAddress {
    return storeAddress(text, '--shared', this.env);
  }

  async start(): Promise<void> {
    const inner = await freePort();
    const at = ['-H', '127.0.0.1', '-p', String(inner)];
    this.#child = spawn(command, at, { stdio: 'ignore' });
    while ((await answerTo(inner, 'sweeps')) !== 200) await setTimeout(100);
    this.#door = createServer((outer) => {
      const through = connect(inner, '127.0.0.1');
      outer.pipe(through).pipe(outer);
      for (const socket of [outer, through]) {
        this.#sockets.add(socket.once('close', () => this.#sockets.delete(socket)));
        // The other end hears of it by its own end.
        socket.on('error', () => {
          outer.destroy();
          through.destroy();
        });
      }
    }).listen(this.port, '127.0.0.1');
    await once(this.#door, 'listening');
  }

  /** End the server as a crash would, with all that it holds. */
  async kill(): Promise<void> {
    const gone = once(this.#child as ChildProcess, 'exit');
    this.#child?.kill('SIGKILL');
    this.#door?.close();
    for (const socket of this.#sockets) socket.destroy();
    await gone;
  }
}

/** Ask for a bucket to be made: the status of the answer, undefined where there is none yet. */
const answerTo = (port: number, bucket: string): Promise<number | undefined> =>
  fetch(`http://127.0.0.1:${port}/${bucket}`, { method: 'PUT' })
    .then(({ status }) => status)
    .catch(() => undefined);
