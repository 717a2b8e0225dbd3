import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HbnnError } from '@hbnn/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { useBackend } from './useBackend.ts';

test('auto takes the first backend that starts, and says why in one line', async () => {
  const { name, why } = await useBackend();
  expect(tf.getBackend()).toBe(name);
  expect(why).toMatch(new RegExp(`^${name}: `));
  expect(why).not.toContain('\n');
});

test('a name takes that backend, again and again', async () => {
  for (const prefer of ['wasm', 'cpu', 'wasm', 'cpu'] as const) {
    expect((await useBackend({ prefer })).name).toBe(prefer);
    expect(tf.getBackend()).toBe(prefer);
    expect([...tf.add(tf.tensor1d([1, 2]), 1).dataSync()]).toEqual([2, 3]);
  }
});

test('an unknown name, and a backend that cannot be had, are errors with a way out', async () => {
  await expect(useBackend({ prefer: 'metal' as 'cpu' })).rejects.toThrow(
    /expected auto, tensorflow, wasm, cpu, got 'metal'/,
  );
  const auto = await useBackend();
  if (auto.name === 'tensorflow') return;
  const refused = useBackend({ prefer: 'tensorflow' });
  await expect(refused).rejects.toThrow(HbnnError);
  await expect(refused).rejects.toThrow(/install @tensorflow\/tfjs-node/);
});

test('a process that used a backend is quiet, exits by itself and keeps no handlers', () => {
  const source = fileURLToPath(new URL('./useBackend.ts', import.meta.url));
  const code = `
    import { useBackend } from ${JSON.stringify(source)};
    import * as tf from '@tensorflow/tfjs-core';
    for (const prefer of ['wasm', 'cpu', 'auto']) {
      await useBackend({ prefer });
      tf.tidy(() => tf.add(tf.tensor1d([1]), 1).dataSync());
    }
    const events = ['uncaughtException', 'unhandledRejection'];
    process.stdout.write(events.map((event) => process.listenerCount(event)).join());
  `;
  const found = spawnSync(
    process.execPath,
    ['--conditions=hbnn-source', '--import', 'tsx', '--input-type=module', '-e', `${code}`],
    {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      encoding: 'utf8',
      timeout: 30_000,
    },
  );
  expect([found.stdout, found.stderr, found.status]).toEqual(['0,0', '', 0]);
});
