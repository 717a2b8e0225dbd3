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
    /expected one of auto, tensorflow, wasm, cpu, webgpu, got 'metal'/,
  );
  const auto = await useBackend();
  if (auto.name === 'tensorflow') return;
  const refused = useBackend({ prefer: 'tensorflow' });
  await expect(refused).rejects.toThrow(HbnnError);
  await expect(refused).rejects.toThrow(/install @tensorflow\/tfjs-node/);
});

test('a process that used a backend is quiet, exits by itself and keeps no handlers', () => {
  const found = inProcess(`
    import * as tf from '@tensorflow/tfjs-core';
    for (const prefer of ['wasm', 'cpu', 'auto']) {
      await useBackend({ prefer });
      tf.tidy(() => tf.add(tf.tensor1d([1]), 1).dataSync());
    }
    const events = ['uncaughtException', 'unhandledRejection'];
    process.stdout.write(events.map((event) => process.listenerCount(event)).join());
  `);
  expect(found).toEqual({ out: '0,0', err: '', status: 0 });
});

test('without a driver, webgpu is an error that says what is missing and what to do', () => {
  const none = { VK_ICD_FILENAMES: '/nowhere.json', VK_DRIVER_FILES: '/nowhere.json' };
  const code = `console.log((await useBackend({ prefer: 'webgpu' }).catch((e) => e)).message);`;
  const { out, status } = inProcess(code, none);
  expect(out).toMatch(/expected webgpu, .*no adapter was found.*install .* driver .* or use wasm/);
  expect(status).toBe(0);
});

/** Runs code in a process of its own, with `useBackend` at hand. */
function inProcess(code: string, env: Record<string, string> = {}) {
  const source = fileURLToPath(new URL('./useBackend.ts', import.meta.url));
  const whole = `import { useBackend } from ${JSON.stringify(source)};\n${code}`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--conditions=hbnn-source', '--import', 'tsx', '--input-type=module', '-e', whole],
    {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      encoding: 'utf8',
      timeout: 120_000,
      env: { ...process.env, ...env },
    },
  );
  // What TensorFlow's library logs before it reads that it should not.
  const own = stderr
    .split('\n')
    .filter((line) => !/^(WARNING: All log messages before absl|[IW]\d{4,} )/.test(line));
  return { out: stdout, err: own.join('\n'), status };
}
