import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Whether this machine has a Redis server: Debian's package is `redis-server`. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis server of our own, on a free port of this machine alone, that keeps nothing on disk. */
export class RedisServer {
  readonly port: number;
  readonly #options: readonly string[];
  readonly #folder = mkdtempSync(join(tmpdir(), 'hbnn-redis-'));
  #child: ChildProcess | undefined;

  private constructor(port: number, options: readonly string[]) {
    this.port = port;
    this.#options = options;
  }

  /** @param options further ones of redis-server */
  static async started(...options: readonly string[]): Promise<RedisServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    const redis = new RedisServer(port, options);
    await redis.start();
    return redis;
  }

  async start(): Promise<void> {
    const at = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    this.#child = spawn('redis-server', [...at, '--save', '', ...this.#options], {
      stdio: 'ignore',
    });
    const probe = new Redis({
      port: this.port,
      retryStrategy: () => 50,
      maxRetriesPerRequest: null,
    });
    probe.on('error', () => {});
    // A server that asks for a password answers too.
    await probe.ping().catch(() => {});
    probe.disconnect();
  }

  /** End the server as a crash would, with all that it holds. */
  async kill(): Promise<void> {
    const gone = once(this.#child as ChildProcess, 'exit');
    this.#child?.kill('SIGKILL');
    await gone;
  }

  /** Let the server say nothing for a while, as a network that is cut would. */
  async freeze(ms: number): Promise<void> {
    this.#child?.kill('SIGSTOP');
    await setTimeout(ms);
    this.#child?.kill('SIGCONT');
  }

  /** Kill the server and start it again, with nothing in it. */
  async restart(awayMs: number): Promise<void> {
    await this.kill();
    await setTimeout(awayMs);
    await this.start();
  }
}
