import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { presentSystem } from '../runManifest.ts';
import { folderInShared, SharedSweeps } from './queue.ts';

const shared = mkdtempSync(join(tmpdir(), 'hbnn-shared-'));
const { hbnn: version, commit } = presentSystem();
const hbnn = commit === null ? version : `${version} of commit ${commit.slice(0, 12)}`;
const id = '0123456789abcdef';
const plan = {
  format: 'HBNN sweep, version 1',
  id,
  backend: 'wasm',
  settings: [{ name: 'weights 1.4', folder: 'weights-1.4', values: {}, config: { weights: 1.4 } }],
  seeds: [7],
};
mkdirSync(join(shared, 'team'));
mkdirSync(join(shared, 'team/swept'));
writeFileSync(join(shared, 'team/swept/sweep.json'), JSON.stringify(plan));
const job = {
  sweep: id,
  folder: 'team/swept',
  job: 'weights-1.4/seed-7',
  checkpointSeconds: 20,
  hbnn,
};

describe('the folder of a sweep in the shared one', () => {
  it('is told relative to it, whatever it is called on this machine', () => {
    expect(folderInShared(join(shared, 'team/swept'), shared)).toBe('team/swept');
    expect(folderInShared('runs/swept', undefined)).toBe('swept');
    expect(() => folderInShared('/elsewhere/swept', shared)).toThrow(
      '--shared: expected the folder',
    );
    expect(() => folderInShared('s3://bucket/swept', undefined)).toThrow(
      '--out: expected a folder of this machine, got an address of s3://',
    );
    expect(() => folderInShared(shared, shared)).toThrow('--shared: expected the folder');
  });
});

describe('a job of the queue', () => {
  it('is found by the plan that lies in the shared folder', async () => {
    const found = await new SharedSweeps(shared, 10).find(job);
    expect(found).toMatchObject({
      kind: 'task',
      name: 'team/swept: weights-1.4/seed-7',
      task: {
        dir: join(shared, 'team/swept/runs/weights-1.4/seed-7'),
        backend: 'wasm',
        config: { weights: 1.4, seed: 7 },
        takeOverSeconds: 10,
      },
    });
  });

  it('is left to another machine where this one has another version', async () => {
    const other = await new SharedSweeps(shared, 10).find({ ...job, hbnn: '0.0.1' });
    expect(other).toMatchObject({ kind: 'unfit' });
    expect(other).toHaveProperty('message', expect.stringContaining('expected hbnn 0.0.1'));
  });

  it.each([
    [{ ...job, folder: '../elsewhere' }, 'expected a folder inside the shared one'],
    [{ ...job, folder: 'team/../../elsewhere' }, 'expected a folder inside the shared one'],
    [{ ...job, folder: '/etc' }, 'expected a folder inside the shared one'],
    [{ ...job, folder: 'C:\\work' }, 'expected a folder inside the shared one'],
    [{ ...job, folder: '' }, 'expected a folder inside the shared one'],
    [{ ...job, checkpointSeconds: '20' }, 'expected a folder inside the shared one'],
    [null, 'expected a folder inside the shared one'],
    [{ ...job, folder: 'team' }, 'expected the sweep 0123456789abcdef, got none'],
    [{ ...job, sweep: 'fedcba9876543210' }, `got the sweep ${id}`],
    [{ ...job, job: '../../x' }, 'expected a sweep with ../../x'],
  ])('%j is refused', async (data, message) => {
    await expect(new SharedSweeps(shared, 10).find(data)).rejects.toThrow(message);
  });

  it('is refused where the plan leads out of the folder', async () => {
    for (const folder of ['..', 'a/b', '../../x']) {
      const [setting] = plan.settings;
      const bad = { ...plan, settings: [{ ...setting, folder }] };
      writeFileSync(join(shared, 'team/sweep.json'), JSON.stringify(bad));
      const found = new SharedSweeps(shared, 10).find({ ...job, folder: 'team' });
      await expect(found).rejects.toThrow('expected HBNN sweep, version 1');
    }
  });
});
