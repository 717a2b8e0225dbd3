import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type StoreAddress, storeAddress } from '@hbnn/sweep';

/** The server that speaks S3: the command of the Python package moto[server]. */
const command = process.env.HBNN_MOTO_SERVER ?? 'moto_server';

/** Whether this machine has a server that speaks S3. */
export const hasS3Server = spawnSync(command, ['--help'], { stdio: 'ignore' }).status === 0;

/** A server of our own that speaks S3, on a free port of this machine alone, with nothing on disk. */
export class S3Server {
  readonly port: number;
  #child: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  static async started(): Promise<S3Server> {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    probe.close();
    await once(probe, 'close');
    const server = new S3Server(port);
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
    const at = ['-H', '127.0.0.1', '-p', String(this.port)];
    this.#child = spawn(command, at, { stdio: 'ignore' });
    while ((await this.#put('sweeps')) !== 200) await setTimeout(100);
  }

  /** Make a bucket; the status of the answer, undefined where there is none yet. */
  #put(bucket: string): Promise<number | undefined> {
    return fetch(`${this.endpoint}/${bucket}`, { method: 'PUT' })
      .then(({ status }) => status)
      .catch(() => undefined);
  }

  /** End the server as a crash would, with all that it holds. */
  async kill(): Promise<void> {
    const gone = once(this.#child as ChildProcess, 'exit');
    this.#child?.kill('SIGKILL');
    await gone;
  }
}
