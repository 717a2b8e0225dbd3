/** A WebAssembly.Memory. (Neither TypeScript's ES2023 library nor Node 20's types name it.) */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
}

/** A kernel as assembly/ exports it: numbers in, nothing out. */
export type RawKernel = (...args: number[]) => void;

/** Compiled code, to be instantiated on any number of memories. */
export type WasmModule = object;

interface WebAssemblyApi {
  readonly Memory: new (limits: { initial: number; maximum?: number }) => WasmMemory;
  compile(code: Uint8Array): Promise<WasmModule>;
  instantiate(
    module: WasmModule,
    imports: Record<string, Record<string, unknown>>,
  ): Promise<{ exports: Record<string, unknown> }>;
}

export const webAssembly: WebAssemblyApi = Reflect.get(globalThis, 'WebAssembly');

interface Fetched {
  readonly ok: boolean;
  readonly status: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The code of integer models' kernels, beside src/ and dist/ alike. */
export const inferenceCode = new URL('../build/inference.wasm', import.meta.url);

/** Read one of the package's own files: from disk in Node, fetched in a browser. */
async function readAsset(url: URL): Promise<Uint8Array> {
  if (url.protocol === 'file:') {
    // Named by a variable: a bundler for browsers is not to look for it.
    const module = 'node:fs/promises';
    const { readFile } = (await import(module)) as typeof import('node:fs/promises');
    return readFile(url);
  }
  const fetch: (from: URL) => Promise<Fetched> = Reflect.get(globalThis, 'fetch');
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: the server answers ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

const compiled = new Map<string, Promise<WasmModule>>();

/** Put kernels on a memory; their code is read and compiled once. */
export async function kernelsOn(
  code: URL,
  memory: WasmMemory,
): Promise<Readonly<Record<string, RawKernel>>> {
  let module = compiled.get(code.href);
  if (module === undefined) {
    module = readAsset(code).then((bytes) => webAssembly.compile(bytes));
    compiled.set(code.href, module);
    module.catch(() => compiled.delete(code.href));
  }
  const { exports } = await webAssembly.instantiate(await module, { env: { memory } });
  return exports as Record<string, RawKernel>;
}
