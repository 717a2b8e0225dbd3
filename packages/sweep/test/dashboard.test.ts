import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { handOut, queueAddress } from '@hbnn/sweep';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRedis, RedisServer } from './redisServer.ts';

const script = fileURLToPath(new URL('openedDashboard.ts', import.meta.url));
const reason = hasRedis ? '' : ' (skipped: there is no redis-server here)';

describe.skipIf(!hasRedis)(`the page of a queue${reason}`, () => {
  let server: RedisServer;
  let page: ChildProcess;
  let url: string;
  const address = () => `redis://127.0.0.1:${server.port}`;
  /** Open the page in a process of its own; what it prints is where the page is, or why it is not. */
  const open = async (...port: readonly string[]): Promise<[ChildProcess, string]> => {
    const flags = ['--conditions=hbnn-source', '--import', 'tsx', script, address(), ...port];
    const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = (await once(child.stdout, 'data')) as [Buffer];
    return [child, text.toString().trim()];
  };
  beforeAll(async () => {
    server = await RedisServer.started();
    [page, url] = await open();
  });
  afterAll(async () => {
    page.kill('SIGKILL');
    await server.kill();
  });

  it('shows jobs, lets nobody change them, and is closed to other machines', async () => {
    const leave = new AbortController();
    const waiting = handOut(queueAddress(address()), [{ id: 'sweep/one', data: { job: 1 } }], {
      signal: leave.signal,
      onDone() {},
      onFailed() {},
    });
    const counts = async (): Promise<{ waiting: number }> => {
      const answer = await fetch(`${url}api/queues?activeQueue=sweep&page=1&jobsPerPage=5`);
      const text = await answer.text();
      expect(text).toContain('"queues"');
      const { queues } = JSON.parse(text) as {
        queues: { name: string; readOnlyMode: boolean; counts: { waiting: number } }[];
      };
      expect(queues.map(({ name, readOnlyMode }) => [name, readOnlyMode])).toEqual([
        ['sweep', true],
      ]);
      return queues[0].counts;
    };
    await expect.poll(counts).toMatchObject({ waiting: 1 });
    expect(await (await fetch(url)).text()).toContain('<html');
    const change = await fetch(`${url}api/queues/sweep/pause`, { method: 'PUT' });
    expect(change.status).toBe(405);
    leave.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    const others = Object.values(networkInterfaces())
      .flat()
      .filter((each) => each?.family === 'IPv4' && !each.internal);
    const { port } = new URL(url);
    for (const other of others)
      await expect(fetch(`http://${other?.address}:${port}/`)).rejects.toThrow();
  });

  it('names a port that is taken', async () => {
    const [, said] = await open(new URL(url).port);
    expect(said).toMatch(/^--dashboard: could not listen on port \d+ of 127\.0\.0\.1 /);
  });
});
