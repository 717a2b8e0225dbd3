import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { checkOptions, HbnnError } from '@hbnn/core';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
// Registers the gradients of all operations; core's own list of them cannot be loaded by Node.
import '@tensorflow/tfjs-layers';
import { registerAveragePoolGradient } from './averagePoolGradient.ts';
import { bootWasm } from './bootWasm.ts';
import { registerHostBinarization } from './hostBinarization.ts';
import { type BackendChoice, type BackendName, backendChoice } from './names.ts';
import './samePadding.ts';
import { startWebGpu } from './webGpu.ts';

/**
 * What `auto` tries. webgpu is had by name alone: its sums differ from GPU to GPU and driver to driver, which the
 * name in a checkpoint does not tell apart, and one in software is far slower than wasm.
 */
const automatic: readonly BackendName[] = ['tensorflow', 'wasm', 'cpu'];

const load = createRequire(import.meta.url);

/** Backends that have started in this process. */
const started = new Map<BackendName, Promise<string | undefined>>();

/** Each may return what else there is to say of what it started. */
const starters: Record<BackendName, () => Promise<string | undefined>> = {
  tensorflow: startTensorFlow,
  wasm: () => bootWasm().then(() => undefined),
  cpu: startCpu,
  webgpu: startWebGpu,
};

const reasons: Record<BackendName, string> = {
  tensorflow: "TensorFlow's native library",
  wasm: 'TensorFlow.js in WebAssembly, @hbnn/wasm kernels, one thread',
  cpu: 'plain JavaScript, far slower than wasm',
  webgpu: 'a GPU through Dawn',
};

const ways: Record<BackendName, string> = {
  tensorflow:
    "install @tensorflow/tfjs-node with its build script and network access to TensorFlow's downloads, or use wasm",
  wasm: 'reinstall the packages, or use cpu',
  cpu: 'reinstall the packages',
  webgpu:
    'install the packages webgpu 0.6.2 and @tensorflow/tfjs-backend-webgpu 4.22.0, a Vulkan loader and the driver of a GPU or of one in software (VK_ICD_FILENAMES names it), or use wasm',
};

/**
 * Set the TensorFlow.js backend: the only place that does.
 *
 * @param o.prefer `auto` (default) takes the first of tensorflow, wasm, cpu that starts; a name takes that one
 *   (webgpu is had by name alone)
 * @returns its name, and in one line why it was taken
 * @throws HbnnError when the preferred backend cannot be had, or for an option that is not known
 */
export async function useBackend(
  o: { prefer?: BackendChoice } = {},
): Promise<{ name: BackendName; why: string }> {
  checkOptions('useBackend', o, ['prefer']);
  const prefer = backendChoice(o.prefer ?? 'auto', 'backend');
  if (prefer !== 'auto') {
    const { failure, detail } = await start(prefer);
    if (failure) throw new HbnnError(wayOut(prefer, failure));
    return { name: prefer, why: `${prefer}: ${reasons[prefer]}${detail}, as asked for` };
  }
  const failures: string[] = [];
  for (const name of automatic) {
    const { failure, detail, optional } = await start(name);
    if (!failure) {
      const because = failures.length > 0 ? ` (${failures.join('; ')})` : '';
      return { name, why: `${name}: ${reasons[name]}${detail}${because}` };
    }
    if (!optional) failures.push(`${name} did not start: ${failure}`);
  }
  throw new Error(`no backend starts: ${failures.join('; ')}`);
}

function wayOut(name: BackendName, failure: string): string {
  return `backend: expected ${name}, but it did not start: ${failure}; ${ways[name]}`;
}

interface Started {
  readonly failure?: string;
  readonly detail: string;
  /** Whether it failed as an optional package that is not there. */
  readonly optional?: boolean;
}

/** Starts a backend once and makes it the current one. Returns why it cannot, in one line. */
async function start(name: BackendName): Promise<Started> {
  try {
    const starting = started.get(name) ?? starters[name]();
    started.set(name, starting);
    const detail = await starting;
    // Again after each start: tfjs-node brings TensorFlow.js's own gradients once more.
    registerAveragePoolGradient();
    const set = await tf.setBackend(name);
    await tf.ready();
    if (!set || tf.getBackend() !== name)
      return { failure: 'TensorFlow.js refused it', detail: '' };
    return { detail: detail ? ` (${detail})` : '' };
  } catch (error) {
    const [line] = String(error instanceof Error ? error.message : error).split('\n');
    return { failure: line.slice(0, 200), detail: '', optional: error instanceof NotInstalled };
  }
}

async function startCpu(): Promise<undefined> {
  await tf.setBackend('cpu');
  // It greets at the first tensor, on stderr; `why` has said what there is to say.
  Reflect.set(tf.backend(), 'firstUse', false);
}

/** An optional backend is not there; nobody asked for it. */
class NotInstalled extends Error {}

/** The package may be there without its library (its download failed, or was not allowed). */
async function startTensorFlow(): Promise<undefined> {
  if (!hasAddon())
    throw new NotInstalled('@tensorflow/tfjs-node is not installed with its native addon');
  const util = load('node:util') as { isNullOrUndefined?: (value: unknown) => boolean };
  // Node 23 removed it; tfjs-node 4.22 calls it.
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  // Told before it loads, the library keeps its CPU features to itself (a newer one still logs one line
  // before it reads this).
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  const name: string = '@tensorflow/tfjs-node';
  await import(name);
  await registerHostBinarization('tensorflow');
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
