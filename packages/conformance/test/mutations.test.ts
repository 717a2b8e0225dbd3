import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { decodeModel, encodeModel, randomModel } from '@hbnn/model';
import { loadModel } from '@hbnn/wasm';
import { expect, test } from 'vitest';
import { mutation } from '../src/mutations.ts';

const script = fileURLToPath(new URL('../scripts/mutate.ts', import.meta.url));

test('600 damaged model files are refused clearly or load whole, in a process of little heap', () => {
  const options = ['--expose-gc', '--max-old-space-size=192', '--conditions=hbnn-source'];
  const args = [...options, '--import', 'tsx', script, '600'];
  const out = execFileSync(process.execPath, args, { encoding: 'utf8' });
  const found = JSON.parse(out) as Record<string, number>;
  expect(found).toMatchObject({ mutations: 600, failed: 0 });
  // Both ends are reached: some damage does not matter (a name, a sign), most does.
  expect(found.loaded).toBeGreaterThan(20);
  expect(found.refused).toBeGreaterThan(300);
});

test('mutations are the same for a seed, and mended checksums lead past the first checks', () => {
  const file = encodeModel(randomModel(3));
  const messages = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const { bytes } = mutation(file, seed);
    expect(Buffer.compare(bytes, mutation(file, seed).bytes)).toBe(0);
    try {
      decodeModel(bytes, 'm');
    } catch (error) {
      messages.add((error as Error).message.replaceAll(/\d+/g, 'N'));
    }
  }
  expect(messages.size).toBeGreaterThan(40);
});

/** What came of an attempt: the error's words, or that there was none. */
async function outcome(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
    return 'loaded';
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

test('an engine refuses damaged files with the words of the reader', async () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 400; seed++) {
    const file = encodeModel(randomModel(seed % 12));
    const { what, bytes } = mutation(file, `engine ${seed}`);
    const plain = await outcome(() => decodeModel(bytes));
    const own = await outcome(async () => (await loadModel(bytes)).dispose());
    expect(own, `${seed}: ${what}`).toBe(plain);
    seen.add(plain.replaceAll(/\d+/g, 'N'));
  }
  expect(seen.size).toBeGreaterThan(40);
});
