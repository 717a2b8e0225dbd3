import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ObjectStore, storeAddress } from '@hbnn/sweep';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRedis, RedisServer } from '../../sweep/test/redisServer.ts';
import { hasS3Server, S3Server } from '../../sweep/test/s3Server.ts';
import { hbnn, hbnnProcess, startHbnn, temporary } from './process.ts';

const settings = { limit: 320, testLimit: 50, epochs: 6, batch: 32, recalibrate: 0 };

it.each([
  ['s3://sweeps', /--shared: expected the key of the store in AWS_ACCESS_KEY_ID, got none/],
  ['gs://sweeps', /--shared: expected a folder or s3:\/\/BUCKET\/PREFIX, got an address of gs:/],
])('a worker refuses %s', (shared, message) => {
  const queue = ['--queue', 'redis://127.0.0.1:1', '--shared', shared];
  const { code, err } = hbnn('sweep', 'worker', ...queue);
  expect(err).toMatch(message);
  expect(code).toBe(2);
});

it.each([
  [['--dashboard', '3000'], /--dashboard: has no effect without a queue; give --queue too/],
  [
    ['--queue', 'redis://h', '--dashboard', '70000'],
    /--dashboard: expected a port of at most 65535/,
  ],
  [['--queue', 'redis://h', '--dashboard', 'x'], /--dashboard: expected a whole number/],
])('a sweep refuses %j', (words, message) => {
  const { code, err } = hbnn('sweep', 'none.json', '--out', 'none', ...words);
  expect(err).toMatch(message);
  expect(code).toBe(2);
});

it('has its own folder on this machine', () => {
  const { err } = hbnn('sweep', 'none.json', '--out', 's3://sweeps/a');
  expect(err).toMatch(/--out: expected a folder of this machine, got an address of s3:/);
});

const missing = [hasRedis ? [] : ['redis-server'], hasS3Server ? [] : ['moto_server']].flat();
const reason =
  missing.length === 0 ? '' : ` (skipped: there is no ${missing.join(' and no ')} here)`;

describe.skipIf(missing.length > 0)(`a sweep that is kept in a store${reason}`, () => {
  let redis: RedisServer;
  let s3: S3Server;
  beforeAll(async () => {
    [redis, s3] = await Promise.all([RedisServer.started(), S3Server.started()]);
    Object.assign(process.env, s3.env);
  });
  afterAll(() => Promise.all([redis.kill(), s3.kill()]));

  it('has the bytes of one in a single process, though a worker is lost with its disk', async () => {
    const dir = temporary();
    const file = join(dir, 'sweep.json');
    writeFileSync(file, JSON.stringify({ settings, grid: { weights: [1.4, 2] }, seeds: 1 }));
    const alone = join(dir, 'alone');
    expect(hbnnProcess('sweep', file, '--out', alone, '--backend', 'wasm').code).toBe(0);
    const out = join(dir, 'stored');
    const queue = ['--queue', `redis://127.0.0.1:${redis.port}`, '--shared', 's3://sweeps/a/b'];
    const sweepWords = [file, '--out', out, '--backend', 'wasm', '--checkpoint-seconds', '0.05'];
    const sweep = startHbnn('sweep', ...sweepWords, ...queue, '-q');
    const ended = new Promise<number | null>((done) => sweep.once('exit', done));
    const worker = ['sweep', 'worker', ...queue, '--lease-seconds', '2', '-q'];
    const first = startHbnn(...worker);
    const store = new ObjectStore(storeAddress('s3://sweeps/a/b'));
    const planFile = join(out, 'sweep.json');
    while (!existsSync(planFile)) await setTimeout(20);
    const { id } = JSON.parse(readFileSync(planFile, 'utf8')) as { id: string };
    const index = `${id}/runs/weights-1.4/seed-1/index.json`;
    const kept = async (): Promise<string> =>
      Buffer.from((await store.get(index)) ?? []).toString();
    while (!(await kept()).includes('checkpoint.bin') && sweep.exitCode === null)
      await setTimeout(20);
    first.kill('SIGKILL');
    const second = startHbnn(...worker, '--idle-seconds', '4');
    expect(await ended).toBe(0);
    const bytes = (folder: string, name: string): Buffer => readFileSync(join(folder, name));
    for (const name of ['results.jsonl', 'runs/weights-2/seed-1/weights.bin'])
      expect(bytes(out, name).equals(bytes(alone, name))).toBe(true);
    const left = readdirSync(out, { recursive: true, encoding: 'utf8' });
    expect(left.filter((name) => /\.(tmp|lock)$/.test(name))).toEqual([]);
    expect(await new Promise((done) => second.once('exit', done))).toBe(0);
  });
});
