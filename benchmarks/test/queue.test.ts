import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRedis, RedisServer } from '../../packages/sweep/test/redisServer.ts';
import { bundledReproduce } from './bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'hbnn-reproduce-queue-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stage = ['--only', 'mix-insensitivity', '--max-steps', '9', '--seeds', '2'];

interface Ended {
  readonly code: number | null;
  readonly err: string;
}

interface Started {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<Ended>;
}

function start(...args: readonly string[]): Started {
  const child = spawn(process.execPath, [bundledReproduce, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr?.on('data', (part) => {
    err += part;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, err }));
  return { child, said: () => err, ended };
}

/** What a report says, without when, where and by which command it was made. */
function numbersOf(out: string): string {
  const { stages } = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as {
    stages: Record<string, unknown>[];
  };
  return JSON.stringify(stages.map(({ provenance: _, ...rest }) => rest));
}

const trainingsOf = (out: string): unknown => {
  const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as {
    from: { stages: unknown };
  };
  return manifest.from.stages;
};

it.each([
  [['--worker'], '--worker: has no effect without a queue'],
  [['--idle-seconds', '3'], '--idle-seconds: has no effect without a queue'],
  [['--queue', 'redis://h', '--idle-seconds', '3'], '--idle-seconds: has an effect on workers'],
  [['--queue', 'redis://h', '--jobs', '2'], '--jobs: has no effect on trainings that are handed'],
  [['--queue', 'redis://h', '--worker', '--seeds', '2'], '--seeds: has no effect on a worker'],
  [['--queue', 'http://me:secret@h'], '--queue: expected redis:// or rediss://'],
  [['--queue', 'redis://h', '--shared', join(folder, 'none')], '--shared: expected a folder'],
])('refuses %j', (args, message) => {
  const { status, stderr } = spawnSync(process.execPath, [bundledReproduce, ...args], {
    encoding: 'utf8',
  });
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('secret');
  expect(status).toBe(2);
});

/** `pnpm --filter @hbnn/benchmarks signals`: it trains for half a minute. */
const isAsked = process.env.HBNN_SIGNALS === 'all';
const reason = hasRedis ? '' : ' (skipped: there is no redis-server here)';

describe.runIf(isAsked && hasRedis)(`a reproduction over a queue${reason}`, () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.started();
  });
  afterAll(() => server.kill());

  it('has the numbers and weights of one on a single machine, though a worker is killed', async () => {
    const queue = ['--queue', `redis://127.0.0.1:${server.port}`, '--shared', folder];
    const out = join(folder, 'queued');
    const worker = ['--worker', ...queue, '--jobs', '1', '--lease-seconds', '2'];
    const first = start(...worker);
    const sweep = start(...stage, '--out', out, '--ledger', join(out, 'ledger'), ...queue);
    // One training is done and the next has begun.
    while (!first.said().includes('done') && sweep.child.exitCode === null) await setTimeout(20);
    first.child.kill('SIGKILL');
    const second = start(...worker, '--idle-seconds', '3');
    expect(await sweep.ended).toMatchObject({ code: 0 });
    expect(await second.ended).toMatchObject({ code: 0 });
    const alone = join(folder, 'alone');
    const ledger = ['--ledger', join(alone, 'ledger'), '--jobs', '1'];
    expect(await start(...stage, ...ledger, '--out', alone).ended).toMatchObject({ code: 0 });
    expect(numbersOf(out)).toBe(numbersOf(alone));
    expect(trainingsOf(out)).toEqual(trainingsOf(alone));
    const idle = start(...worker);
    while (!idle.said().includes('waits for jobs')) await setTimeout(20);
    idle.child.kill('SIGTERM');
    const stopped = await idle.ended;
    expect([stopped.code, stopped.err]).toEqual([143, expect.stringContaining('0 trainings done')]);
  });
});
