// `pnpm --filter @hbnn/sweep queue [--jobs N] [--workers N] [--seed N]`: a sweep over a real Redis whose workers, server
// and own process are killed at random times must end with the bytes of one in a single process. Says what a job costs.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { random } from '@hbnn/core';
import { handOut, queueAddress, workOn } from '@hbnn/sweep';
import bundle, { bundled } from '../../cli/test/bundle.ts';
import { hasRedis, RedisServer } from '../test/redisServer.ts';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '500' },
    workers: { type: 'string', default: '6' },
    seed: { type: 'string', default: '1' },
  },
});
const [jobs, workers, seed] = [values.jobs, values.workers, values.seed].map(Number);
const leaseSeconds = 10;
const isRoot = process.getuid?.() === 0;
const draw = random(seed, 'queue');
const between = (low: number, high: number): number => low + (high - low) * draw.uniform();

if (!hasRedis) throw new Error('redis-server is not installed; Debian’s package is redis-server');
const folder = mkdtempSync(join(tmpdir(), 'hbnn-queue-'));
const file = join(folder, 'sweep.json');
const settings = { limit: 320, testLimit: 50, epochs: 2, batch: 32, recalibrate: 0 };
writeFileSync(
  file,
  JSON.stringify({ settings, grid: { weights: [1.4, 2] }, seeds: Math.ceil(jobs / 2) }),
);
const out = (name: string): string => join(folder, name);
const resultsOf = (name: string): Buffer => readFileSync(join(out(name), 'results.jsonl'));

const children = new Set<ChildProcess>();

/** The command, on a machine of another name where one is given. */
function start(args: readonly string[], machine?: string): ChildProcess {
  const command = [process.execPath, bundled, ...args];
  const named = ['unshare', '--uts', 'sh', '-c', `hostname ${machine}; exec "$@"`, 'sh'];
  const [program, ...rest] = machine === undefined ? command : [...named, ...command];
  const child = spawn(program, rest, { stdio: 'ignore' });
  children.add(child.once('exit', () => children.delete(child)));
  return child;
}

const seconds = (begun: number): number => (performance.now() - begun) / 1000;
const ended = async (child: ChildProcess): Promise<number | null> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
};
const check = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(`${what}; its files are in ${folder}`);
};

/** The time of a sweep in a single process, and of its start alone. */
async function inProcess(): Promise<number> {
  const begun = performance.now();
  const code = await ended(start(['sweep', file, '--out', out('alone'), '--quiet']));
  check(code === 0, `the sweep in one process ended with ${code}`);
  return seconds(begun);
}

/** Milliseconds that the queue takes for a job which does nothing. */
async function emptyJobs(server: RedisServer, count: number): Promise<number> {
  const address = queueAddress(`redis://127.0.0.1:${server.port}`);
  const all = Array.from({ length: count }, (_, i) => ({ id: `empty/${i}`, data: { i } }));
  const leave = new AbortController();
  const begun = performance.now();
  let last = begun;
  let handled = 0;
  const work = workOn(
    address,
    async () => {
      handled++;
      last = performance.now();
      return { kind: 'done' };
    },
    { jobs: 1, leaseSeconds: 30, signal: leave.signal },
  );
  const none = new AbortController().signal;
  await handOut(address, all, { signal: none, onDone() {}, onFailed() {} });
  leave.abort();
  await work;
  check(handled === count, `${handled} empty jobs were handled instead of ${count}`);
  return (last - begun) / count;
}

/** The time of a sweep over a queue with one worker that nobody kills, the worker's start included. */
async function undisturbed(server: RedisServer): Promise<number> {
  const queue = ['--queue', `redis://127.0.0.1:${server.port}`];
  const begun = performance.now();
  const worker = start(['sweep', 'worker', ...queue, '--shared', folder]);
  const code = await ended(start(['sweep', file, '--out', out('queued'), ...queue, '--quiet']));
  const taken = seconds(begun);
  worker.kill('SIGTERM');
  await ended(worker);
  check(code === 0, `the sweep over a queue ended with ${code}`);
  check(resultsOf('queued').equals(resultsOf('alone')), 'the queued results have other bytes');
  return taken;
}

interface Faults {
  workers: number;
  servers: number;
  cuts: number;
  sweeps: number;
}

/** Trainings of the disturbed sweep that have ended. */
function endedCount(): number {
  const runs = join(out('killed'), 'runs');
  if (!existsSync(runs)) return 0;
  return readdirSync(runs, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('manifest.json'),
  ).length;
}

const maxWaitMs = 60_000;

