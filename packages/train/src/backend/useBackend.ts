import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients of all operations; core's own list of them cannot be loaded by Node.
import '@tensorflow/tfjs-layers';
import { bootWasm } from './bootWasm.ts';

export type BackendName = 'tensorflow' | 'wasm' | 'cpu';

export const backendNames: readonly BackendName[] = ['tensorflow', 'wasm', 'cpu'];

const load = createRequire(import.meta.url);

/** Backends that have started in this process. */
const started = new Map<BackendName, Promise<void>>();

const starters: Record<BackendName, () => Promise<void>> = {
  tensorflow: startTensorFlow,
  wasm: bootWasm,
  cpu: startCpu,
};

const reasons: Record<BackendName, string> = {
  tensorflow: "TensorFlow's native library",
  wasm: "TensorFlow.js's WASM backend with the kernels of @hbnn/wasm, one thread",
  cpu: 'plain JavaScript, far slower than wasm',
};

/**
 * Set the TensorFlow.js backend: the only place that does.
 *
 * @param o.prefer `auto` (default) takes the first of tensorflow, wasm, cpu that starts; a name takes that one
 * @returns its name, and in one line why it was taken
 * @throws HbnnError when the preferred backend cannot be had
 */
export async function useBackend(
  o: { prefer?: 'auto' | BackendName } = {},
): Promise<{ name: BackendName; why: string }> {
  const { prefer = 'auto' } = o;
  if (prefer !== 'auto') {
    if (!backendNames.includes(prefer))
      throw new HbnnError(
        `backend: expected auto, ${backendNames.join(', ')}, got '${String(prefer)}'; pass one of these`,
      );
    const failure = await start(prefer);
    if (failure) throw new HbnnError(wayOut(prefer, failure));
    return { name: prefer, why: `${prefer}: ${reasons[prefer]}, as asked for` };
  }
  const failures: string[] = [];
  for (const name of backendNames) {
    const failure = await start(name);
    if (!failure) {
      const because = failures.length > 0 ? ` (${failures.join('; ')})` : '';
      return { name, why: `${name}: ${reasons[name]}${because}` };
    }
    failures.push(`${name} did not start: ${failure}`);
  }
  throw new Error(`no backend starts: ${failures.join('; ')}`);
}

function wayOut(name: BackendName, failure: string): string {
  const way =
    name === 'tensorflow'
      ? "install @tensorflow/tfjs-node with its build script and network access to TensorFlow's downloads, or use wasm"
      : 'reinstall the packages, or use cpu';
  return `backend: expected ${name}, but it did not start: ${failure}; ${way}`;
}

/** Starts a backend once and makes it the current one. Returns why it cannot, in one line. */
async function start(name: BackendName): Promise<string | undefined> {
  try {
    const starting = started.get(name) ?? starters[name]();
    started.set(name, starting);
    await starting;
    const set = await tf.setBackend(name);
    await tf.ready();
    if (!set || tf.getBackend() !== name) return 'TensorFlow.js refused it';
    return undefined;
  } catch (error) {
    return String(error instanceof Error ? error.message : error)
      .split('\n')[0]
      .slice(0, 200);
  }
}

async function startCpu(): Promise<void> {
  await tf.setBackend('cpu');
  // It greets at the first tensor, on stderr; `why` has said what there is to say.
  Reflect.set(tf.backend(), 'firstUse', false);
}

/** The package may be there without its library (its download failed, or was not allowed). */
async function startTensorFlow(): Promise<void> {
  if (!hasAddon()) throw new Error('@tensorflow/tfjs-node is not installed with its native addon');
  const util = load('node:util') as { isNullOrUndefined?: (value: unknown) => boolean };
  // Node 23 removed it; tfjs-node 4.22 calls it.
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  // Told before it loads, the library keeps its CPU features to itself (a newer one still logs one line
  // before it reads this).
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  const name: string = '@tensorflow/tfjs-node';
  await import(name);
}

/** Looks before importing: an import without the addon loads all of TensorFlow.js before it fails. */
function hasAddon(): boolean {
  try {
    const library = join(dirname(load.resolve('@tensorflow/tfjs-node/package.json')), 'lib');
    return readdirSync(library).some((abi) =>
      readdirSync(join(library, abi)).includes('tfjs_binding.node'),
    );
  } catch {
    return false;
  }
}
