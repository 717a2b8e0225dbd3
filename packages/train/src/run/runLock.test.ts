import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { lockRunFolder, refuseLocked } from './runLock.ts';

const folder = (): string => mkdtempSync(join(tmpdir(), 'hbnn-lock-'));
const lockOf = (dir: string): string => join(dir, 'run.lock');
const since = '2026-01-02T03:04:05.000Z';

describe('a run folder', () => {
  it('belongs to one at a time, and is free again afterwards', async () => {
    const dir = folder();
    const { release } = await lockRunFolder(dir);
    expect(JSON.parse(readFileSync(lockOf(dir), 'utf8'))).toMatchObject({
      pid: process.pid,
      host: hostname(),
    });
    await expect(lockRunFolder(dir)).rejects.toThrow(`process ${process.pid}`);
    expect(() => refuseLocked(dir)).toThrow('choose another folder');
    release();
    expect(existsSync(lockOf(dir))).toBe(false);
    (await lockRunFolder(dir)).release();
  });

  it('is waited for', async () => {
    const dir = folder();
    const { release } = await lockRunFolder(dir);
    const waitedFor: string[] = [];
    const second = lockRunFolder(dir, {
      waitSeconds: 20,
      onWait: (holder) => waitedFor.push(holder),
    });
    await setTimeout(150);
    release();
    (await second).release();
    expect(waitedFor).toEqual([`process ${process.pid} on ${hostname()}`]);
  });

  it('is taken over from a dead process, of this boot or an earlier one', async () => {
    const dir = folder();
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const owners = [
      { pid, host: hostname(), since },
      { pid: process.pid, host: hostname(), since, process: 'another boot 17' },
    ];
    for (const owner of owners) {
      writeFileSync(lockOf(dir), JSON.stringify(owner));
      refuseLocked(dir);
      const { release } = await lockRunFolder(dir);
      expect(JSON.parse(readFileSync(lockOf(dir), 'utf8'))).toMatchObject({ pid: process.pid });
      release();
    }
  });

  it('is left to a living process, to another machine, and to a lock that says nothing', async () => {
    const dir = folder();
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
    try {
      writeFileSync(lockOf(dir), JSON.stringify({ pid: child.pid, host: hostname(), since }));
      await expect(lockRunFolder(dir)).rejects.toThrow(`process ${child.pid} on ${hostname()}`);
      writeFileSync(lockOf(dir), JSON.stringify({ pid: 1, host: 'elsewhere.example', since }));
      await expect(lockRunFolder(dir)).rejects.toThrow('elsewhere.example trains into it since');
      writeFileSync(lockOf(dir), '');
      await expect(lockRunFolder(dir)).rejects.toThrow('does not say who trains there');
      expect(readFileSync(lockOf(dir), 'utf8')).toBe('');
    } finally {
      child.kill();
    }
  });

  it('is taken over from another machine once its lock is not touched any more', async () => {
    const dir = folder();
    const lock = JSON.stringify({ pid: 1, host: 'elsewhere.example', since });
    writeFileSync(lockOf(dir), lock);
    let beats = 0;
    const beat = setInterval(() => utimesSync(lockOf(dir), 1, ++beats), 20);
    // It waits for a holder that lives, whatever the holder's clock says.
    const living = lockRunFolder(dir, { waitSeconds: 1, takeOverSeconds: 0.5 });
    await expect(living).rejects.toThrow('elsewhere.example trains into it since');
    clearInterval(beat);
    const mine = await lockRunFolder(dir, { waitSeconds: 60, takeOverSeconds: 0.5 });
    mine.check();
    expect(JSON.parse(readFileSync(lockOf(dir), 'utf8'))).toMatchObject({ pid: process.pid });
    // Taken over itself, it writes nothing more and leaves the other's lock alone.
    writeFileSync(lockOf(dir), lock);
    expect(mine.check).toThrow('was taken over by process 1 on elsewhere.example');
    mine.release();
    expect(readFileSync(lockOf(dir), 'utf8')).toBe(lock);
  });

  it('goes to exactly one of many that take over at once', async () => {
    const dir = folder();
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(lockOf(dir), JSON.stringify({ pid, host: hostname(), since }));
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => lockRunFolder(dir)));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
