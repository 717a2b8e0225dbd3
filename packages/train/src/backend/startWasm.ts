import { trainingKernels, type WasmMemory } from '@hbnn/wasm';
import { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { registerFusedKernels } from './fusedKernels.ts';
import { registerStandardKernels } from './standardKernels.ts';
import { type WasmModule, wasmHeap } from './wasmHeap.ts';

interface EmscriptenModule extends WasmModule {
  cwrap(
    name: string,
    result: string | null,
    parameters: string[],
  ): (...values: number[]) => number | undefined;
  tfjs: Record<string, (...values: number[]) => number | undefined>;
}

type Receive = (instance: unknown, module: unknown) => void;

/** What `@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js` exports. */
export type EmscriptenFactory = (config: {
  locateFile: (path: string) => string;
  instantiateWasm: (imports: unknown, receive: Receive) => object;
}) => Promise<EmscriptenModule>;

interface Compiled {
  readonly instance: { readonly exports: Record<string, unknown> };
  readonly module: unknown;
}

const webAssembly: {
  readonly Memory: new () => WasmMemory;
  instantiate(code: Uint8Array, imports: unknown): Promise<Compiled>;
} = Reflect.get(globalThis as object, 'WebAssembly');

/**
 * Start TensorFlow.js's WASM backend with our kernels on its heap. Its own boot hides the memory, so the
 * module is built here from the same files: the loader without SIMD in its name (it takes either binary) with
 * the SIMD binary, one thread.
 *
 * @param code the bytes of wasm-out/tfjs-backend-wasm-simd.wasm
 * @param factory what wasm-out/tfjs-backend-wasm.js exports
 */
export async function startWasm(code: Uint8Array, factory: EmscriptenFactory): Promise<void> {
  let memory: WasmMemory | undefined;
  const module = await withoutNewListeners(
    () =>
      new Promise<EmscriptenModule>((resolve, reject) => {
        factory({
          locateFile: (path) => path,
          instantiateWasm: (imports, receive) => {
            webAssembly.instantiate(code, imports).then(({ instance, module }) => {
              memory = Object.values(instance.exports).find(
                (value): value is WasmMemory => value instanceof webAssembly.Memory,
              );
              receive(instance, module);
            }, reject);
            return {};
          },
        }).then(resolve, reject);
      }),
  );
  if (!memory) throw new Error('tfjs-backend-wasm exports no memory');
  module.tfjs = {
    init: module.cwrap('init', null, []),
    initWithThreadsCount: module.cwrap('init_with_threads_count', null, ['number']),
    getThreadsCount: module.cwrap('get_threads_count', 'number', []),
    registerTensor: module.cwrap('register_tensor', null, ['number', 'number', 'number']),
    disposeData: module.cwrap('dispose_data', null, ['number']),
    dispose: module.cwrap('dispose', null, []),
  };
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', () => new BackendWasm(module as never), 2);
  if (!(await tf.setBackend('wasm'))) throw new Error('tf.setBackend refused it');
  const heap = wasmHeap(module, memory, tf.backend() as BackendWasm);
  const kernels = await trainingKernels(memory, heap.withScratch);
  registerStandardKernels(heap, kernels);
  registerFusedKernels(heap, kernels);
}

/** Emscripten's loader adds handlers that turn every rejection into a crash; take off what `run` adds. */
async function withoutNewListeners<T>(run: () => Promise<T>): Promise<T> {
  // A page has no such handlers.
  if (typeof process !== 'object' || typeof process.listeners !== 'function') return run();
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => new Set<unknown>(process.listeners(event as never)));
  try {
    return await run();
  } finally {
    events.forEach((event, i) => {
      for (const listener of process.listeners(event as never) as (() => void)[])
        if (!before[i].has(listener)) process.removeListener(event, listener);
    });
  }
}
