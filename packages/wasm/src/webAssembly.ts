/** A WebAssembly.Memory. (Neither TypeScript's ES2023 library nor Node 20's types name it.) */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
}

/** A kernel as assembly/ exports it: it takes numbers and returns nothing. */
type RawKernel = (...args: number[]) => void;

/** What a module of kernels exports: kernels, and for some the bytes of scratch memory that they need. */
export interface RawKernels {
  readonly [kernel: string]: RawKernel;
  readonly [size: `${string}Scratch`]: (...sizes: number[]) => number;
}

/** Compiled code, to be instantiated on any number of memories. */
export type WasmModule = object;

interface WebAssemblyApi {
  validate(code: Uint8Array): boolean;
  readonly Memory: new (limits: {
    initial: number;
    maximum?: number;
    shared?: boolean;
  }) => WasmMemory;
  compile(code: Uint8Array): Promise<WasmModule>;
  instantiate(
    module: WasmModule,
    imports: Record<string, Record<string, unknown>>,
  ): Promise<{ exports: Record<string, unknown> }>;
}

export const webAssembly: WebAssemblyApi = Reflect.get(globalThis as object, 'WebAssembly');

interface Fetched {
  readonly ok: boolean;
  readonly status: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

// Beside src/ and dist/ alike; a bundler finds files by such expressions.
const plainCode = new URL('../build/inference.wasm', import.meta.url);
const relaxedCode = new URL('../build/inference-relaxed.wasm', import.meta.url);
const sharedCode = new URL('../build/inference-shared.wasm', import.meta.url);
const relaxedSharedCode = new URL('../build/inference-relaxed-shared.wasm', import.meta.url);

/** A module whose only function is i8x16.relaxed_swizzle of two constants: valid where the engine has relaxed SIMD. */
const relaxedProbe = Uint8Array.of(
  0,
  97,
  115,
  109,
  1,
  0,
  0,
  0,
  1,
  5,
  1,
  96,
  0,
  1,
  123,
  3,
  2,
  1,
  0,
  10,
  15,
  1,
  13,
  0,
  65,
  0,
  253,
  15,
  65,
  0,
  253,
  15,
  253,
  128,
  2,
  11,
);

/** Whether this engine has relaxed SIMD. */
export const hasRelaxedSimd = (): boolean => webAssembly.validate(relaxedProbe);

/** The code of integer models' kernels, by default the fastest that the engine takes; for a shared memory or not. */
export function inferenceCode(relaxed: boolean = hasRelaxedSimd(), shared = false): URL {
  if (shared) return relaxed ? relaxedSharedCode : sharedCode;
  return relaxed ? relaxedCode : plainCode;
}

/** Read one of the package's own files: from disk in Node, fetched in a browser. */
async function readAsset(url: URL): Promise<Uint8Array> {
  if (url.protocol === 'file:') {
    // Named by a variable: a bundler for browsers is not to look for it.
    const module = 'node:fs/promises';
    const { readFile } = (await import(module)) as typeof import('node:fs/promises');
    return readFile(url);
  }
  const fetch: (from: URL) => Promise<Fetched> = Reflect.get(globalThis as object, 'fetch');
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: the server answers ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

const compiled = new Map<string, Promise<WasmModule>>();

/** Kernels' code, read and compiled once. */
export function compiledCode(code: URL): Promise<WasmModule> {
  let module = compiled.get(code.href);
  if (module === undefined) {
    module = readAsset(code).then((bytes) => webAssembly.compile(bytes));
    compiled.set(code.href, module);
    module.catch(() => compiled.delete(code.href));
  }
  return module;
}

/** Put kernels on a memory. */
export async function kernelsOn(code: URL, memory: WasmMemory): Promise<RawKernels> {
  const module = await compiledCode(code);
  const { exports } = await webAssembly.instantiate(module, { env: { memory } });
  return exports as RawKernels;
}
