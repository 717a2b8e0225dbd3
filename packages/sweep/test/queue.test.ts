import { setTimeout } from 'node:timers/promises';
import { type Handler, handOut, type QueuedJob, queueAddress, workOn } from '@hbnn/sweep';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRedis, RedisServer } from './redisServer.ts';

const never = new AbortController().signal;
const jobsOf = (count: number): QueuedJob[] =>
  Array.from({ length: count }, (_, i) => ({ id: `sweep/${i}`, data: { job: i } }));
const numberOf = (data: unknown): number => (data as { job: number }).job;

it('says where a server cannot be reached, without the password', async () => {
  const address = queueAddress('redis://me:secret@127.0.0.1:1');
  const refused = handOut(address, [], { signal: never, onDone() {}, onFailed() {} });
  await expect(refused).rejects.toThrow(/^redis:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
  await expect(refused).rejects.not.toThrow('secret');
});

const reason = hasRedis ? '' : ' (skipped: there is no redis-server here)';

describe.skipIf(!hasRedis)(`a queue on a real Redis${reason}`, () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.started('--requirepass', 'secret');
  });
  afterAll(() => server.kill());
  const address = () => queueAddress(`redis://:secret@127.0.0.1:${server.port}`);

  it('has each job done once, through a restart that loses all, and names those that fail', async () => {
    const done: string[] = [];
    const failed = new Map<string, string>();
    const begun = new Map<number, number>();
    const leave = new AbortController();
    const handler: Handler = async (data, _, tell) => {
      const job = numberOf(data);
      begun.set(job, (begun.get(job) ?? 0) + 1);
      tell(0.5);
      if (job === 3) return { kind: 'fault', message: 'the weights diverged' };
      if (job === 4) throw new Error('its process ended by SIGKILL');
      return { kind: 'done' };
    };
    const options = { jobs: 3, leaseSeconds: 2, signal: leave.signal };
    const troubles: string[] = [];
    const working = workOn(address(), handler, {
      ...options,
      onTrouble: (why) => troubles.push(why),
    });
    let restart: Promise<void> | undefined;
    await handOut(address(), jobsOf(40), {
      signal: never,
      onDone(id) {
        done.push(id);
        restart ??= server.restart(300);
      },
      onFailed: (id, why) => failed.set(id, why),
    });
    leave.abort();
    await Promise.all([working, restart]);
    expect(new Set(done).size).toBe(done.length);
    const all = jobsOf(40).map(({ id }) => id);
    const bad = ['sweep/3', 'sweep/4'];
    expect(done.toSorted()).toEqual(all.filter((id) => !bad.includes(id)).toSorted());
    expect([...failed.keys()].toSorted()).toEqual(bad);
    expect(failed.get('sweep/3')).toBe('the weights diverged');
    expect(failed.get('sweep/4')).toMatch(/^its process ended by SIGKILL, the last time on /);
    expect(begun.get(4)).toBeGreaterThanOrEqual(3);
  });

  it('gives a job that is stopped, or that a machine cannot do, to another worker', async () => {
    const [leave, ends] = [new AbortController(), new AbortController()];
    const first: Handler = async (_, signal) => {
      leave.abort();
      while (!signal.aborted) await setTimeout(5);
      return { kind: 'stopped' };
    };
    const options = { jobs: 1, leaseSeconds: 5 };
    const done: string[] = [];
    const handed = handOut(address(), jobsOf(1), {
      signal: never,
      onDone: (id) => done.push(id),
      onFailed() {},
    });
    await workOn(address(), first, { ...options, signal: leave.signal });
    const unfit: Handler = async () => ({
      kind: 'unfit',
      message: 'there are no such images here',
    });
    await expect(workOn(address(), unfit, { ...options, signal: never })).rejects.toThrow(
      'there are no such images here',
    );
    const last = workOn(address(), async () => ({ kind: 'done' }), {
      ...options,
      signal: ends.signal,
      idleSeconds: 60,
    });
    await handed;
    ends.abort();
    await last;
    expect(done).toEqual(['sweep/0']);
  });

  it('takes jobs back when it is told to stop, and is refused with another password', async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    const stopped = handOut(address(), jobsOf(5), {
      signal: stop.signal,
      onDone() {},
      onFailed() {},
      onView: () => stop.abort(new Error('told to stop')),
    });
    await expect(stopped).rejects.toThrow('told to stop');
    const options = { jobs: 1, leaseSeconds: 5, idleSeconds: 0.3, signal: never };
    const handler: Handler = async (data) => {
      seen.push(numberOf(data));
      return { kind: 'done' };
    };
    await workOn(address(), handler, options);
    expect(seen).toEqual([]);
    const wrong = queueAddress(`redis://:other@127.0.0.1:${server.port}`);
    await expect(workOn(wrong, handler, options)).rejects.toThrow(/WRONGPASS|AUTH/);
  });
});
