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

/**
 * Kernels' code as scripts/build.mjs packs it: a module, gzipped, in base64. A page then needs no file beside its
 * scripts: esbuild and Rollup do not follow `new URL('…', import.meta.url)`, nor is there such a URL in a classic
 * script.
 */
export type PackedCode = string;

async function unpacked(code: PackedCode): Promise<Uint8Array> {
  const gzipped = Uint8Array.from(atob(code), (letter) => letter.charCodeAt(0));
  const stream = new Blob([gzipped]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const compiled = new Map<string, Promise<WasmModule>>();

/** Kernels' code, unpacked and compiled once. */
export function compiledCode(code: PackedCode): Promise<WasmModule> {
  let module = compiled.get(code);
  if (module === undefined) {
    module = unpacked(code).then((bytes) => webAssembly.compile(bytes));
    compiled.set(code, module);
    module.catch(() => compiled.delete(code));
  }
  return module;
}

/** Put kernels on a memory. */
export async function kernelsOn(code: PackedCode, memory: WasmMemory): Promise<RawKernels> {
  return moduleOn(await compiledCode(code), memory);
}

/** Put a compiled module's kernels on a memory. */
export async function moduleOn(module: WasmModule, memory: WasmMemory): Promise<RawKernels> {
  const { exports } = await webAssembly.instantiate(module, { env: { memory } });
  return exports as RawKernels;
}