/** Wait until a number of further trainings, or the whole sweep, has ended. */
async function moreDone(count: number, gone: Promise<unknown>): Promise<void> {
  let isGone = false;
  gone.then(() => {
    isGone = true;
  });
  const [before, begun] = [endedCount(), performance.now()];
  while (!isGone && endedCount() < before + count && performance.now() - begun < maxWaitMs)
    await setTimeout(250 + 500 * draw.uniform());
}

/** A sweep during which everything is killed now and then. */
async function disturbed(server: RedisServer): Promise<{ taken: number; faults: Faults }> {
  const faults: Faults = { workers: 0, servers: 0, cuts: 0, sweeps: 0 };
  const queue = ['--queue', `redis://127.0.0.1:${server.port}`];
  const work = ['sweep', 'worker', ...queue, '--shared', folder];
  const machineOf = (i: number): string | undefined =>
    isRoot && i % 2 === 1 ? `machine-${i}` : undefined;
  const begin = (i: number): ChildProcess =>
    start([...work, '--lease-seconds', String(leaseSeconds)], machineOf(i));
  const all = Array.from({ length: workers }, (_, i) => begin(i));
  const sweepArgs = [file, '--out', out('killed'), ...queue, '--checkpoint-seconds', '0.1'];
  const sweep = (): ChildProcess => start(['sweep', ...sweepArgs, '--quiet']);
  const begun = performance.now();
  let own = sweep();
  let gone = ended(own);
  for (let round = 1; own.exitCode === null && own.signalCode === null; round++) {
    // By what is done, not by the clock: a slow machine would only ever start workers.
    await moreDone(between(2, 18), gone);
    if (own.exitCode !== null) break;
    const i = Math.floor(between(0, workers));
    all[i].kill('SIGKILL');
    await ended(all[i]);
    all[i] = begin(i);
    faults.workers++;
    if (round % 8 === 3) {
      await server.restart(between(200, 2000));
      faults.servers++;
    }
    if (round % 8 === 6) {
      await server.freeze(1000 * between(1, 1.5 * leaseSeconds));
      faults.cuts++;
    }
    if (round % 12 === 10) {
      own.kill('SIGKILL');
      await gone;
      own = sweep();
      gone = ended(own);
      faults.sweeps++;
    }
  }
  const taken = seconds(begun);
  for (const worker of all) worker.kill('SIGTERM');
  await Promise.all(all.map(ended));
  check(own.exitCode === 0, `the disturbed sweep ended with ${own.exitCode}`);
  return { taken, faults };
}

/** Each training there once, each of its steps taken into account once, and nothing left locked. */
function checkOnce(): void {
  check(resultsOf('killed').equals(resultsOf('alone')), 'the disturbed results have other bytes');
  const names = resultsOf('killed')
    .toString()
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { job: string }).job);
  check(new Set(names).size === names.length, 'a training is there twice');
  check(names.length === 2 * Math.ceil(jobs / 2), `${names.length} trainings are there`);
  for (const name of names) {
    const run = join(out('killed'), 'runs', name);
    const steps = readFileSync(join(run, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { step: number }).step);
    check(
      steps.every((step, i) => i === 0 || step > steps[i - 1]),
      `${name} has taken a step twice`,
    );
    const left = readdirSync(run).filter((entry) => /lock|\.tmp$/.test(entry));
    check(left.length === 0, `${name} still has ${left.join(', ')}`);
  }
  const failures = readFileSync(join(out('killed'), 'failures.jsonl'), 'utf8');
  check(failures === '', `trainings failed: ${failures}`);
  check(!existsSync(join(out('killed'), 'run.lock')), 'the sweep is still locked');
}

await bundle();
const server = await RedisServer.started();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, async () => {
    for (const child of children) child.kill('SIGKILL');
    await server.kill();
    process.exit(1);
  });
try {
  const alone = await inProcess();
  const emptyMs = await emptyJobs(server, 2000);
  const queued = await undisturbed(server);
  const { taken, faults } = await disturbed(server);
  checkOnce();
  const version = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
  console.log(
    JSON.stringify({
      jobs: 2 * Math.ceil(jobs / 2),
      workers,
      seed,
      redis: /v=(\S+)/.exec(version)?.[1],
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      machines: isRoot ? 'every second worker on a machine of another name' : 'one',
      inProcessSeconds: Number(alone.toFixed(2)),
      queuedSeconds: Number(queued.toFixed(2)),
      queueMsPerJob: Number(((1000 * (queued - alone)) / jobs).toFixed(1)),
      emptyJobMs: Number(emptyMs.toFixed(2)),
      disturbedSeconds: Number(taken.toFixed(2)),
      killed: faults,
      results: 'the same bytes, each training once, none failed',
    }),
  );
  rmSync(folder, { recursive: true, force: true });
} finally {
  for (const child of children) child.kill('SIGKILL');
  await server.kill();
}
