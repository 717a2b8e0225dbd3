import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pnpmName } from '@hbnn/cli/output';
import { expect, it } from 'vitest';
import { bundledReproduce } from './bundle.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const cache = here('../../.cache/reproduce');

/** So many epochs that no sweep ever ends and is taken from the cache. */
const epochs = 4321;

/** The run folders of the sweep. */
const runFolders = (): string[] =>
  !existsSync(cache)
    ? []
    : readdirSync(cache, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('config.json'))
        .map((name) => join(cache, name, '..'))
        .filter((folder) =>
          readFileSync(join(folder, 'config.json'), 'utf8').includes(`${epochs}`),
        );

const savedSince = (start: number): string[] =>
  runFolders().filter((folder) => {
    const checkpoint = join(folder, 'checkpoint.bin');
    return existsSync(checkpoint) && statSync(checkpoint).mtimeMs >= start;
  });

/** `pnpm --filter @hbnn/benchmarks signals`: every signal in every way, not one. */
const all = process.env.HBNN_SIGNALS === 'all';
const more = [
  ['SIGTERM', 143, 'it alone'],
  ['SIGINT', 130, 'it alone'],
  ['SIGTERM', 143, 'its group'],
] as const;

it.each([['SIGINT', 130, 'its group'] as const, ...(all ? more : [])])(
  'a sweep told to stop by %s saves its trainings and says how to continue (%i, %s)',
  async (signal, code, told) => {
    const out = mkdtempSync(join(tmpdir(), 'hbnn-reproduce-'));
    const args = ['--only', 'mix-insensitivity', '--seeds', '1', '--jobs', '1', '--out', out];
    const all = [...args, '--epochs', `${epochs}`];
    const sweep = spawn(process.execPath, [bundledReproduce, ...all], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let err = '';
    sweep.stderr.on('data', (part) => {
      err += part;
    });
    const ended = new Promise((done) => sweep.once('close', done));
    while (!err.includes('1 running') && sweep.exitCode === null) await setTimeout(20);
    const start = Date.now();
    process.kill(told === 'its group' ? -Number(sweep.pid) : Number(sweep.pid), signal);
    expect(await ended, err).toBe(code);
    expect(err).toContain(`bench:reproduce: stopped by ${signal}\n`);
    expect(err).toContain(`\n  ${pnpmName()} bench:reproduce ${all.join(' ')}\n`);
    const saved = savedSince(start);
    expect(saved).toHaveLength(1);
    expect(existsSync(join(saved[0], 'run.lock'))).toBe(false);
    expect(readdirSync(out)).toEqual([]);
  },
);

it('a sweep whose training is killed says so, and how to go on', async () => {
  const out = mkdtempSync(join(tmpdir(), 'hbnn-reproduce-'));
  const args = ['--only', 'mix-insensitivity', '--seeds', '1', '--jobs', '1', '--out', out];
  const start = Date.now();
  const sweep = spawn(process.execPath, [bundledReproduce, ...args, '--epochs', `${epochs}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let err = '';
  sweep.stderr.on('data', (part) => {
    err += part;
  });
  const ended = new Promise((done) => sweep.once('close', done));
  while (!err.includes('1 running') && sweep.exitCode === null) await setTimeout(20);
  const locks = runFolders().map((folder) => join(folder, 'run.lock'));
  // A sweep killed with its workers has left a lock that is older.
  const taken = (file: string) => existsSync(file) && statSync(file).mtimeMs >= start;
  const lock = locks.find(taken) ?? '';
  process.kill(Number(JSON.parse(readFileSync(lock, 'utf8')).pid), 'SIGKILL');
  expect(await ended, err).toBe(2);
  expect(err).toMatch(
    /bench:reproduce: .*process to end by itself, .* start again with fewer --jobs/,
  );
  expect(readdirSync(out)).toEqual([]);
});
